//! Why a connection failed: the cause in the error of an HTTP client.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, ErrorKind};

use rustls::CertificateError;

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No process listens on the port.
    Refused,
    /// The other side closed the connection.
    Reset,
    TimedOut,
    Unreachable,
    /// The host's name does not resolve.
    Name,
    /// The server's certificate is no longer valid.
    Expired,
    NotYetValid,
    UnknownAuthority,
    WrongName,
    Tls(String),
    /// Any other error, with the innermost message.
    Other(String),
}

impl Fault {
    /// Finds the first cause of `error` with a known meaning.
    pub fn of(error: &(dyn StdError + 'static)) -> Fault {
        let mut innermost = error.to_string();
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(fault) = Fault::find(cause) {
                return fault;
            }
            innermost = cause.to_string();
            // `source` does not return the error that an `io::Error` wraps.
            let io = cause.downcast_ref::<io::Error>();
            next = match io.and_then(io::Error::get_ref) {
                Some(wrapped) => Some(wrapped),
                None => cause.source(),
            };
        }
        Fault::Other(innermost.to_lowercase())
    }

    fn find(cause: &(dyn StdError + 'static)) -> Option<Fault> {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(Fault::of_tls(tls));
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return match io.kind() {
                ErrorKind::ConnectionRefused => Some(Fault::Refused),
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => Some(Fault::Reset),
                ErrorKind::TimedOut => Some(Fault::TimedOut),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                    Some(Fault::Unreachable)
                }
                _ => None,
            };
        }
        // The client's own errors have no public type.
        match cause.to_string().as_str() {
            "dns error" => Some(Fault::Name),
            "connection closed before message completed" => Some(Fault::Reset),
            _ => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Fault {
        let rustls::Error::InvalidCertificate(certificate) = error else {
            return Fault::Tls(error.to_string());
        };
        match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Fault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Fault::NotYetValid
            }
            // An authority with the same name and another key causes a bad signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Fault::UnknownAuthority
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Fault::WrongName
            }
            other => Fault::Tls(other.to_string()),
        }
    }

    /// Returns whether the connection may succeed later.
    pub fn is_temporary(&self) -> bool {
        !matches!(
            self,
            Fault::Expired | Fault::NotYetValid | Fault::UnknownAuthority | Fault::WrongName
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Refused => "connection refused",
            Fault::Reset => "connection reset",
            Fault::TimedOut => "no answer in time",
            Fault::Unreachable => "no route to the host",
            Fault::Name => "the host name does not resolve",
            Fault::Expired => "its certificate has expired",
            Fault::NotYetValid => "its certificate is not valid yet",
            Fault::UnknownAuthority => "its certificate is signed by an unknown authority",
            Fault::WrongName => "its certificate is for another host name",
            Fault::Tls(text) => return write!(f, "TLS failed: {text}"),
            Fault::Other(text) => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as a client wraps it: `rustls` in `io::Error` in the client's own type.
    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Client(#[source] io::Error);

    fn of(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Fault {
        Fault::of(&Client(io::Error::other(error)))
    }

    #[test]
    fn finds_errors_wrapped_in_an_io_error() {
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        assert_eq!(of(expired), Fault::Expired);
        let forged = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
        assert_eq!(of(forged), Fault::UnknownAuthority);
        let refused = Client(io::Error::from(ErrorKind::ConnectionRefused));
        assert_eq!(Fault::of(&refused), Fault::Refused);
        assert_eq!(of("Something Else"), Fault::Other("something else".into()));
    }

    #[test]
    fn an_expired_certificate_is_not_temporary() {
        assert!(!Fault::Expired.is_temporary());
        assert!(Fault::Refused.is_temporary());
    }
}
