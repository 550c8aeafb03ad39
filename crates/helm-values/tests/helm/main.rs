//! Compares this crate with Helm: with its recorded answers (`tests/oracle/recorded`), and,
//! if Go is installed, with Helm itself in random cases.

mod case;
mod generate;
mod generate_files;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use helm_values::Difference;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Deserialize;

use self::case::{Answer, Case};

#[derive(Deserialize)]
struct Recorded {
    rule: String,
    #[serde(flatten)]
    case: Case,
    differs: Option<String>,
    helm: Answer,
}

#[expect(clippy::disallowed_methods, reason = "the crate itself reads no files")]
fn recorded() -> Vec<(String, Recorded)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/recorded");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().display();
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let location = format!("{name}:{}", number + 1);
            match serde_json::from_str(line) {
                Ok(one) => all.push((location, one)),
                Err(error) => panic!("{location}: {error}"),
            }
        }
    }
    all
}

#[test]
fn answers_equal_the_recorded_answers_of_helm() {
    let all = recorded();
    assert!(all.len() > 500, "{} cases", all.len());
    let mut failures = Vec::new();
    for (location, one) in all {
        let Recorded {
            rule,
            case,
            differs,
            helm,
        } = one;
        match case.compare(&helm) {
            Ok(difference) if difference.map(Difference::id) == differs.as_deref() => {}
            Ok(difference) => failures.push(format!("{location} {rule}: {difference:?}")),
            Err(what) => failures.push(format!("{location} {rule}: {what}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_difference_has_an_example_and_a_reason() {
    let all = recorded();
    for difference in Difference::ALL {
        assert!(difference.reason().ends_with('.'));
        let id = difference.id();
        let examples = all.iter().filter(|(_, o)| o.differs.as_deref() == Some(id));
        assert!(examples.count() > 0, "{id}");
    }
}

/// `tests/run` runs this if Go is installed: `HELM_ORACLE` is the path of the built
/// oracle.
#[test]
#[ignore = "needs Go: tests/run builds the oracle"]
#[expect(clippy::print_stdout, reason = "a summary of the random cases")]
fn answers_equal_those_of_helm_in_random_cases() {
    let oracle = setting("HELM_ORACLE").expect("HELM_ORACLE is the path of the oracle");
    let count: usize = setting("HELM_CASES").map_or(10_000, |n| n.parse().unwrap());
    let seed = setting("E2E_SEED").unwrap_or_else(|| "none".into());
    let mut random = StdRng::seed_from_u64(number(&seed));
    let mut differences: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut rejected, mut failures) = (0, Vec::new());
    let mut remaining = count;
    while remaining > 0 {
        let cases: Vec<Case> = (0..remaining.min(20_000))
            .map(|_| generate::case(&mut random))
            .collect();
        remaining -= cases.len();
        for (case, answer) in cases.iter().zip(ask_helm(&oracle, &cases)) {
            rejected += usize::from(answer.error.is_some());
            match case.compare(&answer) {
                Ok(None) => {}
                Ok(Some(difference)) => *differences.entry(difference.id()).or_default() += 1,
                Err(what) => failures.push(format!(
                    "{}\n{what}\nHelm: {}",
                    serde_json::to_string(case).unwrap(),
                    serde_json::to_string(&answer).unwrap(),
                )),
            }
        }
    }
    let first = &failures[..failures.len().min(10)];
    assert!(
        failures.is_empty(),
        "{} of {count} with E2E_SEED={seed}:\n{}",
        failures.len(),
        first.join("\n")
    );
    println!(
        "{count} cases with E2E_SEED={seed}: same as Helm, which rejected {rejected}; \
         deliberate differences: {differences:?}"
    );
}

/// Returns Helm's answers.
fn ask_helm(oracle: &str, cases: &[Case]) -> Vec<Answer> {
    let mut child = Command::new(oracle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases
        .iter()
        .map(|case| serde_json::to_string(case).unwrap() + "\n")
        .collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = BufReader::new(child.stdout.take().unwrap());
    let answers: Vec<Answer> = output
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answers.len(), cases.len());
    answers
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Derives a number from a name, such as that of a commit.
fn number(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
