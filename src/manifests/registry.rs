//! The credentials with which pods pull images.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Inputs;
use crate::values::PullSecret;

/// The Secret that is rendered from the values.
const NAME: &str = "clearml-registry";

/// Returns the name of the Secret with which pods pull their images.
pub(crate) fn pull_secret_name(secret: &PullSecret) -> &str {
    match secret {
        PullSecret::Existing(name) => name,
        PullSecret::Created { .. } => NAME,
    }
}

/// Renders the Secret, if the values define it and there is a login.
pub(super) fn object(inputs: &Inputs<'_>) -> Option<Value> {
    let PullSecret::Created {
        registry,
        login,
        email,
    } = inputs.values.pull_secret.as_ref()?
    else {
        return None;
    };
    let (username, password) = login.as_ref().or(inputs.registry_login)?;
    let auth = BASE64_STANDARD.encode(format!("{username}:{password}"));
    let mut entry = json!({"username": username, "password": password, "auth": auth});
    if !email.is_empty() {
        entry["email"] = json!(email);
    }
    // The key of Docker Hub's credentials.
    let host = match registry.as_str() {
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let config = json!({"auths": {host: entry}});
    Some(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config.to_string()},
    }))
}
