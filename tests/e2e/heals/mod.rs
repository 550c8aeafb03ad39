//! Whatever happens to an instance, the next `up` makes it ready, with everything that the server
//! had acknowledged: commands killed at random moments, killed databases and nodes,
//! components deleted by hand. The moments follow from `E2E_SEED`.

mod engine;
mod faults;
mod killed;
mod random;
mod soak;
mod under_up;
mod writer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use faults::Fault;
use killed::{Killed, Killer};
use random::Random;
use writer::Writer;

use crate::harness::{Instance, Output, run};
use crate::node_images::Image;

/// The pause of the writer between two writes.
const PAUSE: Duration = Duration::from_millis(200);
/// The same while databases are killed in the middle of writes.
const SHORT_PAUSE: Duration = Duration::from_millis(20);
/// After how many kills the pods of the databases are replaced: Kubernetes waits twice as long
/// before each further start of a container, up to 5 minutes.
const BEFORE_BACK_OFF: usize = 2;

/// Returns how often something is done: `sample` times in `tests/run`, and `full` times in
/// `tests/run --full`. `E2E_PARTS=N` divides the full number, which takes hours, into N runs with
/// a seed each.
fn times(sample: usize, full: usize) -> usize {
    if std::env::var_os("E2E_FULL").is_none() {
        return sample;
    }
    let parts = std::env::var("E2E_PARTS").ok();
    full.div_ceil(parts.map_or(1, |parts| parts.parse().unwrap()))
}

/// Runs `up`, which must make the server ready, and checks that nothing is lost.
async fn heal(instance: &Instance, writer: &Writer) -> Output {
    let began = Instant::now();
    let up = instance.run(&["up"]).expect(0);
    let seconds = began.elapsed().as_secs_f64();
    check(instance, writer).await;
    eprintln!("healed in {seconds:.1} s; found {}", writer.summary());
    up
}

/// Checks that the server is ready, that each place acknowledges a write, and that nothing is lost.
async fn check(instance: &Instance, writer: &Writer) {
    instance.run(&["status", "--wait=1m"]).expect(0);
    writer.await_writes(1);
    let losses = writer.losses(instance, false).await;
    assert!(losses.is_empty(), "lost: {losses:?}");
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn killed_commands_are_completed_by_the_next_up() {
    let mut random = Random::from_seed();
    let (first_ups, of_up, of_others) = (times(1, 50), times(0, 50), times(1, 100));
    let instance = Instance::new("killed");
    let mut killer = Killer::default();
    killer.measure(Killed::FirstUp, &instance);
    for _ in 0..first_ups {
        killer.kill(Killed::FirstUp, &instance, &mut random);
        instance.up(&[]).expect(0);
    }
    let mut kills: Vec<Killed> = Killed::WITH_DATA
        .into_iter()
        .flat_map(|killed| {
            let count = if killed == Killed::Up {
                of_up
            } else {
                of_others
            };
            std::iter::repeat_n(killed, count)
        })
        .collect();
    random.shuffle(&mut kills);
    let writer = Writer::start(&instance, PAUSE).await;
    writer.await_writes(1);
    for killed in kills {
        killer.kill(killed, &instance, &mut random);
        heal(&instance, &writer).await;
    }
    let losses = writer.losses(&instance, true).await;
    assert!(losses.is_empty(), "lost: {losses:?}");
}

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn faults_of_a_running_server_are_healed() {
    let mut random = Random::from_seed();
    // The engine removes an image only after the nodes that use it.
    let other_image = Image::of_node("other", &["--change", "LABEL e2e=other"], |_| {});
    let instance = Instance::new("faults");
    instance.up(&[]).expect(0);
    databases_keep_what_they_acknowledged(&instance).await;
    let writer = Writer::start(&instance, PAUSE).await;
    only_the_pods_of_restarted_components_are_replaced(&instance);
    components_removed_by_hand_come_back(&instance, &writer, &mut random).await;
    let mut faults = Fault::of_node();
    random.shuffle(&mut faults);
    for fault in faults.into_iter().cycle().take(times(2, 20)) {
        eprintln!("{fault:?}");
        let _until_healed = fault.cause(&instance);
        heal(&instance, &writer).await;
    }
    let mut ends = under_up::cases();
    random.shuffle(&mut ends);
    for (moment, how) in ends.into_iter().take(times(1, 10)) {
        under_up::end(&instance, moment, how);
        heal(&instance, &writer).await;
    }
    another_node_image_keeps_the_data(&instance, &writer, &other_image).await;
    let losses = writer.losses(&instance, true).await;
    assert!(losses.is_empty(), "lost: {losses:?}");
}

async fn another_node_image_keeps_the_data(instance: &Instance, writer: &Writer, image: &Image) {
    let up = instance.run(&["up", "--node-image", image.name()]);
    let up = up.expect(0);
    assert!(up.stderr.contains("the node is recreated"), "{}", up.stderr);
    let id = |subject: &str, path: &str| run("docker", &["inspect", "-f", path, subject]).expect(0);
    let of_node = id(&instance.node(), "{{.Image}}");
    assert_eq!(of_node.stdout, id(image.name(), "{{.Id}}").stdout);
    check(instance, writer).await;
}

/// Kubernetes restarts a killed database without any command.
async fn databases_keep_what_they_acknowledged(instance: &Instance) {
    let writer = Writer::start(instance, SHORT_PAUSE).await;
    for round in 0..times(1, 20) {
        if round > 0 && round % BEFORE_BACK_OFF == 0 {
            let restart = [&["restart"], &Fault::DATABASES[..]].concat();
            instance.run(&restart).expect(0);
        }
        for database in Fault::DATABASES {
            writer.await_writes(2);
            let (before, _) = restarts(instance, database);
            let _nothing = Fault::Database(database).cause(instance);
            // Until every place acknowledges writes again, the killed one included.
            await_restart(instance, database, before);
            writer.await_writes(2);
            eprintln!("killed {database}; acknowledged {}", writer.summary());
        }
    }
    let losses = writer.losses(instance, true).await;
    assert!(losses.is_empty(), "lost: {losses:?}");
}

/// How often the only container of a component was started again; and whether it is ready, with the
/// exit code of the run before.
fn restarts(instance: &Instance, component: &str) -> (u32, String) {
    let path = "jsonpath={.items[0].status.containerStatuses[0].restartCount} \
        {.items[0].status.containerStatuses[0].ready} \
        {.items[0].status.containerStatuses[0].lastState.terminated.exitCode}";
    let label = faults::label(component);
    let state = instance.kubectl(&["get", "pods", "-l", &label, "-o", path]);
    let (count, state) = state.split_once(' ').unwrap();
    (count.parse().unwrap(), state.to_owned())
}

/// Waits until the only container of a component runs again after it was killed.
fn await_restart(instance: &Instance, component: &str, before: u32) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let (count, state) = restarts(instance, component);
        if count > before && state == "true 137" {
            return;
        }
        assert!(Instant::now() < deadline, "{component}: {count} {state}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Returns the pod of each component.
fn pods(instance: &Instance) -> BTreeMap<String, String> {
    let path = "go-template={{range .items}}{{if not .metadata.deletionTimestamp}}\
        {{index .metadata.labels \"clearml-local.io/component\"}} {{.metadata.uid}}{{\"\\n\"}}\
        {{end}}{{end}}";
    let listed = instance.kubectl(&[
        "get",
        "pods",
        "-l",
        "clearml-local.io/component",
        "-o",
        path,
    ]);
    let pairs = listed.lines().filter_map(|line| line.split_once(' '));
    pairs
        .map(|(component, pod)| (component.to_owned(), pod.to_owned()))
        .collect()
}

fn only_the_pods_of_restarted_components_are_replaced(instance: &Instance) {
    let before = pods(instance);
    instance.run(&["restart", "redis", "webserver"]).expect(0);
    instance.run(&["status", "--wait=1m"]).expect(0);
    let after = pods(instance);
    for (component, pod) in &before {
        let was_named = ["redis", "webserver"].contains(&component.as_str());
        assert_eq!(after[component] != *pod, was_named, "{component}");
    }
    instance.run(&["restart", "--all"]).expect(0);
    instance.run(&["status", "--wait=1m"]).expect(0);
    let last = pods(instance);
    assert_eq!(last.len(), 6, "{last:?}");
    for (component, pod) in &after {
        assert_ne!(last[component], *pod, "{component}");
    }
}

async fn components_removed_by_hand_come_back(
    instance: &Instance,
    writer: &Writer,
    random: &mut Random,
) {
    let server = random.choose(&["apiserver", "fileserver", "webserver"]);
    let database = random.choose(&Fault::DATABASES);
    for (fault, restored) in [
        (Fault::Deleted(server), "1 created, "),
        (Fault::Scaled(database), "1 changed, "),
    ] {
        eprintln!("{fault:?}");
        let _nothing = fault.cause(instance);
        let up = heal(instance, writer).await;
        // The other objects are as they were.
        assert!(up.stderr.contains(restored), "{}", up.stderr);
    }
}
