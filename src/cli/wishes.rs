//! Options that describe an instance; several commands have them.

use std::ffi::OsStr;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::parser::ValueSource;

use super::Context;
use super::help::{NETWORK, NODE, VALUES};
use crate::image_ref::ImageRef;
use crate::path::HostPath;
use crate::settings::{DataPlace, InputFile, Listen, Mirror, Pull, Wishes};

/// Options that describe an instance.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct WishArgs {
    /// Read values from a file, or from stdin with -
    ///
    /// A values file of the `clearml` Helm chart. Repeat the option to merge several files; later
    /// ones take precedence.
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        help_heading = VALUES,
        env = "CLEARML_LOCAL_VALUES",
        value_parser = FilesParser,
        value_hint = clap::ValueHint::FilePath
    )]
    values: Vec<Files>,
    #[command(flatten)]
    set: SetArgs,
    /// Forget the values of earlier runs
    ///
    /// Values given in the same command are kept.
    #[arg(long, help_heading = VALUES)]
    reset_values: bool,
    /// Address to open the ports on [default: 127.0.0.1]
    ///
    /// An IPv4 address of this machine, or 0.0.0.0 for all of them.
    #[arg(long, value_name = "ADDRESS", help_heading = NETWORK, env = "CLEARML_LOCAL_LISTEN")]
    listen: Option<Listen>,
    /// Port of the web app [default: 30080]
    #[arg(
        long,
        value_name = "PORT",
        help_heading = NETWORK,
        env = "CLEARML_LOCAL_WEB_PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    web_port: Option<u16>,
    /// Port of the API server [default: 30008]
    #[arg(
        long,
        value_name = "PORT",
        help_heading = NETWORK,
        env = "CLEARML_LOCAL_API_PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    api_port: Option<u16>,
    /// Port of the file server [default: 30081]
    #[arg(
        long,
        value_name = "PORT",
        help_heading = NETWORK,
        env = "CLEARML_LOCAL_FILES_PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    files_port: Option<u16>,
    /// Serve host names with an ingress controller
    ///
    /// Installs Traefik in the node. It serves the host names of `ingress.*` in the values, or,
    /// without any, the chart's names for all three servers.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        help_heading = NETWORK,
        env = "CLEARML_LOCAL_WITH_INGRESS"
    )]
    with_ingress: Option<bool>,
    /// HTTP port of the ingress controller [default: 80]
    #[arg(
        long,
        value_name = "PORT",
        help_heading = NETWORK,
        hide_short_help = true,
        env = "CLEARML_LOCAL_HTTP_PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    http_port: Option<u16>,
    /// HTTPS port of the ingress controller [default: 443]
    #[arg(
        long,
        value_name = "PORT",
        help_heading = NETWORK,
        hide_short_help = true,
        env = "CLEARML_LOCAL_HTTPS_PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    https_port: Option<u16>,
    /// Certificates that the node trusts, as a PEM file
    ///
    /// Needed behind a proxy that inspects TLS, and for a registry with a certificate of your own
    /// authority. The public authorities stay trusted. An empty file removes the certificates.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = NETWORK,
        env = "CLEARML_LOCAL_CA_FILE",
        value_hint = clap::ValueHint::FilePath
    )]
    ca_file: Option<HostPath>,
    /// Directory for the data, or volume:NAME
    ///
    /// Either a directory of this machine, or a volume of Docker. `down` keeps it. A later change
    /// copies the data to the new place.
    #[arg(
        long,
        value_name = "DIR",
        help_heading = NODE,
        env = "CLEARML_LOCAL_DATA_DIR",
        value_hint = clap::ValueHint::DirPath
    )]
    data_dir: Option<DataPlace>,
    /// Image of the Kubernetes node
    #[arg(
        long,
        value_name = "IMAGE",
        help_heading = NODE,
        hide_short_help = true,
        env = "CLEARML_LOCAL_NODE_IMAGE"
    )]
    node_image: Option<ImageRef>,
    /// Pull all images from this registry
    ///
    /// `none` returns to the registries that the images name.
    #[arg(
        long,
        value_name = "HOST[/PATH]",
        help_heading = NODE,
        env = "CLEARML_LOCAL_REGISTRY_MIRROR"
    )]
    registry_mirror: Option<Mirror>,
    /// Where to pull missing images [default: auto]
    #[arg(
        long,
        value_name = "WHERE",
        help_heading = NODE,
        hide_short_help = true,
        env = "CLEARML_LOCAL_PULL"
    )]
    pull: Option<Pull>,
    /// Start after a reboot [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        help_heading = NODE,
        env = "CLEARML_LOCAL_AUTOSTART"
    )]
    autostart: Option<bool>,
    /// Add a context to your kubeconfig
    ///
    /// The context `clearml-local-NAME`, for kubectl. `down` removes it.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
        help_heading = NODE,
        env = "CLEARML_LOCAL_MERGE_KUBECONFIG"
    )]
    merge_kubeconfig: Option<bool>,
    /// How long to wait for the server [default: 15m]
    #[arg(long, value_name = "TIME", env = "CLEARML_LOCAL_TIMEOUT")]
    timeout: Option<String>,
}

/// Options that set single values, and the release that they are for.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SetArgs {
    /// Set a value (takes precedence over files)
    ///
    /// Such as `apiserver.replicaCount=2`. The grammar is Helm's: `a.b=c,d=e` sets two values,
    /// `a={x,y}` a list, `a[0].b=c` the key of an item, `a=null` removes a default.
    #[arg(
        long,
        value_name = "KEY=VALUE",
        help_heading = VALUES,
        env = "CLEARML_LOCAL_SET"
    )]
    pub(super) set: Vec<String>,
    /// Set a value to text, such as version=0042
    ///
    /// The value is text even if it looks like a number or a flag. Takes precedence over --set.
    #[arg(
        long,
        value_name = "KEY=TEXT",
        help_heading = VALUES,
        env = "CLEARML_LOCAL_SET_STRING"
    )]
    pub(super) set_string: Vec<String>,
    /// Set a value to the content of a file
    ///
    /// The file is read now and its content kept. Takes precedence over --set-string.
    #[arg(
        long,
        value_name = "KEY=FILE",
        help_heading = VALUES,
        env = "CLEARML_LOCAL_SET_FILE"
    )]
    pub(super) set_file: Vec<String>,
    /// Set a value to JSON
    ///
    /// Or several values, with an object and no key. Takes precedence over files; --set takes
    /// precedence over it.
    #[arg(
        long,
        value_name = "KEY=JSON",
        help_heading = VALUES,
        env = "CLEARML_LOCAL_SET_JSON"
    )]
    pub(super) set_json: Vec<String>,
    /// Release of the server: 1.5.0, 2.3 or a file
    ///
    /// The file describes a release: its version and images. [default: 1.5.0]
    #[arg(
        long,
        value_name = "NAME|FILE",
        help_heading = VALUES,
        env = "CLEARML_LOCAL_RELEASE"
    )]
    pub(super) release: Option<String>,
}

impl WishArgs {
    /// Returns the options of flags and environment, then those of the settings file.
    pub(super) fn wishes(&self, context: &Context) -> Wishes {
        Wishes {
            name: Some(context.name.clone()),
            listen: self.listen,
            web_port: self.web_port,
            api_port: self.api_port,
            files_port: self.files_port,
            release: self.set.release.clone(),
            node_image: self.node_image.clone(),
            data_dir: self.data_dir.clone(),
            values: self
                .values
                .iter()
                .flat_map(|files| files.0.clone())
                .collect(),
            set: self.set.set.clone(),
            set_string: self.set.set_string.clone(),
            set_file: self.set.set_file.clone(),
            set_json: self.set.set_json.clone(),
            reset_values: self.reset_values,
            ca_file: self.ca_file.clone(),
            registry_mirror: self.registry_mirror.clone(),
            pull: self.pull,
            autostart: self.autostart,
            merge_kubeconfig: self.merge_kubeconfig,
            with_ingress: self.with_ingress,
            http_port: self.http_port,
            https_port: self.https_port,
            timeout: self.timeout.clone(),
        }
        .or(context.from_file.clone())
    }
}

/// The files of one `-f`, or of the environment variable, which can hold several.
#[derive(Debug, Clone)]
struct Files(Vec<InputFile>);

/// Splits only the variable at colons: a path on the command line may contain one.
#[derive(Debug, Clone)]
struct FilesParser;

impl TypedValueParser for FilesParser {
    type Value = Files;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Files, clap::Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Files, clap::Error> {
        let files = StringValueParser::new().try_map(move |text| {
            let texts: Vec<&str> = match source {
                ValueSource::EnvVariable => text.split(':').filter(|one| !one.is_empty()).collect(),
                _ => vec![&text],
            };
            let files: Result<Vec<InputFile>, _> = texts.into_iter().map(str::parse).collect();
            files.map(Files)
        });
        files.parse_ref_(command, arg, value, source)
    }
}
