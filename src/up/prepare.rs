//! Everything that is known before the first change: what was, what it will be, and what
//! is in the way. Only then is a stopped node started to read what only its cluster has.

use super::past::Past;
use super::preflight::Finding;
use super::registry::complete;
use super::session::Session;
use super::{Error, Plan, ingress, instance, keys, plan, preflight};
use crate::error::Result;
use crate::event::Event;
use crate::hint::ours;
use crate::recovery::{self, Found};
use crate::secrets::Secrets;
use crate::words;

/// What is known before anything is changed.
#[derive(Debug)]
pub(super) struct Known {
    /// What was.
    pub(super) past: Past,
    /// What it will be.
    pub(super) plan: Plan,
    /// The keys of the instance, if it has any.
    pub(super) keys: Option<Secrets>,
}

impl Known {
    /// Works out what will be from what was; changes nothing.
    ///
    /// # Errors
    /// When settings or values are invalid, or the engine does not answer.
    pub(super) async fn new(session: &Session<'_, ()>, past: Past) -> Result<Known> {
        let Session {
            request,
            state,
            engine,
            info,
            ..
        } = *session;
        let mut plan = plan(request, state, past.chosen.as_ref(), info)?;
        complete(&mut plan, request).await?;
        plan.warnings
            .extend(keys::changed(&past, &plan, state, info)?);
        if let Some(another) = &past.another {
            plan.in_the_way.push(Finding::of(another));
            let keys = None;
            return Ok(Known { past, plan, keys });
        }
        let found = keys::find(&past, &plan, state, engine).await?;
        if !past.must_wake {
            let home = state.secrets()?;
            let warning = keys::replaced(
                &found,
                home.as_ref(),
                request.new_keys,
                request.name.to_type(),
            );
            plan.warnings.extend(warning);
        }
        let keys = match found {
            Found::Keys(keys) => Some(*keys),
            // The cluster has them, once it answers.
            Found::Lost(lost) if !request.new_keys && !past.must_wake => {
                plan.in_the_way.push(Finding::of(&lost));
                None
            }
            Found::None | Found::Lost(_) => None,
        };
        Ok(Known { past, plan, keys })
    }
}

/// Works out what `up` will do, says so, and checks that it can be done. A node that this
/// home knows too little of is started last.
///
/// # Errors
/// When something is in the way, or the engine does not answer.
pub(super) async fn run(session: &Session<'_, ()>) -> Result<Known> {
    let Session {
        request,
        engine,
        events,
        ..
    } = *session;
    let past = Past::look(session).await?;
    let before = if past.must_wake && !past.knows_settings {
        check_node(session, &past).await?;
        None
    } else {
        let known = Known::new(session, past).await?;
        check(&session.with(&known.plan)).await?;
        if !known.past.must_wake {
            return Ok(known);
        }
        Some(known.plan)
    };
    recovery::start_node(&request.name, engine, events).await?;
    let past = Past::look(session).await?.after_waking();
    let known = Known::new(session, past).await?;
    let Some(before) = before else {
        check(&session.with(&known.plan)).await?;
        return Ok(known);
    };
    // Those that were said before are not said again.
    for warning in &known.plan.warnings {
        events.warn(warning);
    }
    // The cluster knows of a later choice, or that something is wrong after all.
    if before.instance != known.plan.instance || !known.plan.in_the_way.is_empty() {
        preflight::run(&session.with(&known.plan)).await?;
    }
    Ok(known)
}

/// The same for a dry run, which starts nothing. What is said of settings that only the
/// cluster knows is left out.
///
/// # Errors
/// When something is in the way, or the engine does not answer.
pub(super) async fn dry(session: &Session<'_, ()>) -> Result<Known> {
    let Session {
        request,
        state,
        engine,
        ..
    } = *session;
    let past = Past::look(session).await?;
    if past.must_wake && !past.knows_settings {
        check_node(session, &past).await?;
        return Err(recovery::unavailable(&request.name, state, engine).await?);
    }
    let known = Known::new(session, past).await?;
    check(&session.with(&known.plan)).await?;
    Ok(known)
}

/// What `start` needs to know, checked.
///
/// # Errors
/// When there is nothing to start, or something is in the way.
pub(super) async fn start(session: &Session<'_, ()>) -> Result<(Plan, Secrets)> {
    let Session {
        request,
        state,
        engine,
        info,
        events,
        ..
    } = *session;
    let mut past = Past::look(session).await?;
    let must_wake = past.must_wake;
    if must_wake {
        if let Some(another) = past.another {
            return Err(another.into());
        }
        let earlier = past.chosen.as_ref().ok_or(Error::NothingToStart)?;
        let settings = instance(request, state, Some(earlier), info)?;
        preflight::start(&request.name, &settings, engine, events).await?;
        recovery::start_node(&request.name, engine, events).await?;
        past = Past::look(session).await?.after_waking();
    }
    let earlier = past.chosen.as_ref().ok_or(Error::NothingToStart)?;
    if let Some(another) = past.another {
        return Err(another.into());
    }
    let plan = plan(request, state, Some(earlier), info)?;
    let secrets = match keys::find(&past, &plan, state, engine).await? {
        Found::Keys(keys) => keys.complete(),
        Found::Lost(lost) => return Err(lost.into()),
        Found::None => return Err(Error::NothingToStart.into()),
    };
    if !must_wake {
        preflight::start(&request.name, &plan.instance, engine, events).await?;
    }
    Ok((plan, secrets))
}

/// Checks what the node itself and the flags decide, whatever else was chosen.
async fn check_node(session: &Session<'_, ()>, past: &Past) -> Result<()> {
    let Session {
        request,
        state,
        engine,
        info,
        ..
    } = *session;
    let settings = instance(request, state, past.chosen.as_ref(), info)?;
    preflight::reachable(&request.name, &settings, engine).await
}

/// Says what will be, and checks that it can be.
async fn check(session: &Session<'_>) -> Result<()> {
    let Session { plan, events, .. } = *session;
    announce(session);
    ingress::announce(plan, events).await;
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
    let beside_loopback = !plan.instance.listen.is_loopback();
    if beside_loopback {
        let listen = plan.instance.listen;
        events.warn(format!(
            "the ports are published on {listen}: anyone who can reach this machine can reach the server"
        ));
    }
    let ingress = &plan.instance.ingress;
    // What is wrong with names is among the warnings of the values.
    let by_name = ingress.enabled && ingress.hosts.web.is_some();
    let found = by_name || plan.instance.ports.found_by_web_app();
    if !found && !plan.release.can_display_urls() {
        events.warn(format!(
            "the web app of release {} supports only the ports 30080, 30008, 30081 and 8080, 8008, \
             8081: on port {} its page may stay empty, because it may look for the API on port \
             8008, and `create credentials` shows wrong URLs (`{}` prints the correct ones, and the \
             SDK is not affected)",
            plan.release.name,
            plan.instance.ports.web,
            ours!(Credentials).of(plan.name.to_type())
        ));
    }
}
