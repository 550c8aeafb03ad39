//! What tests and benchmarks use beside the command line. It is not an interface of the
//! program, and promises nothing.

mod decide;
mod reads;

pub mod answers {
    pub use super::reads::{CALLS, PARTS, Read, read_cluster, read_engine};
}

pub mod cli {
    pub use crate::cli::settings_reference;
}

pub mod docker {
    pub use crate::docker::{
        ContainerSpec, Docker, Endpoint, Engine, Error, Limits, Subject, bytes_of, refusal_table,
    };
}

pub mod error {
    pub use crate::error::Explain;
}

pub mod evidence {
    pub use super::decide::{
        Shown, addons, apply, components, engine, image, node, status, survey,
    };
}

pub mod event {
    pub use crate::event::{Event, Events, Reporter};
}

pub mod failures {
    pub use crate::failures::{Code, Failure, exit_codes, reference};
}

pub mod files {
    pub use crate::files::{create_dir, list, read, write};
}

pub mod image_ref {
    pub use crate::image_ref::ImageRef;
}

pub mod images {
    pub use crate::image_ref::ImageRef;
    pub use crate::images::{Error, Identities, RequiredImage, Sources};
    pub use crate::provider::local::pull;
}

pub mod inputs {
    pub use crate::inputs::{KeptFile, SetArgument, SetKind};
}

pub mod kube {
    pub use crate::kube::{Cluster, UserConfig, install_crypto};
}

pub mod kubeconfig {
    pub use crate::kubeconfig::{merge, remove};
}

pub mod manifests {
    pub use crate::manifests::{HEADER, Inputs, Object, TRAEFIK_IMAGE, Target, render, to_yaml};
}

pub mod namespace {
    pub use crate::namespace::Namespace;
}

pub mod options {
    pub use crate::options::{Options, SettingsFile};
}

pub mod path {
    pub use crate::path::HostPath;
}

pub mod probe {
    pub use crate::probe::Endpoints;
}

pub mod profile {
    pub use crate::profile::Profile;
}

pub mod release {
    pub use crate::release::{Catalogue, DEFAULT, Release};
}

pub mod revisions {
    pub use crate::revisions::{diff, load};
}

pub mod secrets {
    pub use crate::secrets::Secrets;
}

pub mod settings {
    pub use crate::settings::{
        ClusterSettings, DEFAULT_NODE_IMAGE, InputFile, Instance, InstanceName, Pull,
    };
}

pub mod state {
    pub use crate::state::{Lock, Marker, StateDir, read_keys};
}

pub mod values {
    pub use crate::values::{
        Error, Inputs, Target, Values, default_file, reference, resolve, schema,
    };
}

pub mod yaml {
    pub use crate::yaml::{one, to_string};
}
