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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/recorded");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().display();
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            match serde_json::from_str(line) {
                Ok(one) => all.push((place, one)),
                Err(error) => panic!("{place}: {error}"),
            }
        }
    }
    all
}

#[test]
fn recorded_answers_of_helm_are_the_same() {
    let all = recorded();
    assert!(all.len() > 500, "{} cases", all.len());
    let mut wrong = Vec::new();
    for (place, one) in all {
        let Recorded {
            rule,
            case,
            differs,
            helm,
        } = one;
        match case.compare(&helm) {
            Ok(difference) if difference.map(Difference::id) == differs.as_deref() => {}
            Ok(difference) => wrong.push(format!("{place} {rule}: {difference:?}")),
            Err(what) => wrong.push(format!("{place} {rule}: {what}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

/// Run by `tests/run` if Go is installed: `HELM_ORACLE` is the path of the built oracle.
#[test]
#[ignore = "needs Go: tests/run builds the oracle"]
#[expect(clippy::print_stdout, reason = "a summary of the random cases")]
fn helm_itself_answers_the_same() {
    let oracle = setting("HELM_ORACLE").expect("HELM_ORACLE is the path of the oracle");
    let count: usize = setting("HELM_CASES").map_or(10_000, |n| n.parse().unwrap());
    let seed = setting("E2E_SEED").unwrap_or_else(|| "none".into());
    let mut random = StdRng::seed_from_u64(number(&seed));
    let mut differences: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut rejected, mut wrong) = (0, Vec::new());
    let mut left = count;
    while left > 0 {
        let cases: Vec<Case> = (0..left.min(20_000))
            .map(|_| generate::case(&mut random))
            .collect();
        left -= cases.len();
        for (case, answer) in cases.iter().zip(ask(&oracle, &cases)) {
            rejected += usize::from(answer.error.is_some());
            match case.compare(&answer) {
                Ok(None) => {}
                Ok(Some(difference)) => *differences.entry(difference.id()).or_default() += 1,
                Err(what) => wrong.push(format!(
                    "{}\n{what}\nHelm: {}",
                    serde_json::to_string(case).unwrap(),
                    serde_json::to_string(&answer).unwrap(),
                )),
            }
        }
    }
    let first = &wrong[..wrong.len().min(10)];
    assert!(
        wrong.is_empty(),
        "{} of {count} with E2E_SEED={seed}:\n{}",
        wrong.len(),
        first.join("\n")
    );
    println!(
        "{count} cases with E2E_SEED={seed}: same as Helm, which rejected {rejected}; \
         deliberate differences: {differences:?}"
    );
}

/// Returns Helm's answers.
fn ask(oracle: &str, cases: &[Case]) -> Vec<Answer> {
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
