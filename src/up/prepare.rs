//! Preparation before the first change: the previous state, the plan, and the preflight checks.
//! A stopped node is started only after that, if only its cluster has the settings or the keys.

use super::registry::resolve_login;
use super::run::Run;
use super::{instance, keys, plan};
use crate::error::Result;
use crate::event::Event;
use crate::plan::{Plan, Request};
use crate::preflight::refuse;
use crate::provider::{Checked, NothingToStart, Previous};
use crate::recovery::Found;
use crate::secrets::Secrets;
use crate::session::Session;
use crate::settings::Instance;

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
        let mut plan = plan(session.name, request, previous.settings.as_ref(), run.facts)?;
        resolve_login(&mut plan, request).await?;
        plan.warnings
            .extend(keys::login_warning(run, &previous, &plan)?);
        if let Some(another) = &previous.another {
            plan.early_findings.push(another.clone());
            let keys = None;
            return Ok(Prepared {
                previous,
                plan,
                keys,
            });
        }
        let found = keys::find(&session, &previous, &plan).await?;
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
                plan.early_findings.push(lost);
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

/// Returns what is known of the instance, with the settings of the revision to roll back to.
pub(super) async fn find_previous(run: &Run<'_, ()>) -> Result<Previous> {
    let previous = run.session.provider.previous().await?;
    previous.back_to(run.request.back_to)
}

/// Creates the plan, announces it and runs the preflight checks. Then starts a stopped node if
/// its settings or keys are unknown.
pub(super) async fn run(run: &Run<'_, ()>) -> Result<Prepared> {
    let previous = find_previous(run).await?;
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
    run.session.provider.start_to_read().await?;
    let previous = find_previous(run).await?.after_start();
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
        preflight(&run.with(&prepared.plan)).await?;
    }
    Ok(prepared)
}

/// Prepares a dry run, which starts nothing. Omits the checks of settings that only the cluster
/// has.
pub(super) async fn dry_run(run: &Run<'_, ()>) -> Result<Prepared> {
    let previous = find_previous(run).await?;
    if previous.must_start && !previous.settings_known {
        check_node(run, &previous).await?;
        return Err(run.session.provider.cluster().await?.error());
    }
    let prepared = Prepared::new(run, previous).await?;
    check(&run.with(&prepared.plan)).await?;
    Ok(prepared)
}

/// Runs all checks of `up` on the instance as it is, and returns what they find. Starts
/// nothing. Omits the checks of settings that only a stopped cluster has.
pub(crate) async fn examine(session: &Session<'_>, request: &Request) -> Result<Checked> {
    let provider = session.provider;
    let facts = provider.facts().await?;
    let run = &Run::new(*session, &facts, request);
    let previous = find_previous(run).await?;
    if previous.must_start && !previous.settings_known {
        let settings = instance(request, previous.settings.as_ref(), &facts)?;
        let findings = provider.check_reachable(&settings).await?;
        return Ok(Checked {
            findings,
            ..Checked::default()
        });
    }
    let plan = Prepared::new(run, previous).await?.plan;
    let Checked { findings, warnings } = provider.check(&plan, request).await?;
    let mut all = plan.warnings.clone();
    all.extend(provider.warnings(&plan).await);
    all.extend(warnings);
    Ok(Checked {
        findings,
        warnings: all,
    })
}

/// Prepares `start`.
pub(super) async fn start(run: &Run<'_, ()>) -> Result<(Plan, Secrets)> {
    let Run {
        session,
        facts,
        request,
        ..
    } = *run;
    let mut previous = find_previous(run).await?;
    let must_start = previous.must_start;
    if must_start {
        if let Some(another) = previous.another {
            return Err(another.into_error());
        }
        let earlier = previous.settings.as_ref().ok_or(NothingToStart)?;
        let settings = instance(request, Some(earlier), facts)?;
        preflight_start(&session, &settings).await?;
        session.provider.start_to_read().await?;
        previous = find_previous(run).await?.after_start();
    }
    let earlier = previous.settings.as_ref().ok_or(NothingToStart)?;
    if let Some(another) = previous.another {
        return Err(another.into_error());
    }
    let plan = plan(session.name, request, Some(earlier), facts)?;
    let secrets = match keys::find(&session, &previous, &plan).await? {
        Found::Keys(keys) => keys.complete(),
        Found::Lost(lost) => return Err(lost.into_error()),
        Found::None => return Err(NothingToStart.into()),
    };
    if !must_start {
        preflight_start(&session, &plan.instance).await?;
    }
    Ok((plan, secrets))
}

/// Checks only what depends on the node and the options, because the settings are unknown.
async fn check_node(run: &Run<'_, ()>, previous: &Previous) -> Result<()> {
    let earlier = previous.settings.as_ref();
    let settings = instance(run.request, earlier, run.facts)?;
    check_reachable(&run.session, &settings).await
}

/// Announces the plan and runs the preflight checks.
async fn check(run: &Run<'_>) -> Result<()> {
    announce(run).await;
    preflight(run).await
}

async fn announce(run: &Run<'_>) {
    let Run { plan, facts, .. } = *run;
    let events = run.session.events;
    events.emit(Event::Started {
        name: plan.name.to_string(),
        summary: format!("release {}, {}", plan.release.name, facts.summary),
    });
    for warning in &plan.warnings {
        events.warn(warning);
    }
    for warning in run.session.provider.warnings(plan).await {
        events.warn(warning);
    }
}

/// Runs the preflight checks.
async fn preflight(run: &Run<'_>) -> Result<()> {
    let step = run.session.events.step("preflight");
    let provider = run.session.provider;
    let result = provider.check(run.plan, run.request).await;
    let result = result.and_then(|checked| {
        refuse(checked.findings)?;
        Ok(checked.warnings)
    });
    let result = result.map(|warnings| {
        for warning in warnings {
            step.warn(warning);
        }
    });
    step.end(result, |()| (false, String::new()))
}

/// Runs the checks of `start`.
async fn preflight_start(session: &Session<'_>, settings: &Instance) -> Result<()> {
    let step = session.events.step("preflight");
    let result = check_reachable(session, settings).await;
    step.end(result, |()| (false, String::new()))
}

async fn check_reachable(session: &Session<'_>, settings: &Instance) -> Result<()> {
    refuse(session.provider.check_reachable(settings).await?)
}
