//! Why an experiment does not work.

use super::Step;
use crate::component::Component;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::probe::is_untrusted;
use crate::words::{count, listed};

/// The status of an upload that an ingress controller refuses because of its size.
const TOO_LARGE: &str = "HTTP status 413";
const LIFT_LIMIT: &str = "lift the limit for the host of the files, with NGINX by the annotation \
    `nginx.ingress.kubernetes.io/proxy-body-size: \"0\"` in `ingress.files.annotations`";

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing}: {why}")]
pub(super) struct Problem {
    /// The server whose answer it was.
    component: Component,
    /// Such as `create a project`.
    doing: String,
    why: String,
}

impl Problem {
    pub(super) fn cannot(component: Component, doing: String, why: String) -> Problem {
        Problem {
            component,
            doing,
            why,
        }
    }

    /// The project may still exist.
    pub(super) fn still_there(project: &str, why: &str) -> Problem {
        Problem {
            component: Component::Apiserver,
            doing: format!("delete the project `{project}`"),
            why: why.to_owned(),
        }
    }
}

/// Steps of the experiment failed.
#[derive(Debug, thiserror::Error)]
#[error("an experiment does not work: {}", steps(failed))]
pub(crate) struct Failed {
    /// In the order of the steps; not empty.
    pub(super) failed: Vec<(Step, Problem)>,
    /// The steps that need one of these.
    pub(super) skipped: Vec<Step>,
    /// The name of the project, which may still exist if it could not be deleted.
    pub(super) project: String,
}

fn steps(failed: &[(Step, Problem)]) -> String {
    let names: Vec<String> = failed.iter().map(|(step, _)| format!("`{step}`")).collect();
    match &names[..] {
        [one] => format!("{one} fails"),
        many => format!(
            "{} of {} fail: {}",
            many.len(),
            count(Step::ALL.len() as u64, "step"),
            listed(many)
        ),
    }
}

impl Failed {
    fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.failed.iter().map(|(_, problem)| problem)
    }

    /// Whether only what is kept in Elasticsearch fails at the API server.
    fn is_about_events(&self) -> bool {
        let failed = self.failed.iter();
        let mut at_api = failed
            .filter(|(_, problem)| problem.component == Component::Apiserver)
            .peekable();
        at_api.peek().is_some()
            && at_api.all(|(step, _)| matches!(step, Step::Scalars | Step::Plot | Step::DebugImage))
    }

    fn is_project_left(&self) -> bool {
        let mut failed = self.failed.iter();
        failed.any(|(step, problem)| {
            *step == Step::Delete && problem.component == Component::Apiserver
        })
    }

    fn is_left(&self) -> bool {
        self.failed.iter().any(|(step, _)| *step == Step::Delete)
    }
}

impl Explain for Failed {
    fn failure(&self) -> Failure {
        if self.problems().any(|problem| is_untrusted(&problem.why)) {
            Failure::ServerCertificate
        } else if self.failed.iter().all(|(step, _)| *step == Step::Delete) {
            Failure::ExperimentNotRemoved
        } else {
            Failure::ExperimentFailed
        }
    }

    fn failures(&self) -> Vec<Failure> {
        let left = self.is_left().then_some(Failure::ExperimentNotRemoved);
        crate::failures::distinct([self.failure()].into_iter().chain(left))
    }

    fn details(&self) -> Vec<String> {
        let failed = self.failed.iter();
        let failed = failed.map(|(step, problem)| format!("- {step}: {problem}"));
        let skipped: Vec<&str> = self.skipped.iter().map(|step| step.name()).collect();
        let skipped = (!skipped.is_empty()).then(|| format!("- not tried: {}", listed(&skipped)));
        failed.chain(skipped).collect()
    }

    fn hints(&self) -> Vec<Hint> {
        let mut components: Vec<Component> = Vec::new();
        for problem in self.problems() {
            if !components.contains(&problem.component) {
                components.push(problem.component);
            }
        }
        let logs = components.iter().map(|component| {
            let text = format!("see the logs of the {}", of(*component));
            Hint::run(text, ours!(Logs, "{component}"))
        });
        let mut hints: Vec<Hint> = logs.collect();
        if self.is_about_events() {
            let text = "see the logs of Elasticsearch, which keeps scalars, plots and images";
            hints.push(Hint::run(text, ours!(Logs, "elasticsearch")));
        }
        if self.problems().any(|one| one.why.starts_with(TOO_LARGE)) {
            hints.insert(0, Hint::text(LIFT_LIMIT));
        }
        hints.push(Hint::run("see the full status", ours!(Status)));
        if self.is_project_left() {
            hints.push(left(&self.project));
        }
        hints
    }
}

fn of(component: Component) -> &'static str {
    match component {
        Component::Fileserver => "file server",
        _ => "API server",
    }
}

/// Returns the hint for a project that may be left.
pub(super) fn left(project: &str) -> Hint {
    let text = format!("if the web app shows the project `{project}`, archive and delete it there");
    Hint::text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(step: Step, component: Component, why: &str) -> Failed {
        let problem = Problem::cannot(component, "do it".into(), why.into());
        Failed {
            failed: vec![(step, problem)],
            skipped: Vec::new(),
            project: "clearml-local verify 1".into(),
        }
    }

    fn first_two(failed: &Failed) -> [String; 2] {
        let hints = failed.hints();
        [0, 1].map(|index| hints[index].to_string())
    }

    #[test]
    fn scalars_that_fail_lead_to_elasticsearch() {
        let scalars = failed(Step::Scalars, Component::Apiserver, "HTTP status 500");
        let [api, elasticsearch] = first_two(&scalars);
        assert!(api.ends_with("clearml-local logs apiserver"), "{api}");
        assert!(elasticsearch.ends_with("clearml-local logs elasticsearch"));
        let task = failed(Step::Task, Component::Apiserver, "HTTP status 500");
        let [_, status] = first_two(&task);
        assert!(status.ends_with("clearml-local status"), "{status}");
    }

    #[test]
    fn an_upload_that_is_too_large_leads_to_the_ingress() {
        let why = "HTTP status 413: a proxy or ingress limits the size of uploads";
        let artifact = failed(Step::Artifact, Component::Fileserver, why);
        let [ingress, logs] = first_two(&artifact);
        assert!(ingress.contains("proxy-body-size"), "{ingress}");
        assert!(logs.ends_with("clearml-local logs fileserver"), "{logs}");
    }
}
