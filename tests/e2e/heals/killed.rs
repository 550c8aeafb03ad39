//! Commands that are killed at a random moment of their run.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::random::Random;
use crate::harness::{Instance, free_port};

/// A command that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Killed {
    /// `up` of an instance without data.
    FirstUp,
    /// `up` after `down`.
    Up,
    /// `up` with a change that recreates the node.
    Recreate,
    Down,
    Stop,
    Start,
}

impl Killed {
    /// The commands that keep the data.
    pub const WITH_DATA: [Killed; 5] = [
        Killed::Up,
        Killed::Recreate,
        Killed::Down,
        Killed::Stop,
        Killed::Start,
    ];

    fn command(self, instance: &Instance) -> Command {
        let plain = |word: &str| {
            let mut command = instance.command();
            command.arg(word);
            command
        };
        match self {
            Killed::FirstUp => instance.up_command(),
            Killed::Up => plain("up"),
            Killed::Recreate => {
                let mut command = plain("up");
                command.arg(format!("--web-port={}", free_port()));
                command
            }
            Killed::Down => plain("down"),
            Killed::Stop => plain("stop"),
            Killed::Start => plain("start"),
        }
    }
}

/// Kills commands, and knows how long each of them takes if it is not killed.
#[derive(Default)]
pub struct Killer {
    durations: BTreeMap<Killed, Duration>,
}

impl Killer {
    /// Kills a command at a moment of its whole run. The instance runs before, and needs `up`
    /// afterwards.
    pub fn kill(&mut self, killed: Killed, instance: &Instance, random: &mut Random) {
        loop {
            self.prepare(killed, instance);
            // Longer than the run that was measured, because this one may take longer. A
            // command that ends before the moment does not count.
            let known = self
                .durations
                .get(&killed)
                .or(self.durations.values().max());
            let whole = known.map_or(Duration::from_secs(5), |known| known.mul_f64(1.3));
            let moment = random.moment(whole);
            if self.run(killed, instance, moment) {
                eprintln!("killed {killed:?} after {:.3} s", moment.as_secs_f64());
                return;
            }
            if !matches!(killed, Killed::FirstUp | Killed::Up | Killed::Start) {
                instance.run(&["up"]).expect(0);
            }
        }
    }

    /// Brings the instance into the state in which the command has something to do.
    fn prepare(&mut self, killed: Killed, instance: &Instance) {
        match killed {
            Killed::FirstUp => {
                instance.run(&["down", "--purge", "--yes"]).expect(0);
            }
            Killed::Up => self.measure(Killed::Down, instance),
            Killed::Start => self.measure(Killed::Stop, instance),
            Killed::Recreate | Killed::Down | Killed::Stop => {}
        }
    }

    /// Runs a command to its end.
    pub fn measure(&mut self, command: Killed, instance: &Instance) {
        assert!(!self.run(command, instance, Duration::MAX));
    }

    /// Runs a command and kills it at this moment. Returns whether it was running then.
    fn run(&mut self, killed: Killed, instance: &Instance, moment: Duration) -> bool {
        let output = instance.path("killed.log");
        let log = || std::fs::File::create(&output).unwrap();
        let mut command = killed.command(instance);
        let began = Instant::now();
        let mut process = command.stdout(Stdio::null()).stderr(log()).spawn().unwrap();
        loop {
            if let Some(status) = process.try_wait().unwrap() {
                let text = std::fs::read_to_string(&output).unwrap();
                assert!(status.success(), "{killed:?}: {status}: {text}");
                self.durations.insert(killed, began.elapsed());
                return false;
            }
            if began.elapsed() >= moment {
                // SIGKILL.
                process.kill().unwrap();
                process.wait().unwrap();
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
