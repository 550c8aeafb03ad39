//! A cluster that is there: a context of the user's kubeconfig, and a namespace in it. Only
//! objects with our labels are changed.

mod access;
mod place;
pub(crate) mod preflight;
mod reach;
mod remove;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Access, Checked, ClusterState, Details, Differences, Facts, Fetched, GpuSource, Journal,
    JournalOptions, KeySearch, NoCluster, OwnPart, Place, Previous, Provider, Recovered, Recovery,
    Removal, Removed, Seen,
};
use crate::error::{Error, Explain, Result};
use crate::event::Events;
use crate::failures::Failure;
use crate::health::Health;
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::images::Identities;
use crate::kube::{self, Cluster};
use crate::kubectl::Kubectl;
use crate::logs::{LogOptions, Opened, from_api};
use crate::plan::{Plan, Request};
use crate::preflight::Finding;
use crate::recovery::{self, Found};
use crate::revisions::{self, History};
use crate::secrets::Secrets;
use crate::settings::{ClusterSettings, Instance, InstanceName};
use crate::state::StateDir;

/// The time in which the cluster must answer `status`.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The time in which the server must answer as well. Its addresses are tried first, and it may
/// be reached only through the Kubernetes API.
const PATIENCE: Duration = Duration::from_secs(8);

/// A namespace of an existing cluster, for one instance.
pub(crate) struct Existing<'a> {
    name: &'a InstanceName,
    state: &'a StateDir,
    cluster: Cluster,
    settings: ClusterSettings,
    events: Events,
    /// Why the records of the instance could not be read: permissions are missing.
    denied: RefCell<Option<Error>>,
}

impl<'a> Existing<'a> {
    pub(crate) fn new(
        name: &'a InstanceName,
        state: &'a StateDir,
        cluster: Cluster,
        settings: ClusterSettings,
        events: Events,
    ) -> Existing<'a> {
        let namespace = settings.namespace.get().clone();
        Existing {
            name,
            state,
            cluster: cluster.within(namespace),
            settings,
            events,
            denied: RefCell::default(),
        }
    }

    /// Returns the settings of a new instance.
    pub(crate) fn defaults(state: &StateDir, settings: ClusterSettings) -> Instance {
        Instance {
            cluster: Some(settings),
            ..Instance::with_defaults(state.default_data_dir().into())
        }
    }

    /// Returns a finding if the clock of the cluster differs from the one here.
    async fn clock(&self) -> Option<Finding> {
        let skew = self.cluster.clock_skew(Timestamp::now()).await.ok()??;
        let failure = Failure::ClockSkew;
        Some(Finding {
            what: format!(
                "the clock of the cluster is {}: certificates, logins and tokens may be refused",
                skew.from("the one of this machine")
            ),
            remedies: failure.remedies(),
            failure,
        })
    }

    /// Returns whether the namespace has a server of this instance.
    async fn is_installed(&self) -> Result<bool> {
        Ok(self.cluster.has_objects_of(self.name.as_str()).await?)
    }

    async fn recovered(&self, stored: Option<&Instance>) -> Result<Recovered> {
        Ok(self.read(stored).await?.1)
    }

    /// Reads the revisions and the keys in the cluster.
    async fn read(&self, stored: Option<&Instance>) -> Result<(History, Recovered)> {
        let (history, secrets) = tokio::try_join!(
            revisions::load(self.state, Some(&self.cluster)),
            recovery::from_cluster(&self.cluster, None),
        )?;
        let instance = match stored {
            Some(stored) => Some(stored.clone()),
            None => history.latest_known()?.map(|latest| Instance {
                cluster: Some(self.settings.clone()),
                ..latest.instance.clone()
            }),
        };
        let recovered = Recovered {
            instance,
            secrets,
            cluster: Some(self.cluster.clone()),
            another: None,
        };
        Ok((history, recovered))
    }
}

#[async_trait(?Send)]
impl Provider for Existing<'_> {
    async fn facts(&self) -> Result<Facts> {
        let version = self.cluster.version().await?;
        Ok(Facts {
            memory: 0,
            summary: format!(
                "context {}, namespace {}, Kubernetes {version}",
                self.settings.context, self.settings.namespace
            ),
            defaults: Existing::defaults(self.state, self.settings.clone()),
        })
    }

    fn has_own_node(&self) -> bool {
        false
    }

    async fn gpus(&self) -> Result<GpuSource> {
        Ok(GpuSource::Cluster)
    }

    fn kubectl(&self) -> Kubectl {
        self.settings.kubectl()
    }

    async fn access(&self, _: &Instance) -> Result<Access> {
        reach::access(self).await
    }

    async fn previous(&self) -> Result<Previous> {
        let kept = self.state.instance()?;
        let (history, recovered) = match self.read(kept.as_ref()).await {
            // The checks report all missing permissions together.
            Err(error) if is_denied(&error) => {
                *self.denied.borrow_mut() = Some(error);
                return Ok(Previous {
                    settings_known: kept.is_some(),
                    settings: kept,
                    unreadable: true,
                    ..Previous::default()
                });
            }
            read => read?,
        };
        Ok(Previous {
            history,
            settings_known: recovered.instance.is_some(),
            settings: recovered.instance,
            cluster: Some(self.cluster.clone()),
            ..Previous::default()
        })
    }

    async fn cluster(&self) -> Result<ClusterState> {
        Ok(match self.is_installed().await? {
            true => ClusterState::Ready(self.cluster.clone()),
            false => ClusterState::Absent,
        })
    }

    async fn keys(&self, search: KeySearch<'_>) -> Result<Found> {
        let is_denied = self.denied.borrow().is_some();
        let found = match is_denied {
            true => None,
            false => recovery::from_cluster(&self.cluster, search.home.as_ref()).await?,
        };
        Ok(match found.or(search.home) {
            Some(keys) => Found::Keys(Box::new(keys)),
            None => Found::None,
        })
    }

    async fn recover(
        &self,
        stored: Option<&Instance>,
        _: Option<&Secrets>,
        until: Instant,
    ) -> Result<Option<Recovery>> {
        let recovered = tokio::time::timeout_at(until.into(), self.recovered(stored)).await;
        let recovered = recovered.map_err(|_| no_answer(&self.settings))??;
        Ok(Some(Recovery {
            recovered,
            runs: true,
        }))
    }

    /// The cluster is never stopped.
    async fn start_to_read(&self) -> Result<()> {
        Ok(())
    }

    async fn warnings(&self, _: &Plan) -> Vec<String> {
        Vec::new()
    }

    async fn check(&self, plan: &Plan, _: &Request) -> Result<Checked> {
        let objects = plan.objects(&Secrets::empty(), &Identities::new())?;
        let objects: Vec<Value> = objects.iter().map(|o| o.as_value().clone()).collect();
        let name = self.name.as_str();
        let mut checked = preflight::run(&self.cluster, &self.settings, name, &objects).await?;
        let clock = self.clock().await;
        checked.warnings.extend(clock.map(|finding| finding.what));
        let mut findings = plan.early_findings.clone();
        findings.extend(checked.findings);
        // Without the records, new keys would replace those of the server.
        match self.denied.take() {
            Some(error) if findings.is_empty() => return Err(error),
            _ => {}
        }
        Ok(Checked {
            findings,
            ..checked
        })
    }

    async fn check_reachable(&self, _: &Instance) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn compare(&self, _: &Plan) -> Result<Differences> {
        Ok(Differences::default())
    }

    /// The cluster pulls the images: a reference is all that is known of them.
    async fn identities(&self, _: &Plan) -> Result<Identities> {
        Ok(Identities::new())
    }

    async fn fetch(&self, _: &Plan, _: &Request) -> Result<Fetched> {
        Ok(Fetched {
            images: None,
            creates: self.state.instance()?.is_none(),
        })
    }

    /// The cluster pulls it.
    async fn provide_image(&self, _: &ImageRef, _: &Instance, _: &Request) -> Result<Identities> {
        Ok(Identities::new())
    }

    async fn move_data(&self, _: &Plan, _: &Request) -> Result<bool> {
        Ok(false)
    }

    async fn ensure<'p>(&'p self, _: &'p Plan, _: &'p Request) -> Result<Box<dyn Place + 'p>> {
        Ok(Box::new(place::ensure(self).await?))
    }

    async fn start<'p>(&'p self, _: &'p Plan, _: &'p Request) -> Result<Box<dyn Place + 'p>> {
        Err(self.not_here("start"))
    }

    async fn stop(&self) -> Result<bool> {
        Err(self.not_here("stop"))
    }

    async fn data(&self) -> Result<Vec<String>> {
        let claims = self.cluster.claims_of(self.name.as_str()).await?;
        let claims = claims.into_iter();
        Ok(claims.map(|name| format!("claim {name}")).collect())
    }

    async fn remove(&self, removal: Removal<'_>) -> Result<Removed> {
        remove::remove(self, removal.purge).await
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    async fn look(&self, stored: Option<&Instance>, began: Instant) -> Result<Seen> {
        let until = began + RESPONSE_TIMEOUT;
        let asking = async {
            let (installed, recovered) =
                tokio::try_join!(self.is_installed(), self.recovered(stored))?;
            Ok::<_, Error>((installed, recovered))
        };
        let answer = tokio::time::timeout_at(until.into(), asking).await;
        let (installed, recovered) = answer.map_err(|_| no_answer(&self.settings))??;
        Ok(Seen {
            health: match installed {
                true => Health::Running,
                false => Health::Absent,
            },
            recovered,
            note: None,
            runs: installed,
            started: None,
            autostart: None,
            node_image: None,
        })
    }

    async fn details(&self, _: Option<&Cluster>, until: Instant) -> Details {
        let clock = tokio::time::timeout_at(until.into(), self.clock()).await;
        Details {
            host: clock.ok().flatten().into_iter().collect(),
            ..Details::default()
        }
    }

    async fn logs(&self, options: &LogOptions) -> Result<Opened> {
        if !self.is_installed().await? {
            return Err(NoCluster::without_logs(self.name).into());
        }
        let opened = from_api(options, self.cluster.clone()).await?;
        opened.ok_or_else(|| no_answer(&self.settings).into())
    }

    async fn journal(&self, _: JournalOptions) -> Result<(String, Journal)> {
        Err(self.not_here("logs --node"))
    }

    /// The API has everything that the namespace shows.
    fn own_parts(&self) -> &'static [OwnPart] {
        &[]
    }

    async fn own_part(&self, _: OwnPart) -> Result<String> {
        Ok(String::new())
    }
}

impl Existing<'_> {
    fn not_here(&self, command: &'static str) -> Error {
        NotHere {
            command,
            context: self.settings.context.to_string(),
        }
        .into()
    }
}

/// Returns whether a permission is missing.
fn is_denied(error: &Error) -> bool {
    let refused = error.downcast_ref::<kube::Error>();
    matches!(refused, Some(kube::Error::Refused { status: 403, .. }))
}

fn no_answer(settings: &ClusterSettings) -> NoAnswer {
    NoAnswer {
        context: settings.context.to_string(),
        kubectl: settings.kubectl(),
    }
}

/// The cluster did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the cluster of the context `{context}` does not answer")]
struct NoAnswer {
    context: String,
    kubectl: Kubectl,
}

impl Explain for NoAnswer {
    fn failure(&self) -> Failure {
        Failure::ClusterUnreachable
    }

    fn hints(&self) -> Vec<Hint> {
        let get = self.kubectl.on_cluster("get namespaces");
        vec![Hint::run("check that it responds", get)]
    }
}

/// A command for a node of ours.
#[derive(Debug, thiserror::Error)]
#[error("`{command}` is for a node in Docker, and the server runs in the cluster of `{context}`")]
struct NotHere {
    command: &'static str,
    context: String,
}

impl Explain for NotHere {
    fn failure(&self) -> Failure {
        Failure::UnsupportedHere
    }

    fn hints(&self) -> Vec<Hint> {
        match self.command {
            "logs --node" => vec![Hint::run("show the logs of the server", ours!(Logs))],
            "start" => vec![Hint::run("install it again", ours!(Up))],
            _ => vec![Hint::run(
                "remove the server and keep its data",
                ours!(Down),
            )],
        }
    }
}
