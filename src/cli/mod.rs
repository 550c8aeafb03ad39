//! The command line: one file for each command, with its options and what it prints.

mod completions;
mod credentials;
mod diff;
mod doctor;
mod down;
mod explain;
mod forward;
mod help;
mod history;
mod list;
mod logs;
mod man;
mod reference;
mod render;
mod restart;
mod rollback;
mod signals;
mod start;
mod status;
mod stop;
mod support_bundle;
mod up;
mod values;
mod variables;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

pub use self::reference::settings_reference;
use self::variables::Variable;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::failures::{Code, Failure};
use crate::hint::ours;
use crate::kube::{Cluster, UserConfig};
use crate::options::{Format, InstanceOptions, Options, OutputOptions, SettingsFile, WaitOptions};
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

/// The name of the program.
const NAME: &str = "clearml-local";

/// How long the settings of an instance may take that only its cluster knows.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Run a ClearML server on this machine; all it needs is Docker
#[derive(Debug, Parser)]
#[command(
    name = NAME,
    version,
    styles = STYLES,
    propagate_version = true,
    after_help = "\
Get started: clearml-local up
Options and examples of a command: clearml-local COMMAND --help"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
    /// The environment variables that set options.
    #[clap(skip)]
    variables: Vec<Variable>,
    /// The options about the cluster that environment variables set.
    #[clap(skip)]
    cluster: ClusterOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Down(down::Args),
    Stop(stop::Args),
    Start(start::Args),
    Restart(restart::Args),
    Status(status::Args),
    List(list::Args),
    Logs(logs::Args),
    Forward(forward::Args),
    Credentials(credentials::Args),
    SupportBundle(support_bundle::Args),
    Values(values::Args),
    Diff(diff::Args),
    Render(render::Args),
    History(history::Args),
    Rollback(rollback::Args),
    Doctor(doctor::Args),
    Explain(explain::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Options of every command.
#[derive(Debug, Args)]
struct Global {
    #[command(flatten)]
    instance: InstanceOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// The context that a command runs in.
struct Context {
    name: InstanceName,
    state: StateDir,
    output: Output,
    /// The options of `clearml-local.yaml`, and of the environment for the cluster.
    file: Options,
    /// How to reach Docker.
    docker: Connection,
}

impl Context {
    fn new(global: &Global, cluster: ClusterOptions, output: Output) -> Result<Context> {
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
    fn events(&self) -> Events {
        Events::new(self.output.reporter())
    }

    /// Connects to the place where the server runs.
    async fn provider(&self, events: &Events) -> Result<Box<dyn Provider + '_>> {
        self.provider_with(&self.file, events).await
    }

    /// Connects to the place where the server runs or, with these options, will run.
    async fn provider_with(
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
    fn cluster(&self, options: &Options) -> Result<Option<ClusterSettings>> {
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

    async fn connect(&self, settings: &ClusterSettings) -> Result<Cluster> {
        let output = self.output.clone();
        let config = user_config(settings.kubeconfig.path())?;
        let config = config.with_messages(Arc::new(move |text| output.warn(text)));
        Ok(config.connect(settings.context.as_str()).await?)
    }

    /// Returns what a plan depends on. If the node's engine does not answer, a machine is
    /// assumed.
    async fn facts(&self, options: &Options) -> Result<Facts> {
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
    fn session<'a>(&'a self, provider: &'a dyn Provider, events: &'a Events) -> Session<'a> {
        Session {
            name: &self.name,
            state: &self.state,
            provider,
            events,
        }
    }

    /// Returns the settings of an earlier `up` from this home or, if it has none, from the
    /// instance. Starts nothing.
    async fn earlier(&self) -> Result<Option<Instance>> {
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
    fn options(&self, options: &Options) -> Options {
        options.clone().or(self.file.clone())
    }

    /// Returns options with only the timeout, from the command line or the settings file.
    fn only_wait(&self, wait: &WaitOptions) -> Options {
        Options::only(wait.clone().or(self.file.wait.clone()))
    }

    /// Returns the request for `up` with these options in this environment.
    fn request(&self, options: Options, retain: bool) -> Request {
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
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the kubeconfig that kubectl writes to: the first file of `KUBECONFIG`, else
/// `~/.kube/config`.
fn user_kubeconfig() -> Option<HostPath> {
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
fn proxy_variables() -> impl Iterator<Item = (&'static str, String)> {
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

impl Cli {
    /// Prints completions if the completion script started this process, and returns whether it
    /// did. Must be called before the arguments are parsed.
    pub fn answer_shell() -> bool {
        completions::answer()
    }

    /// Parses a command line, which starts with the program's name, and the environment
    /// variables of its options.
    ///
    /// # Errors
    /// An argument or a variable is invalid, or `--help` or `--version` is given.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        variables::read(&arguments)
    }

    pub fn run(self) -> u8 {
        let output = Output::new(&self.global.output);
        // These commands act on no instance, so an invalid settings file does not matter.
        let written = match &self.command {
            Command::Completions(args) => Some(completions::run(args, &output)),
            Command::Man(args) => Some(man::run(args, &output)),
            Command::Explain(args) => Some(explain::run(args, &output)),
            _ => None,
        };
        match written {
            Some(Ok(code)) => code,
            Some(Err(error)) => fail(&output, &error),
            None => self.run_with_context(output),
        }
    }

    fn run_with_context(self, output: Output) -> u8 {
        crate::kube::install_crypto();
        log_libraries(self.global.output.verbose, &output);
        let variables = self.variables;
        let context = match Context::new(&self.global, self.cluster, output.clone()) {
            Ok(context) => context,
            Err(error) => return fail(&output, &with_variables(error, &variables)),
        };
        if matches!(self.global.output.format, Format::Yaml | Format::Env)
            && !matches!(self.command, Command::Status(_))
        {
            return fail(&output, &WrongFormat.into());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return fail(&output, &Unexpected(error.to_string()).into()),
        };
        let result = runtime.block_on(async {
            match self.command {
                Command::Up(args) => up::run(&args, &context).await,
                Command::Down(args) => down::run(&args, &context).await,
                Command::Stop(args) => stop::run(&args, &context).await,
                Command::Start(args) => start::run(&args, &context).await,
                Command::Restart(args) => restart::run(&args, &context).await,
                Command::Status(args) => status::run(&args, &context).await,
                Command::List(args) => list::run(&args, &context).await,
                Command::Logs(args) => logs::run(&args, &context).await,
                Command::Forward(args) => forward::run(&args, &context).await,
                Command::Credentials(args) => credentials::run(&args, &context).await,
                Command::SupportBundle(args) => support_bundle::run(&args, &context).await,
                Command::Render(args) => render::run(&args, &context).await,
                Command::Diff(args) => diff::run(&args, &context).await,
                Command::Doctor(args) => doctor::run(&args, &context).await,
                Command::History(args) => history::run(&args, &context).await,
                Command::Rollback(args) => rollback::run(&args, &context).await,
                Command::Values(args) => values::run(&args, &context).await,
                Command::Completions(_) | Command::Man(_) | Command::Explain(_) => Ok(0),
            }
        });
        runtime.shutdown_background();
        output.end_progress();
        match result {
            Ok(code) => code,
            Err(error) => {
                let error = with_variables(error, &variables);
                fail(&output, &error.about(context.name.non_default()))
            }
        }
    }
}

/// Adds the environment variables that an error is about.
fn with_variables(error: Error, variables: &[Variable]) -> Error {
    if error.code() != Code::Usage {
        return error;
    }
    let mut text = error.to_string();
    for detail in error.causes().into_iter().chain(error.details()) {
        text.push('\n');
        text.push_str(&detail);
    }
    let notes = variables::named_in(&text, variables).into_iter();
    notes.fold(error, Error::with_detail)
}

/// Shows an error and returns its exit code.
fn fail(output: &Output, error: &Error) -> u8 {
    output.error(error);
    error.code().number()
}

fn log_libraries(verbose: u8, output: &Output) {
    if verbose < 2 {
        return;
    }
    let level = if verbose == 2 {
        tracing::Level::DEBUG
    } else {
        tracing::Level::TRACE
    };
    let output = output.clone();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(move || output.log_writer())
        .init();
}

#[derive(Debug, thiserror::Error)]
#[error("this command supports only text and json; yaml and env are only for `status`")]
struct WrongFormat;

impl crate::error::Explain for WrongFormat {
    fn failure(&self) -> Failure {
        Failure::InvalidOption
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unexpected(String);

impl crate::error::Explain for Unexpected {
    fn failure(&self) -> Failure {
        Failure::Unexpected
    }
}
