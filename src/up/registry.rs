//! The user's own login to a registry, for the pods that are to pull with it.

use super::{Error, Plan, Request};
use crate::docker::Credentials;
use crate::error::Result;
use crate::images;
use crate::values::PullSecret;

/// Finds the login that the values ask for without giving it. May run a credential
/// helper.
///
/// # Errors
/// When there is none, or none with a password.
pub async fn complete(plan: &mut Plan, request: &Request) -> Result<()> {
    let Some(PullSecret::Made {
        registry,
        login: None,
        ..
    }) = &plan.values.pull_secret
    else {
        return Ok(());
    };
    let dir = request.docker_config.clone();
    let host = registry.clone();
    let find = tokio::task::spawn_blocking(move || match dir {
        Some(dir) => Credentials::find(&dir, &host),
        None => Ok(None),
    });
    let found = find.await.unwrap_or(Ok(None));
    let found = found.map_err(|reason| images::Error::Credentials {
        registry: registry.clone(),
        reason,
    })?;
    let login = found.as_ref().and_then(Credentials::password);
    let Some((user, password)) = login else {
        return Err(Error::NoRegistryLogin {
            registry: registry.clone(),
            token: found.is_some(),
        }
        .into());
    };
    plan.registry_login = Some((user.to_owned(), password.to_owned()));
    Ok(())
}
