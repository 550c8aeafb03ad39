//! Preparation before the first change: the previous state, the plan, and the preflight checks.
//! A stopped node is started only after that, if only its cluster has the settings or the keys.

use super::previous::Previous;
use super::registry::resolve_login;
use super::run::Run;
use super::{Error, Plan, ingress, instance, keys, plan, preflight};
use crate::error::Result;
use crate::event::Event;
use crate::hint::ours;
use crate::preflight::Finding;
use crate::recovery::{self, Found};
use crate::secrets::Secrets;
use crate::words;

/// The result of the preparation.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The previous state.
    pub(super) previous: Previous,
    /// The plan.
    pub(super) plan: Plan,
    /// The keys of the instance, if it has any.
    pub(super) keys: Option<Secrets>,
}

impl Prepared {
    /// Creates the plan from the request and the previous state. Changes nothing.
    pub(super) async fn new(run: &Run<'_, ()>, previous: Previous) -> Result<Prepared> {
        let Run {
            session, request, ..
        } = *run;
        let mut plan = plan(session, request, previous.settings.as_ref(), run.info)?;
        resolve_login(&mut plan, request).await?;
        plan.warnings
            .extend(keys::login_warning(run, &previous, &plan)?);
        if let Some(another) = &previous.another {
            plan.early_findings.push(Finding::of(another));
            let keys = None;
            return Ok(Prepared {
                previous,
                plan,
                keys,
            });
        }
        let found = keys::find(session, &previous, &plan).await?;
        if !previous.must_start {
            let home = session.state.secrets()?;
            let warning = keys::replacement_warning(
                &found,
                home.as_ref(),
                request.new_keys,
                session.name.non_default(),
            );
            plan.warnings.extend(warning);
        }
        let keys = match found {
            Found::Keys(keys) => Some(*keys),
            // The cluster has the keys and is not running yet.
            Found::Lost(lost) if !request.new_keys && !previous.must_start => {
                plan.early_findings.push(Finding::of(&lost));
                None
            }
            Found::None | Found::Lost(_) => None,
        };
        Ok(Prepared {
            previous,
            plan,
            keys,
        })
    }
}

/// Creates the plan, announces it and runs the preflight checks. Then starts a stopped node if
/// its settings or keys are unknown.
pub(super) async fn run(run: &Run<'_, ()>) -> Result<Prepared> {
    let previous = Previous::find(run).await?;
    let before = if previous.must_start && !previous.settings_known {
        check_node(run, &previous).await?;
        None
    } else {
        let prepared = Prepared::new(run, previous).await?;
        check(&run.with(&prepared.plan)).await?;
        if !prepared.previous.must_start {
            return Ok(prepared);
        }
        Some(prepared.plan)
    };
    recovery::start_node(run.session).await?;
    let previous = Previous::find(run).await?.after_start();
    let prepared = Prepared::new(run, previous).await?;
    let Some(before) = before else {
        check(&run.with(&prepared.plan)).await?;
        return Ok(prepared);
    };
    // `warn` does not repeat the earlier warnings.
    for warning in &prepared.plan.warnings {
        run.session.events.warn(warning);
    }
    // The cluster had later settings, or there are new findings.
    if before.instance != prepared.plan.instance || !prepared.plan.early_findings.is_empty() {
        preflight::run(&run.with(&prepared.plan)).await?;
    }
    Ok(prepared)
}

/// Prepares a dry run, which starts nothing. Omits the checks of settings that only the cluster
/// has.
pub(super) async fn dry_run(run: &Run<'_, ()>) -> Result<Prepared> {
    let previous = Previous::find(run).await?;
    if previous.must_start && !previous.settings_known {
        check_node(run, &previous).await?;
        return Err(recovery::unavailable(run.session).await?);
    }
    let prepared = Prepared::new(run, previous).await?;
    check(&run.with(&prepared.plan)).await?;
    Ok(prepared)
}

/// Prepares `start`.
pub(super) async fn start(run: &Run<'_, ()>) -> Result<(Plan, Secrets)> {
    let Run {
        session,
        info,
        request,
        ..
    } = *run;
    let mut previous = Previous::find(run).await?;
    let must_start = previous.must_start;
    if must_start {
        if let Some(another) = previous.another {
            return Err(another.into());
        }
        let earlier = previous.settings.as_ref().ok_or(Error::NothingToStart)?;
        let settings = instance(session, request, Some(earlier), info)?;
        preflight::start(session, &settings).await?;
        recovery::start_node(session).await?;
        previous = Previous::find(run).await?.after_start();
    }
    let earlier = previous.settings.as_ref().ok_or(Error::NothingToStart)?;
    if let Some(another) = previous.another {
        return Err(another.into());
    }
    let plan = plan(session, request, Some(earlier), info)?;
    let secrets = match keys::find(session, &previous, &plan).await? {
        Found::Keys(keys) => keys.complete(),
        Found::Lost(lost) => return Err(lost.into()),
        Found::None => return Err(Error::NothingToStart.into()),
    };
    if !must_start {
        preflight::start(session, &plan.instance).await?;
    }
    Ok((plan, secrets))
}

/// Checks only what depends on the node and the options, because the settings are unknown.
async fn check_node(run: &Run<'_, ()>, previous: &Previous) -> Result<()> {
    let earlier = previous.settings.as_ref();
    let settings = instance(run.session, run.request, earlier, run.info)?;
    preflight::reachable(run.session, &settings).await
}

/// Announces the plan and runs the preflight checks.
async fn check(run: &Run<'_>) -> Result<()> {
    announce(run);
    ingress::check_names(run).await;
    preflight::run(run).await
}

fn announce(run: &Run<'_>) {
    let Run { plan, info, .. } = *run;
    let events = &run.session.events;
    let cores = words::count(info.cpus.into(), "core");
    events.emit(Event::Started {
        name: plan.name.to_string(),
        summary: format!(
            "release {}, Docker {} with {cores} and {}: profile {}",
            plan.release.name,
            info.version,
            words::bytes(info.memory),
            plan.profile.name
        ),
    });
    for warning in &plan.warnings {
        events.warn(warning);
    }
    let not_loopback = !plan.instance.network.listen.is_loopback();
    if not_loopback {
        let listen = plan.instance.network.listen;
        events.warn(format!(
            "the ports are published on {listen}: anyone who can reach this machine can reach the server"
        ));
    }
    let ingress = &plan.instance.ingress;
    // Problems with host names are among the warnings of the values.
    let has_host_name = ingress.enabled && ingress.hosts.web.is_some();
    let api_is_found = has_host_name || plan.instance.ports.known_to_web_app();
    if !api_is_found && !plan.release.can_display_urls() {
        events.warn(format!(
            "the web app of release {} supports only the ports 30080, 30008, 30081 and 8080, 8008, \
             8081: on port {} its page may stay empty, because it may look for the API on port \
             8008, and `create credentials` shows wrong URLs (`{}` prints the correct ones, and the \
             SDK is not affected)",
            plan.release.name,
            plan.instance.ports.web,
            ours!(Credentials).of(plan.name.non_default())
        ));
    }
}
