//! Simulated faults.
//!
//! `STANDIN_FAIL` selects the fault, as does a file `.standin-fail` with the same word
//! in the data directory, for containers whose environment cannot be set.
//!
//! | word          | effect                                             |
//! | ------------- | -------------------------------------------------- |
//! | `exit1`       | prints it and exits with 1                         |
//! | `never-ready` | runs, never opens its port, exits on SIGTERM       |
//! | `oom`         | allocates memory until the kernel kills it         |
//! | `slow`        | starts after `STANDIN_SLOW_SECONDS` (60)           |

use crate::support::{cgroup, signals};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Simulates the selected fault before a server starts. Returns the exit code with
/// which the server must exit, or 0 to continue.
pub fn misbehave(data: Option<&Path>) -> u8 {
    let from_file =
        || data.and_then(|directory| std::fs::read_to_string(directory.join(".standin-fail")).ok());
    let word = std::env::var("STANDIN_FAIL")
        .ok()
        .or_else(from_file)
        .unwrap_or_default();
    match word.trim() {
        "" => 0,
        "exit1" => {
            eprintln!("standin: asked to fail by STANDIN_FAIL=exit1");
            1
        }
        "never-ready" => {
            eprintln!("standin: asked never to become ready");
            signals::on_terminate(|| 0);
            loop {
                std::thread::park();
            }
        }
        "oom" => {
            eprintln!("standin: asked to take all memory");
            cgroup::run_out_of_memory()
        }
        "slow" => {
            let seconds = std::env::var("STANDIN_SLOW_SECONDS")
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(60);
            eprintln!("standin: asked to wait {seconds} s");
            std::thread::sleep(Duration::from_secs(seconds));
            0
        }
        other => {
            eprintln!("standin: STANDIN_FAIL={other} is not a switch");
            2
        }
    }
}

/// `DATA PROGRAM…`: simulates the selected fault, then executes the program. For
/// servers that are the real ones.
pub fn misbehave_or_run(arguments: &[String]) -> u8 {
    let [data, program, rest @ ..] = arguments else {
        eprintln!("standin: misbehave needs a data directory and a program");
        return 2;
    };
    match misbehave(Some(Path::new(data))) {
        0 => {
            let error = Command::new(program).args(rest).exec();
            eprintln!("standin: {program}: {error}");
            127
        }
        code => code,
    }
}

/// Returns whether servers must take as long as the real ones.
pub fn real_times() -> bool {
    std::env::var_os("STANDIN_REAL_TIMES").is_some_and(|value| value == "1")
}
