//! The end of `up`: addresses, data and the next command.

use std::time::Duration;

use super::table::{self, Cell};
use super::{Paint, Policy};

use crate::event::Timings;
use crate::hint::ours;
use crate::probe::Endpoints;
use crate::settings::{KeptData, non_default};
use crate::words;

/// The result of `up`.
#[derive(Debug, Clone)]
pub struct Summary {
    pub name: String,
    pub endpoints: Endpoints,
    pub data: KeptData,
    /// The size of the data, if known.
    pub data_bytes: Option<u64>,
    pub took: Duration,
    pub phases: Vec<(String, Duration)>,
    /// When each step started and ended, with `--timings`.
    pub timings: Option<Timings>,
    pub changed: bool,
    /// How long the server had been ready before, if known.
    pub ready_for: Option<Duration>,
    pub warnings: Vec<String>,
}

/// Returns the addresses and the location of the data, for stdout.
pub(super) fn places(summary: &Summary, policy: &Policy) -> String {
    let mut data = summary.data.shown(policy.home.as_deref());
    if let Some(bytes) = summary.data_bytes {
        data = format!("{data}, {}", words::bytes(bytes));
    }
    data.push_str(", kept by `down`");
    let paint = Paint::new(policy.stdout_colour);
    text(endpoint_rows(Some(&summary.endpoints), Some(&data), paint))
}

/// Returns the addresses, for stdout.
pub(super) fn urls(endpoints: &Endpoints, policy: &Policy) -> String {
    let paint = Paint::new(policy.stdout_colour);
    text(endpoint_rows(Some(endpoints), None, paint))
}

/// Returns rows with addresses and data, also for `status`.
pub(super) fn endpoint_rows(
    endpoints: Option<&Endpoints>,
    data: Option<&str>,
    paint: Paint,
) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    if let Some(endpoints) = endpoints {
        for (name, address) in [
            ("Web", &endpoints.web),
            ("API", &endpoints.api),
            ("Files", &endpoints.files),
        ] {
            rows.push(vec![
                Cell::new(name),
                Cell::painted(address, |text| paint.accent(text)),
            ]);
        }
    }
    if let Some(data) = data {
        rows.push(vec![Cell::new("Data"), Cell::new(data)]);
    }
    rows
}

/// Returns the duration of each phase.
pub(super) fn phases(summary: &Summary) -> String {
    let times: Vec<String> = summary
        .phases
        .iter()
        .map(|(_, t)| words::tenths(*t))
        .collect();
    let widest = times.iter().map(|t| words::width(t)).max().unwrap_or(0);
    let rows = summary
        .phases
        .iter()
        .zip(times)
        .map(|((name, _), time)| vec![Cell::new(name), Cell::new(words::right(&time, widest))])
        .collect();
    text(rows)
}

/// Returns the last line of the output.
pub(super) fn last_line(summary: &Summary, paint: Paint) -> String {
    let command = ours!(Configure).of(non_default(&summary.name));
    let command = paint.accent(&command.to_string());
    match (summary.changed, summary.ready_for) {
        (true, _) => {
            let ready = paint.good("Ready");
            let took = words::duration(summary.took);
            format!("{ready} in {took}. For the SDK: {command}\n")
        }
        (false, Some(time)) => {
            let time = words::duration(time);
            format!("Already up: ready for {time}, nothing changed. For the SDK: {command}\n")
        }
        (false, None) => {
            format!("Already up: nothing changed. For the SDK: {command}\n")
        }
    }
}

/// Formats an indented table without cutting lines, so that addresses can be copied.
fn text(rows: Vec<Vec<Cell>>) -> String {
    let mut text = table::lines(&rows, "  ", None).join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures::{output, policy, summary, without_progress};

    #[test]
    fn summary_of_up() {
        for (colour, width, name) in [
            (false, None, "summary"),
            (true, Some(80), "summary_in_colour"),
            (false, Some(40), "summary_at_40"),
        ] {
            let (output, out, err) = output(policy(without_progress(), colour, width));
            output.summary(&summary()).unwrap();
            insta::assert_snapshot!(name, format!("{}--- stderr\n{}", out.text(), err.text()));
        }
    }

    #[test]
    fn summary_of_an_up_without_changes() {
        let unchanged = Summary {
            name: "second".into(),
            changed: false,
            ready_for: Some(Duration::from_secs(10_800)),
            warnings: vec!["the disk is 91 % full".into()],
            ..summary()
        };
        let (output, out, err) = output(policy(without_progress(), false, None));
        output.summary(&unchanged).unwrap();
        insta::assert_snapshot!(format!("{}--- stderr\n{}", out.text(), err.text()));
    }
}
