//! The key pair of the SDK, which every user has in clearml.conf, and warnings when it stops
//! working.

use super::run::Run;
use crate::error::Result;
use crate::hint::ours;
use crate::kube::Cluster;
use crate::plan::Plan;
use crate::provider::{KeySearch, Previous};
use crate::recovery::{self, Found};
use crate::secrets::Secrets;
use crate::session::Session;
use crate::values::Values;
use crate::values::keys::apiserver::FIXED_USERS_ENABLED;

/// Finds the keys of the instance.
pub(super) async fn find(session: &Session<'_>, previous: &Previous, plan: &Plan) -> Result<Found> {
    let search = KeySearch {
        cluster: previous.cluster.as_ref(),
        unreadable: previous.unreadable,
        settings: &plan.instance,
        former_data_dir: plan.former_data_dir.as_ref(),
        home: session.state.secrets()?,
    };
    session.provider.keys(search).await
}

/// Returns the keys of the instance, if it has any. Starts nothing.
///
/// # Errors
/// The instance has keys, but they cannot be read.
pub(crate) async fn find_keys(session: &Session<'_>, plan: &Plan) -> Result<Option<Secrets>> {
    let running = session.provider.cluster().await?;
    let previous = Previous {
        cluster: running.cluster().cloned(),
        unreadable: running.is_unavailable(),
        ..Previous::default()
    };
    match find(session, &previous, plan).await? {
        Found::Keys(keys) => Ok(Some(*keys)),
        Found::None => Ok(None),
        Found::Lost(lost) => Err(lost.into_error()),
    }
}

/// Compares the keys with those in the cluster, which could not be queried before. Returns the
/// keys that the cluster uses.
pub(super) async fn reconcile(
    session: &Session<'_>,
    found: Secrets,
    cluster: &Cluster,
) -> Result<Secrets> {
    let (secrets, replaced) = recovery::reconcile(found, cluster).await?;
    if replaced {
        session.events.warn(
            "the keys in this home differed from the keys of the instance and were replaced \
                by them",
        );
        session.state.save_secrets(&secrets)?;
    }
    Ok(secrets)
}

/// Returns a warning if keys that are in use will stop working, or if `--new-keys` has no
/// effect. `home` are the keys in this home.
pub(super) fn replacement_warning(
    found: &Found,
    home: Option<&Secrets>,
    new_keys: bool,
    instance: Option<&str>,
) -> Option<String> {
    let write = ours!(Credentials, "--write").of(instance);
    match (found, home) {
        (Found::Lost(_), _) if new_keys => Some(format!(
            "the instance gets new keys: every clearml.conf with the old keys stops working; write \
             it again afterwards: {write}"
        )),
        (Found::Keys(_), _) if new_keys => Some(
            "--new-keys has no effect: the keys of the instance can be read and are kept"
                .to_owned(),
        ),
        (Found::Keys(keys), Some(home)) if !keys.is_same_instance(home) => Some(format!(
            "the keys in this home differ from the keys of the instance and are replaced by them: \
             if your clearml.conf has the old keys, write it again: {write}"
        )),
        _ => None,
    }
}

/// Returns a warning if the plan changes the login of the SDK.
pub(super) fn login_warning(
    run: &Run<'_, ()>,
    previous: &Previous,
    plan: &Plan,
) -> Result<Option<String>> {
    let secrets = run.session.state.secrets()?;
    let Some((secrets, good)) = secrets.zip(previous.history.last_good()) else {
        return Ok(None);
    };
    // The release file of that revision may be gone. The change is then unknown.
    let former = Plan::new(
        plan.name.clone(),
        good.instance.clone(),
        None,
        run.facts.memory,
    );
    Ok(former.ok().and_then(|former| {
        warning(
            &former.values,
            &plan.values,
            &secrets,
            plan.name.non_default(),
        )
    }))
}

fn warning(
    former: &Values,
    now: &Values,
    secrets: &Secrets,
    instance: Option<&str>,
) -> Option<String> {
    if former.login(secrets) == now.login(secrets) {
        return None;
    }
    let fixed = [former, now].map(|values| values.api.fixed_users.is_some());
    let cause = match fixed {
        [false, true] => format!("with `{FIXED_USERS_ENABLED}`"),
        [true, false] => format!("without `{FIXED_USERS_ENABLED}`"),
        _ => "with another `secret.credentials.tests`".to_owned(),
    };
    Some(format!(
        "{cause} the key pair in every user's clearml.conf stops working: distribute the one that \
         `{}` prints afterwards",
        ours!(Credentials).of(instance)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failures::Failure;
    use crate::inputs::{SetArgument, SetKind};
    use crate::preflight::Finding;
    use crate::settings::Instance;

    fn values(sets: &[&str]) -> Values {
        let sets = sets.iter().map(|set| SetArgument::new(SetKind::Set, *set));
        let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        instance.values.sets = sets.collect();
        let plan = Plan::new("demo".parse().unwrap(), instance, None, 0);
        plan.unwrap().values
    }

    const FIXED: [&str; 2] = [
        "apiserver.fixedUsers.enabled=true",
        "apiserver.fixedUsers.users[0].username=jane,apiserver.fixedUsers.users[0].password=word,apiserver.fixedUsers.users[0].name=Jane",
    ];

    #[test]
    fn warns_before_keys_are_replaced() {
        let (one, other) = (Secrets::generate(), Secrets::generate());
        let keys = || Found::Keys(Box::new(one.clone()));
        let lost = || {
            Found::Lost(Finding {
                what: "the keys are missing".into(),
                remedies: Vec::new(),
                failure: Failure::KeysLost,
            })
        };
        for (found, home, new_keys, begins) in [
            (keys(), None, false, None),
            (keys(), Some(&one), false, None),
            (keys(), Some(&other), false, Some("the keys in this home")),
            (keys(), Some(&one), true, Some("--new-keys has no effect")),
            (lost(), None, true, Some("the instance gets new keys")),
            (lost(), None, false, None),
            (Found::None, None, true, None),
        ] {
            let warning = replacement_warning(&found, home, new_keys, None);
            match begins {
                Some(begins) => {
                    assert!(warning.as_ref().unwrap().starts_with(begins), "{warning:?}")
                }
                None => assert_eq!(warning, None),
            }
        }
    }

    #[test]
    fn warns_about_every_cause_that_invalidates_the_key_pair() {
        let secrets = Secrets::generate();
        let (open, fixed) = (values(&[]), values(&FIXED));
        let chosen = values(&[
            "secret.credentials.tests.accessKey=abcdefghijklmnopqrst",
            "secret.credentials.tests.secretKey=abcdefghijklmnopqrstuvwxyz",
        ]);
        let cause = |former, now| {
            let warning = warning(former, now, &secrets, None)?;
            warning
                .split_once(" the key pair")
                .map(|(cause, _)| cause.to_owned())
        };
        assert_eq!(cause(&open, &open), None);
        assert_eq!(cause(&fixed, &fixed), None);
        for (former, now, expected) in [
            (&open, &fixed, "with `apiserver.fixedUsers.enabled`"),
            (&fixed, &open, "without `apiserver.fixedUsers.enabled`"),
            (&open, &chosen, "with another `secret.credentials.tests`"),
        ] {
            assert_eq!(cause(former, now).as_deref(), Some(expected));
        }
    }
}
