//! `--timings`: a bar for each step and component, on one scale.

use std::time::Duration;

use crate::event::{Awaited, Timing};
use crate::words;

/// The width if stdout is not a terminal.
const DEFAULT_WIDTH: usize = 80;
/// Bars with fewer columns are not readable.
const MIN_BAR_WIDTH: usize = 8;

/// Returns one line per step and component, in the order in which they started.
pub(super) fn waterfall(timings: &[Timing], width: Option<usize>) -> String {
    let mut timings = timings.to_vec();
    timings.sort_by_key(|timing| (timing.started, timing.ended));
    let end = timings.iter().map(|timing| timing.ended).max();
    let Some(end) = end.filter(|end| !end.is_zero()) else {
        return String::new();
    };
    let names = timings.iter().map(|timing| words::width(&timing.name));
    let names = names.max().unwrap_or(0);
    let times: Vec<String> = timings
        .iter()
        .map(|timing| words::tenths(timing.ended - timing.started))
        .collect();
    let widest = times.iter().map(|time| words::width(time)).max();
    let widest = widest.unwrap_or(0);
    let width = width.unwrap_or(DEFAULT_WIDTH);
    // Two columns of indentation, and two between columns.
    let room = width.saturating_sub(names + widest + 6).max(MIN_BAR_WIDTH);
    let mut text = String::new();
    for (timing, time) in timings.iter().zip(times) {
        let at = |moment: Duration| column(moment, end, room);
        let start = at(timing.started).min(room - 1);
        let length = at(timing.ended).saturating_sub(start).max(1);
        let bar = format!("{}{}", " ".repeat(start), "█".repeat(length));
        let padding = " ".repeat(names - words::width(&timing.name));
        let time = words::right(&time, widest);
        let line = format!("  {}{padding}  {time}  {bar}", timing.name);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Shorter waits are omitted.
const MIN_WAIT: Duration = Duration::from_millis(200);

/// Returns one line for each wait, without the short ones.
pub(super) fn awaited(awaited: &[Awaited], width: Option<usize>) -> String {
    let shown = awaited
        .iter()
        .filter(|one| one.ended - one.started >= MIN_WAIT);
    let lines: Vec<(String, String)> = shown
        .map(|one| {
            let label = match (one.name.as_str(), one.state.as_str()) {
                ("", _) => "between steps".to_owned(),
                (name, "") => name.to_owned(),
                (name, state) => format!("{name}: {state}"),
            };
            (words::tenths(one.ended - one.started), label)
        })
        .collect();
    let widest = lines.iter().map(|(time, _)| words::width(time)).max();
    let Some(widest) = widest else {
        return String::new();
    };
    let room = width.unwrap_or(DEFAULT_WIDTH).saturating_sub(widest + 4);
    let mut text = "  Time spent waiting for:\n".to_owned();
    for (time, label) in lines {
        let time = words::right(&time, widest);
        text.push_str(&format!("  {time}  {}\n", words::fit(&label, room)));
    }
    text
}

fn column(moment: Duration, end: Duration, room: usize) -> usize {
    let share = moment.as_millis() * room as u128 / end.as_millis().max(1);
    usize::try_from(share).unwrap_or(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(name: &str, started: u64, ended: u64) -> Timing {
        Timing {
            name: name.into(),
            started: Duration::from_secs(started),
            ended: Duration::from_secs(ended),
        }
    }

    #[test]
    fn parallel_steps_have_overlapping_bars() {
        let timings = [
            timing("kubernetes", 4, 16),
            timing("node", 0, 4),
            timing("images", 4, 10),
            timing("redis", 16, 20),
        ];
        insta::assert_snapshot!(waterfall(&timings, Some(44)), @r"
        node         4.0 s  ████
        images       6.0 s      ███████
        kubernetes  12.0 s      █████████████
        redis        4.0 s                   █████
        ");
        assert_eq!(waterfall(&[], Some(40)), "");
    }

    #[test]
    fn the_waterfall_fits_a_narrow_terminal() {
        let text = waterfall(
            &[timing("elasticsearch", 0, 30), timing("ready", 0, 31)],
            Some(40),
        );
        assert!(text.lines().all(|line| words::width(line) <= 40), "{text}");
    }
}
