//! The agents of an instance, its queues, and why tasks wait. Pure, apart from [`observe`].

use jiff::Timestamp;
use serde::Serialize;

use super::error::remedies;
use super::work::Work;
use super::{Server, error};
use crate::component::State;
use crate::diagnose::{ObservedImage, PodObservation};
use crate::error::Result;
use crate::failures::Failure;
use crate::health::{self, AgentHealth};
use crate::hint::{Hint, ours};
use crate::preflight::Finding;
use crate::settings::{AgentSettings, Cpu, Memory, Queue};
use crate::words::count;

/// The agents, the queues, and what is wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overview {
    pub(crate) agents: Vec<Agent>,
    pub(crate) queues: Vec<QueueLength>,
    pub(crate) problems: Vec<Finding>,
}

/// An agent of the cluster.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Agent {
    pub(crate) queue: String,
    pub(crate) image: ObservedImage,
    pub(crate) desired: i32,
    pub(crate) ready: i32,
    #[serde(skip)]
    pub(crate) state: State,
    pub(crate) workers: Vec<Worker>,
    /// `None` if they were not asked for, or cannot be read.
    #[serde(flatten)]
    pub(crate) chosen: Option<Chosen>,
}

/// What the user has chosen for an agent, and can undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Chosen {
    /// `None` for the default.
    pub(crate) memory: Option<Memory>,
    pub(crate) cpu: Option<Cpu>,
    pub(crate) gpus: u16,
    /// The names of the variables.
    pub(crate) variables: Vec<String>,
}

impl Overview {
    /// Adds what the user has chosen for each agent.
    pub(crate) fn describe(&mut self, settings: &[AgentSettings]) {
        for agent in &mut self.agents {
            let mut settings = settings.iter();
            let settings = settings.find(|one| one.queue.as_str() == agent.queue);
            agent.chosen = settings.map(|settings| Chosen {
                memory: settings.memory.clone(),
                cpu: settings.cpu.clone(),
                gpus: settings.gpus,
                variables: settings.env.keys().cloned().collect(),
            });
        }
    }
}

/// A worker of an agent: one of its pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Worker {
    pub(crate) name: String,
    /// When it reported to the server last; `None` if the server does not know it.
    pub(crate) last_seen: Option<Timestamp>,
    /// The identifier of the task that it executes.
    pub(crate) task: Option<String>,
}

/// A queue of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueLength {
    pub(crate) name: String,
    /// The number of tasks that wait.
    pub(crate) waiting: usize,
    /// The number of workers that take tasks from it, also of agents elsewhere.
    pub(crate) workers: usize,
}

/// Observes the agents in the cluster and asks the server for its queues.
///
/// # Errors
/// The cluster cannot be read. A server that does not answer is a problem of the overview.
pub(crate) async fn observe(server: &Server<'_>) -> Result<Overview> {
    let work = async {
        let api = server.api().await?;
        Work::read(&api).await
    };
    let agents = health::agents(server.cluster);
    let (agents, work) = tokio::join!(Box::pin(agents), Box::pin(work));
    Ok(overview(&agents?, work, Timestamp::now()))
}

fn overview(agents: &[AgentHealth], work: Result<Work, String>, now: Timestamp) -> Overview {
    let (work, unknown) = match work {
        Ok(work) => (work, None),
        Err(why) => (Work::default(), Some(no_answer(&why))),
    };
    let mut problems: Vec<Finding> = unknown.into_iter().collect();
    let knows = problems.is_empty();
    problems.extend(agents.iter().filter_map(does_not_run));
    if knows {
        problems.extend(waiting(agents, &work, now));
        problems.extend(lost(agents, &work, now));
    }
    let queues = work.queues.iter();
    let queues = queues.map(|queue| QueueLength {
        name: queue.name.clone(),
        waiting: queue.tasks.len(),
        workers: listeners(&work, &queue.id, now),
    });
    Overview {
        agents: agents.iter().map(|one| agent(one, &work)).collect(),
        queues: queues.collect(),
        problems,
    }
}

fn agent(one: &AgentHealth, work: &Work) -> Agent {
    let observation = &one.observation;
    let workers = observation.pods.iter().map(|pod| {
        let known = work.workers.iter().find(|worker| worker.is_of(&pod.name));
        Worker {
            name: pod.name.clone(),
            last_seen: known.and_then(|worker| worker.last_seen),
            task: known.and_then(|worker| worker.task.clone()),
        }
    });
    Agent {
        queue: observation.queue.clone(),
        image: observation.workload.image.clone(),
        desired: observation.workload.desired,
        ready: observation.workload.ready,
        state: one.state.clone(),
        workers: workers.collect(),
        chosen: None,
    }
}

/// Whether the server knows the worker of a pod.
pub(super) fn is_known(pod: &PodObservation, work: &Work) -> bool {
    work.workers.iter().any(|worker| worker.is_of(&pod.name))
}

/// The number of workers that take tasks from a queue.
fn listeners(work: &Work, queue: &str, now: Timestamp) -> usize {
    let alive = work.workers.iter().filter(|worker| worker.is_alive(now));
    let listen = alive.filter(|worker| worker.queues.iter().any(|one| one == queue));
    listen.count()
}

fn no_answer(why: &str) -> Finding {
    Finding {
        failure: Failure::CheckFailed,
        what: format!("the queues are unknown: the API server does not answer: {why}"),
        remedies: vec![Hint::run("see how the server is", ours!(Status))],
    }
}

fn does_not_run(one: &AgentHealth) -> Option<Finding> {
    let trouble = one.trouble.as_ref()?;
    let queue: Queue = one.observation.queue.parse().ok()?;
    Some(Finding {
        failure: trouble.failure,
        what: format!("the agent of `{queue}` does not run: {}", trouble.reason),
        remedies: remedies(&queue, trouble.failure),
    })
}

/// Queues whose tasks nobody takes. Those of agents that do not run have another problem.
fn waiting<'a>(
    agents: &'a [AgentHealth],
    work: &'a Work,
    now: Timestamp,
) -> impl Iterator<Item = Finding> + 'a {
    let queues = work.queues.iter().filter(move |queue| {
        let has_agent = agents.iter().any(|one| one.observation.queue == queue.name);
        !queue.tasks.is_empty() && !has_agent && listeners(work, &queue.id, now) == 0
    });
    queues.filter_map(|queue| {
        let name: Queue = queue.name.parse().ok()?;
        let tasks = count(queue.tasks.len() as u64, "task");
        let waits = if queue.tasks.len() == 1 {
            "waits"
        } else {
            "wait"
        };
        let option = error::option(&name);
        Some(Finding {
            failure: Failure::QueueWithoutAgent,
            what: format!(
                "{tasks} {waits} in the queue `{name}`, and no agent takes tasks from it"
            ),
            remedies: vec![Hint::run("start an agent", ours!(Agent, "up{option}"))],
        })
    })
}

/// Workers that no longer report, and tasks that they have not ended.
fn lost<'a>(
    agents: &'a [AgentHealth],
    work: &'a Work,
    now: Timestamp,
) -> impl Iterator<Item = Finding> + 'a {
    let pods = agents.iter().flat_map(|one| &one.observation.pods);
    let silent = pods.filter(|pod| pod.ready).filter_map(move |pod| {
        let known = work.workers.iter().find(|worker| worker.is_of(&pod.name))?;
        (!known.is_alive(now)).then(|| {
            let message = format!("the worker {} no longer reports to the server", known.id);
            agent_lost(message, "see its logs", ours!(Agent, "logs"))
        })
    });
    let tasks = work.running.iter().filter(move |task| {
        let is_ours = task
            .worker
            .starts_with(Queue::default().object_name().as_str());
        let mut workers = work.workers.iter();
        is_ours && !workers.any(|worker| worker.executes(task, now))
    });
    silent.chain(tasks.map(|task| {
        let message = format!(
            "the task `{}` is in progress, but the worker {} that executed it has died: reset and \
             enqueue it in the web app",
            task.name, task.worker
        );
        agent_lost(
            message,
            "see the end of its log",
            ours!(Agent, "logs --previous"),
        )
    }))
}

fn agent_lost(message: String, text: &'static str, command: crate::hint::Ours) -> Finding {
    Finding {
        failure: Failure::AgentLost,
        what: message,
        remedies: vec![Hint::run(text, command)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::work::{KnownQueue, KnownWorker, Running};

    fn now() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    fn work() -> Work {
        Work {
            workers: vec![KnownWorker {
                id: "elsewhere".to_owned(),
                queues: vec!["q1".to_owned()],
                last_seen: Some(now()),
                registered: None,
                task: None,
            }],
            queues: ["default", "gpu jobs"]
                .iter()
                .enumerate()
                .map(|(index, name)| KnownQueue {
                    id: format!("q{}", index + 1),
                    name: (*name).to_owned(),
                    tasks: vec!["t".to_owned()],
                })
                .collect(),
            running: Vec::new(),
        }
    }

    #[test]
    fn names_queues_whose_tasks_nobody_takes() {
        let found = overview(&[], Ok(work()), now());
        let [problem] = &found.problems[..] else {
            panic!("{:?}", found.problems);
        };
        assert_eq!(
            problem.what,
            "1 task waits in the queue `gpu jobs`, and no agent takes tasks from it"
        );
        let start = "start an agent: clearml-local agent up --queue 'gpu jobs'";
        assert_eq!(problem.remedies[0], start);
        assert_eq!(found.queues[0].workers, 1);
    }

    #[test]
    fn a_worker_that_has_not_reported_for_long_takes_no_tasks() {
        let mut work = work();
        work.workers[0].last_seen = Some("2026-01-01T11:50:00Z".parse().unwrap());
        assert_eq!(overview(&[], Ok(work), now()).problems.len(), 2);
    }

    #[test]
    fn names_tasks_whose_agent_died() {
        let running = |worker: &str| Running {
            id: "t1".to_owned(),
            started: None,
            name: "train".to_owned(),
            worker: worker.to_owned(),
        };
        let mut work = work();
        work.queues.clear();
        work.running = vec![running("clearml-local-agent-0"), running("laptop")];
        let found = overview(&[], Ok(work), now());
        let [problem] = &found.problems[..] else {
            panic!("{:?}", found.problems);
        };
        assert_eq!(problem.failure, Failure::AgentLost);
        assert!(problem.what.contains("`train`"), "{problem:?}");
    }

    #[test]
    fn names_a_task_whose_worker_was_restarted() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let mut work = work();
        work.queues.clear();
        work.running = vec![Running {
            id: "t1".to_owned(),
            name: "train".to_owned(),
            worker: "clearml-local-agent-0".to_owned(),
            started: at("2026-01-01T11:00:00Z"),
        }];
        work.workers[0].id = "clearml-local-agent-0".to_owned();
        let problems = |registered: &str, task: Option<&str>| {
            let mut work = work.clone();
            work.workers[0].registered = at(registered);
            work.workers[0].task = task.map(str::to_owned);
            overview(&[], Ok(work), now()).problems.len()
        };
        assert_eq!(problems("2026-01-01T10:00:00Z", Some("t1")), 0);
        assert_eq!(
            problems("2026-01-01T10:00:00Z", None),
            0,
            "not reported yet"
        );
        assert_eq!(problems("2026-01-01T11:30:00Z", None), 1);
        assert_eq!(problems("2026-01-01T11:30:00Z", Some("t2")), 1);
        let known_again = problems("2026-01-01T11:30:00Z", Some("t1"));
        assert_eq!(
            known_again, 0,
            "the server forgot the worker, which still executes it"
        );
    }

    #[test]
    fn a_server_that_does_not_answer_is_no_reason_to_show_nothing() {
        let found = overview(&[], Err("timed out".to_owned()), now());
        assert_eq!(found.problems.len(), 1);
        assert!(found.queues.is_empty());
    }
}
