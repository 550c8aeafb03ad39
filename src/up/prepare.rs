//! Preparation before the first change: the previous state, the plan, and the preflight checks.
//! A stopped node is started only after that, if only its cluster has the settings or the keys.

use super::preflight::Finding;
use super::previous::Previous;
use super::registry::resolve_login;
use super::session::Session;
use super::{Error, Plan, ingress, instance, keys, plan, preflight};
use crate::error::Result;
use crate::event::Event;
use crate::hint::ours;
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
    ///
    /// # Errors
    /// Settings or values are invalid, or the engine does not answer.
    pub(super) async fn new(session: &Session<'_, ()>, previous: Previous) -> Result<Prepared> {
        let Session {
            request,
            state,
            engine,
            info,
            ..
        } = *session;
        let mut plan = plan(request, state, previous.settings.as_ref(), info)?;
        resolve_login(&mut plan, request).await?;
        plan.warnings
            .extend(keys::login_warning(&previous, &plan, state, info)?);
        if let Some(another) = &previous.another {
            plan.early_findings.push(Finding::of(another));
            let keys = None;
            return Ok(Prepared {
                previous,
                plan,
                keys,
            });
        }
        let found = keys::find(&previous, &plan, state, engine).await?;
        if !previous.must_start {
            let home = state.secrets()?;
            let warning = keys::replacement_warning(
                &found,
                home.as_ref(),
                request.new_keys,
                request.name.non_default(),
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
///
/// # Errors
/// A preflight check fails, or the engine does not answer.
pub(super) async fn run(session: &Session<'_, ()>) -> Result<Prepared> {
    let Session {
        request,
        engine,
        events,
        ..
    } = *session;
    let previous = Previous::find(session).await?;
    let before = if previous.must_start && !previous.settings_known {
        check_node(session, &previous).await?;
        None
    } else {
        let prepared = Prepared::new(session, previous).await?;
        check(&session.with(&prepared.plan)).await?;
        if !prepared.previous.must_start {
            return Ok(prepared);
        }
        Some(prepared.plan)
    };
    recovery::start_node(&request.name, engine, events).await?;
    let previous = Previous::find(session).await?.after_start();
    let prepared = Prepared::new(session, previous).await?;
    let Some(before) = before else {
        check(&session.with(&prepared.plan)).await?;
        return Ok(prepared);
    };
    // `warn` does not repeat the earlier warnings.
    for warning in &prepared.plan.warnings {
        events.warn(warning);
    }
    // The cluster had later settings, or there are new findings.
    if before.instance != prepared.plan.instance || !prepared.plan.early_findings.is_empty() {
        preflight::run(&session.with(&prepared.plan)).await?;
    }
    Ok(prepared)
}

/// Prepares a dry run, which starts nothing. Omits the checks of settings that only the cluster
/// has.
///
/// # Errors
/// A preflight check fails, or the engine does not answer.
pub(super) async fn dry_run(session: &Session<'_, ()>) -> Result<Prepared> {
    let Session {
        request,
        state,
        engine,
        ..
    } = *session;
    let previous = Previous::find(session).await?;
    if previous.must_start && !previous.settings_known {
        check_node(session, &previous).await?;
        return Err(recovery::unavailable(&request.name, state, engine).await?);
    }
    let prepared = Prepared::new(session, previous).await?;
    check(&session.with(&prepared.plan)).await?;
    Ok(prepared)
}

/// Prepares `start`.
///
/// # Errors
/// There is nothing to start, or a preflight check fails.
pub(super) async fn start(session: &Session<'_, ()>) -> Result<(Plan, Secrets)> {
    let Session {
        request,
        state,
        engine,
        info,
        events,
        ..
    } = *session;
    let mut previous = Previous::find(session).await?;
    let must_start = previous.must_start;
    if must_start {
        if let Some(another) = previous.another {
            return Err(another.into());
        }
        let earlier = previous.settings.as_ref().ok_or(Error::NothingToStart)?;
        let settings = instance(request, state, Some(earlier), info)?;
        preflight::start(&request.name, &settings, engine, events).await?;
        recovery::start_node(&request.name, engine, events).await?;
        previous = Previous::find(session).await?.after_start();
    }
    let earlier = previous.settings.as_ref().ok_or(Error::NothingToStart)?;
    if let Some(another) = previous.another {
        return Err(another.into());
    }
    let plan = plan(request, state, Some(earlier), info)?;
    let secrets = match keys::find(&previous, &plan, state, engine).await? {
        Found::Keys(keys) => keys.complete(),
        Found::Lost(lost) => return Err(lost.into()),
        Found::None => return Err(Error::NothingToStart.into()),
    };
    if !must_start {
        preflight::start(&request.name, &plan.instance, engine, events).await?;
    }
    Ok((plan, secrets))
}

/// Checks only what depends on the node and the options, because the settings are unknown.
async fn check_node(session: &Session<'_, ()>, previous: &Previous) -> Result<()> {
    let Session {
        request,
        state,
        engine,
        info,
        ..
    } = *session;
    let settings = instance(request, state, previous.settings.as_ref(), info)?;
    preflight::reachable(&request.name, &settings, engine).await
}

/// Announces the plan and runs the preflight checks.
async fn check(session: &Session<'_>) -> Result<()> {
    let Session { plan, events, .. } = *session;
    announce(session);
    ingress::check_names(plan, events).await;
    preflight::run(session).await
}

fn announce(session: &Session<'_>) {
    let Session {
        plan, info, events, ..
    } = *session;
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
    let not_loopback = !plan.instance.listen.is_loopback();
    if not_loopback {
        let listen = plan.instance.listen;
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
