//! The command line: one file for each command, with its options and what it prints.

mod agent;
mod completions;
mod configure;
mod context;
mod credentials;
mod diff;
mod doctor;
mod down;
mod example;
mod explain;
mod forward;
mod help;
mod history;
mod list;
mod logs;
mod man;
mod open;
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
mod verify;

use std::ffi::OsString;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use self::context::{Context, environment, proxy_variables, user_kubeconfig};
pub use self::reference::settings_reference;
use self::variables::Variable;
use crate::error::{Error, Result};
use crate::failures::{Code, Failure};
use crate::options::{Format, InstanceOptions, OutputOptions};
use crate::settings::ClusterOptions;
use crate::ui::Output;

/// The name of the program.
const NAME: &str = "clearml-local";

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
    Agent(agent::Args),
    Down(down::Args),
    Stop(stop::Args),
    Start(start::Args),
    Restart(restart::Args),
    Status(status::Args),
    List(list::Args),
    Logs(logs::Args),
    Forward(forward::Args),
    Credentials(credentials::Args),
    Configure(configure::Args),
    Example(example::Args),
    Open(open::Args),
    Verify(verify::Args),
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
                Command::Agent(args) => agent::run(&args, &context).await,
                Command::Down(args) => down::run(&args, &context).await,
                Command::Stop(args) => stop::run(&args, &context).await,
                Command::Start(args) => start::run(&args, &context).await,
                Command::Restart(args) => restart::run(&args, &context).await,
                Command::Status(args) => status::run(&args, &context).await,
                Command::List(args) => list::run(&args, &context).await,
                Command::Logs(args) => logs::run(&args, &context).await,
                Command::Forward(args) => forward::run(&args, &context).await,
                Command::Credentials(args) => credentials::run(&args, &context).await,
                Command::Configure(args) => configure::run(&args, &context).await,
                Command::Example(args) => example::run(&args, &context),
                Command::Open(args) => open::run(&args, &context).await,
                Command::Verify(args) => verify::run(&args, &context).await,
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
