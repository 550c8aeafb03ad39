//! What every command starts with: the instance, its state, the output, and the place where its
//! server runs.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Global;
use crate::error::Result;
use crate::event::Events;
use crate::hint::ours;
use crate::kube::{Cluster, UserConfig};
use crate::options::{Options, SettingsFile, WaitOptions};
use crate::path::HostPath;
use crate::plan::Request;
use crate::provider::existing::Existing;
use crate::provider::local::{Connection, Local};
use crate::provider::{Facts, Provider};
use crate::proxy::Proxies;
use crate::session::Session;
use crate::settings::{ClusterOptions, ClusterSettings, DEFAULT_NAME, Instance, InstanceName};
use crate::state::StateDir;
use crate::ui::Output;

/// How long the settings of an instance may take that only its cluster knows.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// The context that a command runs in.
pub(super) struct Context {
    pub(super) name: InstanceName,
    pub(super) state: StateDir,
    pub(super) output: Output,
    /// The options of `clearml-local.yaml`, and of the environment for the cluster.
    pub(super) file: Options,
    /// How to reach Docker.
    pub(super) docker: Connection,
}

impl Context {
    pub(super) fn new(global: &Global, cluster: ClusterOptions, output: Output) -> Result<Context> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let SettingsFile { instance, options } = SettingsFile::read(&here)?;
        let name = match global.instance.clone().or(instance).name {
            Some(name) => name,
            None => DEFAULT_NAME.parse().expect("the default is a name"),
        };
        Ok(Context {
            state: StateDir::of(&name)?,
            name,
            output,
            file: Options {
                cluster: cluster.or(options.cluster),
                ..options
            },
            docker: Connection::read(environment, dirs::home_dir().as_deref()),
        })
    }

    /// Returns the events of a command whose progress the output shows. Their times start now.
    pub(super) fn events(&self) -> Events {
        Events::new(self.output.reporter())
    }

    /// Connects to the place where the server runs.
    pub(super) async fn provider(&self, events: &Events) -> Result<Box<dyn Provider + '_>> {
        self.provider_with(&self.file, events).await
    }

    /// Connects to the place where the server runs or, with these options, will run.
    pub(super) async fn provider_with(
        &self,
        options: &Options,
        events: &Events,
    ) -> Result<Box<dyn Provider + '_>> {
        let (name, state) = (&self.name, &self.state);
        self.require_context(options)?;
        if let Some(settings) = self.cluster(options)? {
            let cluster = self.connect(&settings).await?;
            let existing = Existing::new(name, state, cluster, settings, events.clone());
            return Ok(Box::new(existing));
        }
        let engine = self.docker.connect().await?;
        Ok(Box::new(Local::new(name, state, engine, events.clone())))
    }

    /// Returns the existing cluster of the instance, which it keeps, or the one that the options
    /// name for a new instance.
    pub(super) fn cluster(&self, options: &Options) -> Result<Option<ClusterSettings>> {
        let options = &options.cluster;
        let (settings, options) = match (self.state.instance()?, &options.context) {
            // An instance does not move, but its kubeconfig may.
            (Some(stored), _) => (
                stored.cluster,
                ClusterOptions {
                    kubeconfig: options.kubeconfig.clone(),
                    ..ClusterOptions::default()
                },
            ),
            (None, Some(context)) => (
                Some(ClusterSettings::with_defaults(context.clone())),
                options.clone(),
            ),
            (None, None) => return Ok(None),
        };
        let settings = settings.map(|settings| options.apply(settings));
        Ok(settings.transpose()?)
    }

    /// Checks that a context exists to which an instance cannot move: a mistyped name is the
    /// nearer cause.
    fn require_context(&self, options: &Options) -> Result<()> {
        let ClusterOptions {
            context,
            kubeconfig,
            ..
        } = &options.cluster;
        let (Some(wanted), Some(stored)) = (context, self.state.instance()?) else {
            return Ok(());
        };
        let kept = stored.cluster.map(|cluster| cluster.context);
        if kept.as_ref() != Some(wanted) {
            user_config(kubeconfig.as_ref())?.require(wanted.as_str())?;
        }
        Ok(())
    }

    pub(super) async fn connect(&self, settings: &ClusterSettings) -> Result<Cluster> {
        let output = self.output.clone();
        let config = user_config(settings.kubeconfig.path())?;
        let config = config.with_messages(Arc::new(move |text| output.warn(text)));
        Ok(config.connect(settings.context.as_str()).await?)
    }

    /// Returns what a plan depends on. If the node's engine does not answer, a machine is
    /// assumed.
    pub(super) async fn facts(&self, options: &Options) -> Result<Facts> {
        if let Some(settings) = self.cluster(options)? {
            return Ok(Facts {
                memory: 0,
                summary: String::new(),
                defaults: Existing::defaults(&self.state, settings),
            });
        }
        match self.provider(&Events::silent()).await {
            Ok(provider) => provider.facts().await,
            Err(_) => Ok(Facts {
                memory: 16_000_000_000,
                summary: String::new(),
                defaults: Instance::with_defaults(self.state.default_data_dir().into()),
            }),
        }
    }

    /// Returns the session of a command with that place.
    pub(super) fn session<'a>(
        &'a self,
        provider: &'a dyn Provider,
        events: &'a Events,
    ) -> Session<'a> {
        Session {
            name: &self.name,
            state: &self.state,
            provider,
            events,
        }
    }

    /// Returns the settings of an earlier `up` from this home or, if it has none, from the
    /// instance. Starts nothing.
    pub(super) async fn earlier(&self) -> Result<Option<Instance>> {
        if let Some(kept) = self.state.instance()? {
            return Ok(Some(kept));
        }
        let Ok(provider) = self.provider(&Events::silent()).await else {
            return Ok(None);
        };
        let until = Instant::now() + RECOVERY_TIMEOUT;
        let Some(found) = provider.recover(None, None, until).await? else {
            return Ok(None);
        };
        if !found.runs {
            self.output.warn(&format!(
                "the node is not running, so the values of its server are unknown; start it: {}",
                ours!(Start).of(self.name.non_default())
            ));
        }
        Ok(found.recovered.instance)
    }

    /// Merges the options of the command line with those of the settings file.
    pub(super) fn options(&self, options: &Options) -> Options {
        options.clone().or(self.file.clone())
    }

    /// Returns options with only the timeout, from the command line or the settings file.
    pub(super) fn only_wait(&self, wait: &WaitOptions) -> Options {
        Options::only(wait.clone().or(self.file.wait.clone()))
    }

    /// Returns the request for `up` with these options in this environment.
    pub(super) fn request(&self, options: Options, retain: bool) -> Request {
        let mut proxies = Proxies::of(proxy_variables());
        if proxies.is_empty() {
            proxies = self.docker.proxies();
        }
        Request {
            retain,
            proxies,
            docker_config: self.docker.config_dir().map(Path::to_owned),
            user_kubeconfig: user_kubeconfig(),
            ..Request::new(options)
        }
    }
}

/// Finds the user's kubeconfig; `file` is the one of the option.
fn user_config(file: Option<&HostPath>) -> Result<UserConfig> {
    Ok(UserConfig::find(
        file,
        environment,
        dirs::home_dir().as_deref(),
        std::io::stdin().is_terminal(),
    )?)
}

/// Reads an environment variable; clap reads those of the options. An empty variable counts as
/// not set.
#[expect(
    clippy::disallowed_methods,
    reason = "the only place that reads the environment"
)]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the kubeconfig that kubectl writes to: the first file of `KUBECONFIG`, else
/// `~/.kube/config`.
pub(super) fn user_kubeconfig() -> Option<HostPath> {
    let paths = environment("KUBECONFIG").unwrap_or_default();
    let first = std::env::split_paths(&paths).find(|path| !path.as_os_str().is_empty());
    let here = std::env::current_dir().ok();
    match first {
        // Like kubectl, which does not expand `~`.
        Some(path) => Some(here.unwrap_or_default().join(path).into()),
        None => Some(dirs::home_dir()?.join(".kube/config").into()),
    }
}

/// Returns the proxy variables of the environment, in upper and lower case.
pub(super) fn proxy_variables() -> impl Iterator<Item = (&'static str, String)> {
    [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ]
    .into_iter()
    .filter_map(|name| Some((name, environment(name)?)))
}
