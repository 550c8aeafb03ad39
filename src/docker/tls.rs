//! TLS connections to an engine: trusted authorities and the client certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Docker's file names: the CA certificate, the client certificate and its key.
const FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The directory with Docker's files, each of which may be missing.
    pub dir: PathBuf,
    pub verify: bool,
}

impl Tls {
    /// Returns whether the directory contains any of the files.
    pub(super) fn has_files(dir: &Path) -> bool {
        FILES.iter().any(|name| dir.join(name).exists())
    }

    /// Creates the configuration of the TLS client.
    pub(super) fn config(&self) -> Result<ClientConfig, String> {
        let [ca, certificate, key] = FILES.map(|name| self.dir.join(name));
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if self.verify {
            builder.with_root_certificates(authorities(&ca)?)
        } else {
            let accepts_all = Arc::new(AcceptAll(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(accepts_all)
        };
        match (certificate.exists(), key.exists()) {
            (false, false) => Ok(builder.with_no_client_auth()),
            _ => builder
                .with_client_auth_cert(certificates(&certificate)?, private_key(&key)?)
                .map_err(|error| unusable(&certificate, error)),
        }
    }
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}

/// Returns the authorities in the file, or those of the host if it does not exist.
fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if file.exists() {
        for certificate in certificates(file)? {
            let added = roots.add(certificate);
            added.map_err(|error| unusable(file, error))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found: Vec<_> = found.map_err(|error| unusable(file, message(&error)))?;
    if found.is_empty() {
        return Err(unusable(file, "it contains no certificate"));
    }
    Ok(found)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unusable(file, message(&error)))
}

fn message(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it contains no key".to_owned(),
        _ => "it is not a PEM file".to_owned(),
    }
}

/// Accepts any certificate: for a context with `SkipTLSVerify`, and for `DOCKER_TLS`
/// without `DOCKER_TLS_VERIFY`.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
