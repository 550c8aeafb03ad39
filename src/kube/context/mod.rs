//! Connects to a cluster with a context of the user's kubeconfig, as kubectl does. A
//! context is always named: the current context of the files is never used.

mod credentials;
mod error;
mod files;
mod plugin;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::kube::client::ClientBuilder;
use ::kube::config;
use tower::buffer::BufferLayer;
use tower::layer::layer_fn;
use tower::util::AndThenLayer;

use self::credentials::Credentials;
pub use self::error::Error;
use self::files::Documents;
use self::service::Authorized;
use super::Cluster;
use super::calls::pause_if_asked;
use super::client::configure;
use crate::path::{HostPath, quoted};
use crate::proxy::{Proxies, Proxy, ProxyUrl};

/// Connections to other networks, through proxies, take longer than those to the node.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How many requests wait while the credentials are renewed.
const WAITING: usize = 64;

/// Shows a message of a credential plugin, such as where to log in.
pub type Show = Arc<dyn Fn(&str) + Send + Sync>;

/// The user's kubeconfig files, and what else of the environment a connection depends on.
#[derive(Clone)]
pub struct UserConfig {
    source: Source,
    proxies: Proxies,
    /// Whether a credential plugin can ask the user.
    terminal: bool,
    show: Show,
}

/// Where the kubeconfig is, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `--kubeconfig`. The file must exist.
    Option(PathBuf),
    /// `KUBECONFIG`: the files that exist are merged, and the first that has an entry
    /// determines it.
    Variable(Vec<PathBuf>),
    /// `~/.kube/config`.
    Home(PathBuf),
}

impl Source {
    fn files(&self) -> &[PathBuf] {
        match self {
            Source::Variable(files) => files,
            Source::Option(file) | Source::Home(file) => std::slice::from_ref(file),
        }
    }

    /// Returns the kubectl command with the same context.
    fn kubectl(&self, context: &str) -> String {
        let context = quoted(context);
        match self {
            Source::Option(file) => {
                format!("kubectl --kubeconfig {} --context {context}", quoted(file))
            }
            _ => format!("kubectl --context {context}"),
        }
    }
}

impl UserConfig {
    /// Finds the kubeconfig: the option, else `KUBECONFIG`, else `~/.kube/config`.
    /// `terminal` is whether standard input is a terminal.
    pub fn find(
        option: Option<&HostPath>,
        environment: impl Fn(&str) -> Option<String>,
        home: Option<&Path>,
        terminal: bool,
    ) -> Result<UserConfig, Error> {
        let variable = environment("KUBECONFIG").unwrap_or_default();
        let here = std::env::current_dir().unwrap_or_default();
        let listed = std::env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty());
        let listed: Vec<PathBuf> = listed.map(|path| here.join(path)).collect();
        let source = match (option, home) {
            (Some(file), _) => Source::Option(file.to_path_buf()),
            (None, _) if !listed.is_empty() => Source::Variable(listed),
            (None, Some(home)) => Source::Home(home.join(".kube/config")),
            (None, None) => return Err(Error::NoHome),
        };
        let names = [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ];
        let set = names
            .into_iter()
            .filter_map(|name| Some((name, environment(name)?)));
        Ok(UserConfig {
            source,
            proxies: Proxies::of(set),
            terminal,
            show: Arc::new(|_| {}),
        })
    }

    /// Sets what shows the messages of credential plugins.
    #[must_use]
    pub fn with_messages(self, show: Show) -> UserConfig {
        UserConfig { show, ..self }
    }

    /// Returns the names of all contexts, without duplicates.
    pub fn contexts(&self) -> Result<Vec<String>, Error> {
        Ok(Documents::read(&self.source)?.contexts())
    }

    /// Checks that the context exists.
    ///
    /// # Errors
    /// It does not, or its cluster or user is missing.
    pub fn require(&self, context: &str) -> Result<(), Error> {
        Documents::read(&self.source)?.find(context).map(drop)
    }

    /// Reads the context and its credentials. Runs its credential plugin, if it has one,
    /// and opens no connection yet.
    pub async fn connect(&self, context: &str) -> Result<Cluster, Error> {
        let mut prepared = self.prepare(context)?;
        prepared.credentials.first(&mut prepared.user).await?;
        prepared.connect()
    }

    /// Reads the context and its credentials with the output of its credential plugin, which
    /// does not run. For tests.
    pub async fn prepare_with(&self, context: &str, output: &[u8]) -> Result<Prepared, Error> {
        let mut prepared = self.prepare(context)?;
        let user = &mut prepared.user;
        prepared.credentials.first_of(output, user).await?;
        Ok(prepared)
    }

    fn prepare(&self, context: &str) -> Result<Prepared, Error> {
        let found = Documents::read(&self.source)?.find(context)?;
        let proxy = proxy_of(&found.cluster, &self.proxies)?;
        let about = Arc::new(About {
            context: context.to_owned(),
            file: found.file,
            user: found.user_name,
            proxy: proxy.as_ref().map(Proxy::to_string),
            kubectl: self.source.kubectl(context),
        });
        let mut user = found.user;
        let credentials = Credentials::take(&mut user, &found.cluster, &about, self)?;
        Ok(Prepared {
            about,
            cluster: found.cluster,
            user,
            credentials,
            proxy,
        })
    }
}

/// A context that was read.
pub struct Prepared {
    about: Arc<About>,
    cluster: config::Cluster,
    user: config::AuthInfo,
    credentials: Credentials,
    proxy: Option<Proxy>,
}

impl Prepared {
    /// Opens no connection yet.
    pub fn connect(self) -> Result<Cluster, Error> {
        let about = self.about;
        let unusable = |error: &dyn std::error::Error| Error::Incomplete {
            context: about.context.clone(),
            file: about.file.clone(),
            reason: reason(error),
        };
        let config = configure(&self.cluster, self.user);
        let mut config = config.map_err(|error| unusable(&error))?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        if let Some(url) = self.proxy.and_then(|proxy| proxy.url.ok()) {
            config.proxy_url = Some(uri_of(&url)?);
        }
        let builder = ClientBuilder::try_from(config);
        let builder = builder.map_err(|error| unusable(&error))?;
        let credentials = Arc::new(self.credentials);
        let authorized = layer_fn(|inner| Authorized::new(inner, &credentials, &about));
        let client = builder
            .with_layer(&AndThenLayer::new(pause_if_asked))
            .with_layer(&BufferLayer::new(WAITING))
            .with_layer(&authorized)
            .build();
        Ok(Cluster::of_client(client))
    }
}

impl std::fmt::Debug for UserConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserConfig({:?})", self.source)
    }
}

/// A connection, as errors name it.
#[derive(Debug)]
struct About {
    context: String,
    /// The file with the context.
    file: PathBuf,
    /// The name of the context's user; empty if it has none.
    user: String,
    /// The proxy, without its password.
    proxy: Option<String>,
    /// The kubectl command with the same context.
    kubectl: String,
}

/// Returns the proxy of the cluster: its own, or that of the environment.
fn proxy_of(cluster: &config::Cluster, proxies: &Proxies) -> Result<Option<Proxy>, Error> {
    let own = cluster.proxy_url.as_deref();
    let own = own.map(|url| Proxy {
        variable: "proxy-url".to_owned(),
        url: url.parse(),
    });
    let server = cluster.server.as_deref().unwrap_or_default();
    let proxy = own.or_else(|| proxies.of_url(server).cloned());
    match proxy {
        Some(Proxy {
            variable,
            url: Err(reason),
        }) => Err(Error::Proxy {
            variable,
            reason: reason.to_string(),
        }),
        proxy => Ok(proxy),
    }
}

fn uri_of(url: &ProxyUrl) -> Result<http::Uri, Error> {
    let invalid = |reason: String| Error::Proxy {
        variable: url.to_string(),
        reason,
    };
    // Both resolve names in the proxy here.
    let text = url.strict().replacen("socks5h://", "socks5://", 1);
    if text.starts_with("socks5://") && text.contains('@') {
        return Err(invalid(
            "a SOCKS proxy with a user and a password is not supported".to_owned(),
        ));
    }
    text.parse()
        .map_err(|error: http::uri::InvalidUri| invalid(error.to_string()))
}

/// Returns the messages of an error and of its causes, each once.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
