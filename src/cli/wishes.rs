//! Flags that say what the instance is to be; several verbs have them.

use std::ffi::OsStr;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::parser::ValueSource;

use super::Context;
use crate::image_ref::ImageRef;
use crate::path::HostPath;
use crate::settings::{DataPlace, InputFile, Listen, Mirror, Pull, Wishes};

/// Flags that say what the instance is to be.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct WishArgs {
    /// Values of the `clearml` Helm chart; again for more, the later wins; `-` for
    /// what is piped in
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        env = "CLEARML_LOCAL_VALUES",
        value_parser = FilesParser,
        value_hint = clap::ValueHint::FilePath
    )]
    values: Vec<Files>,
    #[command(flatten)]
    set: SetArgs,
    /// Forget values chosen before; those given with it are then the whole choice
    #[arg(long)]
    reset_values: bool,
    /// Image of the Kubernetes node
    #[arg(long, value_name = "IMAGE", env = "CLEARML_LOCAL_NODE_IMAGE")]
    node_image: Option<ImageRef>,
    /// Folder for the data, kept by `down`; or a volume of the engine: volume:NAME
    #[arg(long, value_name = "DIR", env = "CLEARML_LOCAL_DATA_DIR", value_hint = clap::ValueHint::DirPath)]
    data_dir: Option<DataPlace>,
    /// IPv4 address of this machine to open the ports on, or 0.0.0.0 for all of them
    /// [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", env = "CLEARML_LOCAL_LISTEN")]
    listen: Option<Listen>,
    /// Port of the web app [default: 30080]
    #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_WEB_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    web_port: Option<u16>,
    /// Port of the API server [default: 30008]
    #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_API_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    api_port: Option<u16>,
    /// Port of the file server [default: 30081]
    #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_FILES_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    files_port: Option<u16>,
    /// Certificates that the node trusts beside the public ones, as PEM: for proxies
    /// that look into TLS and registries of your own
    #[arg(long, value_name = "FILE", env = "CLEARML_LOCAL_CA_FILE", value_hint = clap::ValueHint::FilePath)]
    ca_file: Option<HostPath>,
    /// Pull all images from this registry instead; `none` for their own again
    #[arg(
        long,
        value_name = "HOST[/PATH]",
        env = "CLEARML_LOCAL_REGISTRY_MIRROR"
    )]
    registry_mirror: Option<Mirror>,
    /// Where to pull images that the node lacks [default: auto]
    #[arg(long, value_name = "WHERE", env = "CLEARML_LOCAL_PULL")]
    pull: Option<Pull>,
    /// Whether the server comes back by itself after a reboot [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        env = "CLEARML_LOCAL_AUTOSTART"
    )]
    autostart: Option<bool>,
    /// Put a context `clearml-local-NAME` into your kubeconfig, for kubectl; `down`
    /// takes it out again
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        env = "CLEARML_LOCAL_MERGE_KUBECONFIG"
    )]
    merge_kubeconfig: Option<bool>,
    /// Put an ingress controller (Traefik) into the node, which serves the host names
    /// of `ingress.*` in the values
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        env = "CLEARML_LOCAL_WITH_INGRESS"
    )]
    with_ingress: Option<bool>,
    /// Port of the ingress controller for HTTP [default: 80]
    #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_HTTP_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    http_port: Option<u16>,
    /// Port of the ingress controller for HTTPS [default: 443]
    #[arg(long, value_name = "PORT", env = "CLEARML_LOCAL_HTTPS_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    https_port: Option<u16>,
    /// How long to wait until the server is ready [default: 15m]
    #[arg(long, value_name = "TIME", env = "CLEARML_LOCAL_TIMEOUT")]
    timeout: Option<String>,
}

/// Flags that say single values, and the release that they are for.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SetArgs {
    /// One value, such as apiserver.replicaCount=2; wins over files. In Helm's grammar:
    /// a.b=c,d=e are two, a={x,y} a list, a[0].b=c an item's, a=null none
    #[arg(long, value_name = "KEY=VALUE", env = "CLEARML_LOCAL_SET")]
    pub(super) set: Vec<String>,
    /// One value as text, whatever it looks like: version=0042; wins over --set
    #[arg(long, value_name = "KEY=TEXT", env = "CLEARML_LOCAL_SET_STRING")]
    pub(super) set_string: Vec<String>,
    /// One value as the text of a file, which is read now and kept; wins over
    /// --set-string
    #[arg(long, value_name = "KEY=FILE", env = "CLEARML_LOCAL_SET_FILE")]
    pub(super) set_file: Vec<String>,
    /// One value as JSON, or several as an object; wins over files, --set over it
    #[arg(long, value_name = "KEY=JSON", env = "CLEARML_LOCAL_SET_JSON")]
    pub(super) set_json: Vec<String>,
    /// Release of the server: 1.5.0, 2.3, or a file that describes one
    #[arg(long, value_name = "NAME|FILE", env = "CLEARML_LOCAL_RELEASE")]
    pub(super) release: Option<String>,
}

impl WishArgs {
    /// The wishes of flags and environment, then those of the settings file.
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

/// The files of one `-f`, or of the environment's variable, which holds several.
#[derive(Debug, Clone)]
struct Files(Vec<InputFile>);

/// Splits at colons only what the variable says: a path may hold one.
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
