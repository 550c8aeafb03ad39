//! Random commands and faults, one after the other, while a user keeps writing. `benches/soak`
//! starts it.

use std::time::{Duration, Instant};

use super::faults::Fault;
use super::killed::{Killed, Killer};
use super::random::Random;
use super::writer::Writer;
use crate::harness::Instance;

/// The pause of the writer between two writes.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy)]
enum Event {
    Killed(Killed),
    Fault(Fault),
    /// Commands that nothing disturbs.
    Commands(&'static [&'static [&'static str]]),
}

/// Returns everything that can happen.
fn events() -> Vec<Event> {
    const COMMANDS: [&[&[&str]]; 4] = [
        &[&["stop"], &["start"]],
        &[&["down"]],
        &[&["restart", "--all"]],
        &[&["stop"]],
    ];
    let components = [
        "apiserver",
        "fileserver",
        "webserver",
        "redis",
        "mongodb",
        "elasticsearch",
    ];
    let mut events: Vec<Event> = Killed::WITH_DATA.map(Event::Killed).into();
    events.extend(COMMANDS.map(Event::Commands));
    let faults = Fault::of_node()
        .into_iter()
        .chain(Fault::DATABASES.map(Fault::Database))
        .chain(components.map(Fault::Deleted))
        .chain(components.map(Fault::Scaled));
    events.extend(faults.map(Event::Fault));
    events
}

/// Prints a line for each round, and the totals. Fails if a round was not healed or data are
/// lost, after all rounds.
#[tokio::test]
#[ignore = "takes an hour: benches/soak"]
async fn soak() {
    let rounds = std::env::var("SOAK_ROUNDS").ok();
    let rounds: usize = rounds.map_or(50, |rounds| rounds.parse().unwrap());
    let mut random = Random::from_seed();
    let instance = Instance::new("soak");
    let mut killer = Killer::default();
    killer.measure(Killed::FirstUp, &instance);
    let writer = Writer::start(&instance, PAUSE).await;
    let events = events();
    let (mut heals, mut lost) = (0, Vec::new());
    for round in 1..=rounds {
        let event = random.choose(&events);
        eprintln!("round {round} of {rounds}: {event:?}");
        let until_healed = match event {
            Event::Killed(killed) => {
                killer.kill(killed, &instance, &mut random);
                None
            }
            Event::Fault(fault) => Some(fault.cause(&instance)),
            Event::Commands(commands) => {
                for command in commands {
                    instance.run(command).expect(0);
                }
                None
            }
        };
        let began = Instant::now();
        let up = instance.run(&["up"]);
        let seconds = began.elapsed().as_secs_f64();
        if up.code != 0 {
            eprintln!("NOT HEALED ({}): {}", up.code, up.stderr);
            // The next round needs a running server.
            instance.run(&["up"]).expect(0);
        } else {
            heals += 1;
        }
        drop(until_healed);
        writer.await_writes(1);
        let losses = writer.losses(&instance, round == rounds).await;
        eprintln!(
            "  up took {seconds:.1} s; acknowledged {}",
            writer.summary()
        );
        if !losses.is_empty() {
            eprintln!("LOST: {losses:?}");
        }
        lost.extend(losses);
    }
    lost.sort();
    lost.dedup();
    eprintln!(
        "{rounds} rounds, {heals} healed, {} of the acknowledged writes lost ({})",
        lost.len(),
        writer.summary()
    );
    assert_eq!((heals, lost.len()), (rounds, 0));
}
