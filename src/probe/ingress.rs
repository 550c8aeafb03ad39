//! The way through the ingress controller: by host name, as a browser takes it.

use super::{Check, Probe};

/// What the check is called.
pub(super) const NAME: &str = "ingress";

impl Probe {
    /// Asks each service that has a host name for what a user would ask it. The token
    /// is that of a login, for a file.
    pub(super) async fn through_ingress(&self, token: Option<&str>) -> Result<(), String> {
        for (service, url) in &self.by_name {
            let answer = match (*service, token) {
                ("app", _) => self.web_page(url).await,
                ("api", _) => self.ping(url).await,
                // Nobody but this machine itself is given a token.
                (_, Some(token)) if self.is_here => self.file_round_trip(url, token).await,
                _ => continue,
            };
            answer.map_err(|why| format!("{url}: {why}"))?;
        }
        Ok(())
    }
}

/// What to type where the server answers and the ingress alone does not.
pub fn ingress_hint(checks: &[Check], node: &str) -> Option<String> {
    let mut failed = checks.iter().filter(|check| check.failure.is_some());
    let alone = failed.next().is_some_and(|check| check.name == NAME) && failed.next().is_none();
    let log = "kubectl -n clearml logs deployment/clearml-traefik";
    alone.then(|| format!("see what the ingress controller says: docker exec {node} {log}"))
}
