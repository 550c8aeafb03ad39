//! Credentials that change while the program runs: token files and credential plugins.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::kube::config::{AuthInfo, Cluster};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::plugin::{Given, Plugin};
use super::{About, Error, UserConfig};
use crate::files;

/// How long the content of a token file is used.
const REREAD: Duration = Duration::from_secs(60);
/// A token that is younger was refused for another reason than its age.
const FRESH: Duration = Duration::from_secs(10);
/// How long before its end a token is renewed, so that a request does not arrive after it.
const MARGIN: Duration = Duration::from_secs(20);

pub(super) struct Credentials {
    kind: Kind,
    current: Mutex<Option<Current>>,
    about: Arc<About>,
}

enum Kind {
    /// The client has all credentials.
    Fixed,
    File(PathBuf),
    Plugin(Box<Plugin>),
}

/// A token, or nothing if the plugin returned only a certificate.
struct Current {
    authorization: Option<HeaderValue>,
    since: Instant,
    until: Option<Timestamp>,
}

impl Current {
    fn is_valid(&self) -> bool {
        let end = Timestamp::now().checked_add(MARGIN).unwrap_or_default();
        self.until.is_none_or(|until| until > end)
    }
}

impl Credentials {
    /// Takes the credentials that change out of `user`.
    pub(super) fn take(
        user: &mut AuthInfo,
        cluster: &Cluster,
        about: &Arc<About>,
        config: &UserConfig,
    ) -> Result<Credentials, Error> {
        let (file, exec) = (user.token_file.take(), user.exec.take());
        let is_fixed = user.token.is_some() || user.auth_provider.is_some();
        let kind = match (file, exec) {
            _ if is_fixed => Kind::Fixed,
            (Some(file), _) => Kind::File(file.into()),
            (None, Some(exec)) => {
                let plugin = Plugin::new(exec, cluster, about, config)?;
                Kind::Plugin(Box::new(plugin))
            }
            (None, None) => Kind::Fixed,
        };
        Ok(Credentials {
            kind,
            current: Mutex::new(None),
            about: about.clone(),
        })
    }

    /// Gets the first token. Adds the certificate of a plugin to `user`; it is not renewed.
    pub(super) async fn first(&mut self, user: &mut AuthInfo) -> Result<(), Error> {
        let Kind::Plugin(plugin) = &self.kind else {
            self.authorization().await?;
            return Ok(());
        };
        let given = plugin.run().await?;
        self.accept(given, user)
    }

    /// Like [`Credentials::first`], with the output of a plugin.
    pub(super) async fn first_of(
        &mut self,
        output: &[u8],
        user: &mut AuthInfo,
    ) -> Result<(), Error> {
        let Kind::Plugin(plugin) = &self.kind else {
            return self.first(user).await;
        };
        let given = plugin.read(output, &[])?;
        self.accept(given, user)
    }

    fn accept(&mut self, mut given: Given, user: &mut AuthInfo) -> Result<(), Error> {
        if let Some((certificate, key)) = given.certificate.take() {
            let identity = json!({
                "client-certificate-data": BASE64_STANDARD.encode(certificate),
                "client-key-data": BASE64_STANDARD.encode(key),
            });
            let identity: AuthInfo =
                serde_json::from_value(identity).expect("both fields are known");
            user.client_certificate_data = identity.client_certificate_data;
            user.client_key_data = identity.client_key_data;
        }
        *self.current.get_mut() = Some(self.current_of(given)?);
        Ok(())
    }

    /// Returns the `Authorization` header, if it changes; renews the token if necessary.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        let mut current = self.current.lock().await;
        let kept = current.as_ref().filter(|current| current.is_valid());
        if let Some(kept) = kept {
            return Ok(kept.authorization.clone());
        }
        let given = match &self.kind {
            Kind::Fixed => return Ok(None),
            Kind::Plugin(plugin) => plugin.run().await?,
            Kind::File(path) => match (read(path), &*current) {
                (Ok(token), _) => Given {
                    token: Some(token),
                    until: Timestamp::now().checked_add(REREAD + MARGIN).ok(),
                    certificate: None,
                },
                // As client-go does: the file may be removed after the start.
                (Err(_), Some(current)) => return Ok(current.authorization.clone()),
                (Err(reason), None) => {
                    return Err(Error::Token {
                        context: self.about.context.clone(),
                        reason,
                        kubectl: self.about.kubectl.clone(),
                    });
                }
            },
        };
        let renewed = current.insert(self.current_of(given)?);
        Ok(renewed.authorization.clone())
    }

    /// Forgets a token that the server refused. Returns whether the next request has
    /// another one.
    pub(super) async fn refused(&self) -> bool {
        let mut current = self.current.lock().await;
        let is_old = current.as_ref().is_some_and(|current| {
            current.authorization.is_some() && current.since.elapsed() > FRESH
        });
        if is_old {
            *current = None;
        }
        is_old
    }

    fn current_of(&self, given: Given) -> Result<Current, Error> {
        let header = |token: String| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
            value.set_sensitive(true);
            Ok(value)
        };
        let authorization = given.token.map(header).transpose();
        Ok(Current {
            authorization: authorization.map_err(|_: http::header::InvalidHeaderValue| {
                Error::Token {
                    context: self.about.context.clone(),
                    reason: "it contains characters that a token cannot have".to_owned(),
                    kubectl: self.about.kubectl.clone(),
                }
            })?,
            since: Instant::now(),
            until: given.until,
        })
    }
}

fn read(path: &std::path::Path) -> Result<String, String> {
    let missing = || format!("{} does not exist", path.display());
    let text = files::read(path).map_err(|error| error.to_string())?;
    Ok(text.ok_or_else(missing)?.trim().to_owned())
}
