//! Checks the external databases from inside the cluster before anything is applied: otherwise,
//! the symptom of a wrong host or password would be a server that does not start, minutes
//! later.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::run::Run;
use crate::component::Component;
use crate::error::{Explain, Result};
use crate::event::Step;
use crate::failures::{Failure, distinct};
use crate::health;
use crate::hint::{self, Hint, ours};
use crate::images::Identities;
use crate::kube::{Cluster, PodResult};
use crate::kubectl::Kubectl;
use crate::manifests::external::{self, Check, ExternalDatabase, RequiredKey};
use crate::namespace::Namespace;
use crate::secrets::Secrets;
use crate::values::keys::external as keys;
use crate::words::listed;

/// Timeout of the check, which includes waiting for a new node.
const LIMIT: Duration = Duration::from_secs(180);

/// Checks the external databases, unless there are none or the running server already uses
/// them. Applies only the namespace.
pub(super) async fn check(
    run: &Run<'_>,
    secrets: &Secrets,
    identities: &Identities,
    cluster: &Cluster,
) -> Result<()> {
    let Run { session, plan, .. } = *run;
    let databases = plan.external();
    if databases.is_empty() {
        return Ok(());
    }
    let objects = plan.objects(secrets, identities)?;
    let Some(check) = external::check(&objects, &databases) else {
        return Ok(());
    };
    if is_in_use(&check, &databases, cluster).await? {
        return Ok(());
    }
    let namespaces = objects.iter().filter(|object| object.kind() == "Namespace");
    let namespaces: Vec<Value> = namespaces.map(|object| object.as_value().clone()).collect();
    cluster.apply(&namespaces).await?;
    let step = session.events.step("external");
    let result = async {
        require_secrets(&check, session.provider.kubectl(), cluster).await?;
        if session.provider.has_own_node() {
            await_node(cluster, &step).await?;
        }
        ask(&check, cluster, &step).await
    };
    let result = result.await;
    step.end(result, |()| (true, summary(&check.databases)))
}

/// Returns whether the server is ready with the same connection settings.
async fn is_in_use(check: &Check, databases: &[Component], cluster: &Cluster) -> Result<bool> {
    let live = cluster.live(&check.deployment).await?;
    let same = live.is_some_and(|live| {
        external::connection_settings(&live, databases) == check.connection_settings
    });
    if !same {
        return Ok(false);
    }
    Ok(health::is_ready(cluster, Component::Apiserver).await?)
}

/// Checks that the Secrets with the passwords exist and have the keys that are read.
async fn require_secrets(check: &Check, kubectl: Kubectl, cluster: &Cluster) -> Result<()> {
    for required in &check.required {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": required.secret}});
        let secret = cluster.live(&secret).await?;
        let has_key = secret
            .as_ref()
            .is_some_and(|secret| !secret["data"][&required.key].is_null());
        if secret.is_none() || !has_key && !required.optional {
            return Err(Error::NoSecret {
                required: required.clone(),
                is_there: secret.is_some(),
                kubectl: Box::new(kubectl),
            }
            .into());
        }
    }
    Ok(())
}

async fn await_node(cluster: &Cluster, step: &Step) -> Result<()> {
    let accepted = health::await_node(cluster, Instant::now() + LIMIT, step).await?;
    accepted.map_err(|late| Error::CheckFailed {
        reason: late.to_string(),
    })?;
    Ok(())
}

async fn ask(check: &Check, cluster: &Cluster, step: &Step) -> Result<()> {
    step.state("checking from inside the cluster");
    let asked = cluster.run_pod(&check.objects, LIMIT);
    match asked.await? {
        PodResult::Finished(message) => {
            parse_result(&check.databases, &message).map_err(Into::into)
        }
        PodResult::Failed(reason) => Err(Error::CheckFailed { reason }.into()),
    }
}

/// Reads the result of each database from the pod's message.
fn parse_result(databases: &[ExternalDatabase], message: &str) -> std::result::Result<(), Error> {
    let mut failures = Vec::new();
    for database in databases {
        let name = database.component.name();
        let answer = message.lines().find_map(|line| {
            let (component, answer) = line.split_once(' ')?;
            (component == name).then_some(answer)
        });
        let Some(answer) = answer else {
            let reason = format!("no result for {name}");
            return Err(Error::CheckFailed { reason });
        };
        if answer != "ok" {
            let (class, reason) = answer.split_once(' ').unwrap_or((answer, "no answer"));
            failures.push(DatabaseFailed {
                database: database.clone(),
                trouble: Trouble::of(class),
                reason: reason.to_owned(),
            });
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(Error::Unusable(failures))
}

fn summary(databases: &[ExternalDatabase]) -> String {
    let names: Vec<&str> = databases.iter().map(|one| one.component.name()).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} reachable", listed(&names))
}

/// One database that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFailed {
    database: ExternalDatabase,
    trouble: Trouble,
    /// The reason for the error message.
    reason: String,
}

impl fmt::Display for DatabaseFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExternalDatabase {
            component,
            host,
            port,
        } = &self.database;
        write!(f, "external {component} at {host}:{port}: {}", self.reason)
    }
}

/// The class of a failure, as the script prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Name,
    /// The connection was refused.
    Refused,
    /// The database did not answer.
    Unreachable,
    Login,
    Password,
    Starting,
    Other,
}

impl Trouble {
    fn of(class: &str) -> Trouble {
        match class {
            "name" => Trouble::Name,
            "refused" => Trouble::Refused,
            "login" => Trouble::Login,
            "password" => Trouble::Password,
            "starting" => Trouble::Starting,
            "other" => Trouble::Other,
            _ => Trouble::Unreachable,
        }
    }
}

impl DatabaseFailed {
    fn is_own_address(&self) -> bool {
        let host = &self.database.host;
        host == "localhost" || host.starts_with("127.")
    }

    fn failure(&self) -> Failure {
        match self.trouble {
            _ if self.is_own_address() => Failure::ExternalLocalhost,
            Trouble::Name => Failure::ExternalName,
            Trouble::Refused | Trouble::Unreachable | Trouble::Other => {
                Failure::ExternalUnreachable
            }
            Trouble::Starting => Failure::ExternalStarting,
            Trouble::Login | Trouble::Password => Failure::ExternalLogin,
        }
    }

    fn hint(&self) -> Hint {
        let Some(keys) = keys::connection(self.database.component) else {
            return Hint::run("try again", ours!(Up));
        };
        let host = &self.database.host;
        match self.trouble {
            _ if self.is_own_address() => Hint::text(format!(
                "`{host}` refers to the pod itself: set this machine's address as \
                 `{}`",
                keys.host
            )),
            Trouble::Name => Hint::run(
                "use a name that resolves in the node",
                ours!(Up, "--set {key}=HOST", key = keys.host),
            ),
            Trouble::Refused | Trouble::Unreachable | Trouble::Other => Hint::run(
                "check that it is running and accepts connections from the node; if it uses another port",
                ours!(Up, "--set {key}=PORT", key = keys.port),
            ),
            Trouble::Starting => Hint::run("wait until it is ready, then run", ours!(Up)),
            Trouble::Login | Trouble::Password => Hint::run(
                format!(
                    "set the correct credentials in `{}`, or in the Secret of `{}`, then run",
                    keys.password,
                    keys::EXISTING_SECRET
                ),
                ours!(Up),
            ),
        }
    }
}

/// The reason why external databases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A database failed the check.
    #[error("{}; nothing was applied", .0.first().map(ToString::to_string).unwrap_or_default())]
    Unusable(Vec<DatabaseFailed>),
    #[error("{}; nothing was applied", no_secret(required, *is_there, kubectl.namespace()))]
    NoSecret {
        /// What is missing.
        required: RequiredKey,
        /// Whether the Secret exists, but without the key.
        is_there: bool,
        kubectl: Box<Kubectl>,
    },
    /// The pod that runs the check failed.
    #[error("cannot check the external databases from inside the cluster: {reason}")]
    CheckFailed { reason: String },
}

fn no_secret(required: &RequiredKey, is_there: bool, namespace: &Namespace) -> String {
    let RequiredKey { secret, key, .. } = required;
    if is_there {
        format!("the Secret `{secret}` in the namespace `{namespace}` has no key `{key}`")
    } else {
        format!("the Secret `{secret}` does not exist in the namespace `{namespace}`")
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Unusable(databases) => databases
                .first()
                .map_or(Failure::ExternalUnreachable, DatabaseFailed::failure),
            Error::NoSecret { .. } => Failure::ExternalSecret,
            Error::CheckFailed { .. } => Failure::ExternalCheck,
        }
    }

    fn failures(&self) -> Vec<Failure> {
        match self {
            Error::Unusable(databases) => distinct(databases.iter().map(DatabaseFailed::failure)),
            _ => vec![self.failure()],
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Unusable(failures) => hint::distinct(failures.iter().map(DatabaseFailed::hint)),
            Error::NoSecret {
                required,
                is_there: false,
                kubectl,
            } => vec![Hint::run(
                "create it with the required keys",
                kubectl.run(&format!(
                    "create secret generic {} --from-literal={}=VALUE",
                    required.secret, required.key
                )),
            )],
            Error::NoSecret {
                required, kubectl, ..
            } => vec![Hint::run(
                "add the key",
                kubectl.run_on_terminal(&format!("edit secret {}", required.secret)),
            )],
            Error::CheckFailed { .. } => vec![Hint::run("try again", ours!(Up))],
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Unusable(failures) => failures.iter().skip(1).map(ToString::to_string).collect(),
            Error::NoSecret { .. } | Error::CheckFailed { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Events;
    use crate::kube::mock::{Request, cluster};

    fn databases() -> Vec<ExternalDatabase> {
        let database = |component, host: &str, port: &str| ExternalDatabase {
            component,
            host: host.to_owned(),
            port: port.to_owned(),
        };
        vec![
            database(Component::Redis, "cache", "6379"),
            database(Component::Elasticsearch, "localhost", "9200"),
        ]
    }

    fn judged(message: &str) -> Option<(String, Vec<String>, Vec<Hint>)> {
        let error = parse_result(&databases(), message).err()?;
        Some((error.to_string(), error.details(), error.hints()))
    }

    #[test]
    fn the_check_succeeds_if_all_databases_answer() {
        assert_eq!(judged("elasticsearch ok\nredis ok\n"), None);
        assert_eq!(
            summary(&databases()),
            "redis and elasticsearch are reachable"
        );
    }

    #[test]
    fn every_failure_is_reported_with_a_hint() {
        let message =
            "redis password it rejected the password\nelasticsearch refused connection refused\n";
        let (error, details, hints) = judged(message).unwrap();
        assert_eq!(
            error,
            "external redis at cache:6379: it rejected the password; nothing was applied"
        );
        assert_eq!(
            details,
            ["external elasticsearch at localhost:9200: connection refused"]
        );
        assert!(
            hints[0]
                .to_string()
                .contains("`externalServices.redisPassword`")
        );
        assert!(
            hints[1]
                .to_string()
                .starts_with("`localhost` refers to the pod itself")
        );
    }

    #[test]
    fn an_incomplete_result_is_an_error() {
        let (error, ..) = judged("redis ok\n").unwrap();
        assert!(error.ends_with("no result for elasticsearch"));
        assert!(judged("").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn reports_a_node_that_does_not_accept_pods() {
        let (cluster, _) = cluster(|asked: &Request| {
            let ready = json!([{"type": "Ready", "status": "False",
                "message": "container runtime network not ready: NetworkPluginNotReady"}]);
            let items = match asked.path.contains("/nodes") {
                true => json!([{"metadata": {"name": "n"}, "status": {"conditions": ready}}]),
                false => json!([]),
            };
            (200, json!({"metadata": {}, "items": items}))
        });
        let began = Instant::now();
        let step = Events::silent().step("external");
        let error = await_node(&cluster, &step).await.unwrap_err();
        assert!(began.elapsed() <= LIMIT);
        assert_eq!(
            error.to_string(),
            "cannot check the external databases from inside the cluster: timed out after 3 m \
             waiting for the node to accept pods: its pod network is not ready"
        );
        assert_eq!(error.failure(), Failure::ExternalCheck);
    }

    #[test]
    fn every_class_of_the_script_is_known() {
        let script = include_str!("../../templates/clearml/wait.sh");
        let mut classes: Vec<&str> = script
            .split("fail ")
            .skip(1)
            .filter_map(|rest| rest.split(' ').next())
            .filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase()))
            .collect();
        classes.sort_unstable();
        classes.dedup();
        let known = [
            "login",
            "name",
            "other",
            "password",
            "refused",
            "starting",
            "unreachable",
        ];
        assert_eq!(classes, known);
    }
}
