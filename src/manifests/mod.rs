//! Renders Kubernetes objects from values, release and secrets. The same input gives the
//! same bytes. Names, labels and ports are the chart's, so that knowledge of the chart
//! still applies.

mod addresses;
mod checksums;
mod claims;
mod cluster;
mod components;
mod databases;
pub mod external;
mod ingress;
mod labels;
mod output;
mod parts;
mod registry;
mod servers;
mod templates;
mod traefik;

use serde_json::{Value, json};

pub use self::claims::{DATA_ROOT, data_dirs};
pub use self::output::{HEADER, to_files, to_yaml};
pub(crate) use self::registry::pull_secret_name;
pub use self::traefik::{
    CLASS as INGRESS_CLASS, IMAGE as TRAEFIK_IMAGE, NAME as INGRESS_SERVICE, traefik,
};
use crate::error::Explain;
use crate::failures::Failure;
use crate::images::Identities;
use crate::kube::KEEP_LABEL;
use crate::namespace::Namespace;
use crate::probe::Endpoints;
use crate::release::Release;
use crate::secrets::Secrets;
use crate::values::Values;

#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The name of the instance, for labels.
    pub instance: &'a str,
    pub namespace: &'a Namespace,
    /// The release, which determines the features of the server.
    pub release: &'a Release,
    pub values: &'a Values,
    pub secrets: &'a Secrets,
    /// The identities of the images' contents. A pod restarts when the identity of its
    /// image changes.
    pub identities: &'a Identities,
    pub target: Target<'a>,
    /// The user's own login to the registry of `imageCredentials`, if the values have
    /// none.
    pub registry_login: Option<&'a (String, String)>,
}

/// The place where the server runs.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// A local node: its directories are the volumes, and it publishes node ports.
    Node {
        /// The path of the data directory in the node.
        data_root: &'a str,
        /// The URLs for users.
        endpoints: &'a Endpoints,
    },
    /// A namespace of an existing cluster, which has nothing outside of it: the namespace
    /// exists, storage classes provide the volumes, and pods can run on several nodes.
    Cluster,
}

impl Inputs<'_> {
    fn is_for_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Object(Value);

impl Object {
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }
}

/// Renders all objects, in the order in which they must be applied.
pub fn render(inputs: &Inputs<'_>) -> Result<Vec<Object>, Error> {
    let mut objects = Vec::new();
    if !inputs.is_for_cluster() {
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": inputs.namespace, "labels": {KEEP_LABEL: "true"}},
        }));
    }
    objects.extend(claims::objects(inputs));
    objects.extend(components::objects(inputs)?);
    if inputs.is_for_cluster() {
        cluster::complete(&mut objects);
    }
    for object in &mut objects {
        labels::add(object, inputs);
    }
    checksums::annotate(&mut objects);
    Ok(objects.into_iter().map(Object).collect())
}

/// A template does not match its values.
#[derive(Debug, thiserror::Error)]
#[error("the manifest of {template} cannot be rendered: {reason}")]
pub struct Error {
    template: &'static str,
    reason: String,
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        Failure::Unexpected
    }
}
