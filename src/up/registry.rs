//! The user's login to a registry, for pods that pull with it.

use super::Error;
use crate::docker::Credentials;
use crate::error::Result;
use crate::plan::{Plan, Request};
use crate::values::PullSecret;

/// Finds the login of `imageCredentials` if the values do not contain it. May run a credential
/// helper.
pub async fn resolve_login(plan: &mut Plan, request: &Request) -> Result<()> {
    let Some(PullSecret::Created {
        registry,
        login: None,
        ..
    }) = &plan.values.pull_secret
    else {
        return Ok(());
    };
    let found = plan.sources(request).login(registry).await?;
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
