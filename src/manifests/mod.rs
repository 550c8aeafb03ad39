//! Values, release and secrets become Kubernetes objects: the same input gives
//! the same bytes. Names, labels and ports are the chart's, so that what people
//! know of it stays true.

mod addresses;
mod checksums;
mod claims;
mod components;
mod databases;
mod ingress;
mod labels;
pub mod outside;
mod parts;
mod registry;
mod servers;
mod templates;
mod traefik;
mod written;

use serde_json::{Value, json};

pub use self::claims::folders;
pub use self::traefik::{CLASS as INGRESS_CLASS, IMAGE as TRAEFIK_IMAGE, traefik};
pub use self::written::{HEADER, to_files, to_yaml};
use crate::component::NAMESPACE;
use crate::error::{Code, Explain};
use crate::images::Identities;
use crate::kube::KEEP_LABEL;
use crate::probe::Endpoints;
use crate::release::Release;
use crate::secrets::Secrets;
use crate::values::Values;

#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The instance's name, for labels.
    pub instance: &'a str,
    /// The release: what the server can be told depends on its version.
    pub release: &'a Release,
    pub values: &'a Values,
    pub secrets: &'a Secrets,
    /// The URLs that users type.
    pub endpoints: &'a Endpoints,
    /// What identifies the images' content; a pod is restarted when it changes.
    pub identities: &'a Identities,
    /// Where the data directory is mounted in the node.
    pub data_root: &'a str,
    /// The user's own login to the registry of `imageCredentials`, where the values
    /// have none.
    pub registry_login: Option<&'a (String, String)>,
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

/// Renders all objects, in the order in which they are to be applied.
pub fn render(inputs: &Inputs<'_>) -> Result<Vec<Object>, Error> {
    let mut objects = vec![json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {KEEP_LABEL: "true"}},
    })];
    objects.extend(claims::objects(inputs));
    objects.extend(components::objects(inputs)?);
    for object in &mut objects {
        labels::add(object, inputs);
    }
    checksums::annotate(&mut objects);
    Ok(objects.into_iter().map(Object).collect())
}

/// A template and its values do not fit.
#[derive(Debug, thiserror::Error)]
#[error("the manifest of {template} cannot be rendered: {reason}")]
pub struct Error {
    template: &'static str,
    reason: String,
}

impl Explain for Error {
    fn code(&self) -> Code {
        Code::Unexpected
    }
}
