//! Where the time went: a bar for each step and component, on one scale.

use std::time::Duration;

use crate::event::{Awaited, Timing};
use crate::words;

/// Columns for the bars where the output has no width.
const USUAL_WIDTH: usize = 80;
/// Fewer columns for the bars say nothing.
const NARROWEST_BAR: usize = 8;

/// The waterfall: one line each, in the order in which they began.
pub(super) fn waterfall(timings: &[Timing], width: Option<usize>) -> String {
    let mut timings = timings.to_vec();
    timings.sort_by_key(|timing| (timing.began, timing.ended));
    let end = timings.iter().map(|timing| timing.ended).max();
    let Some(end) = end.filter(|end| !end.is_zero()) else {
        return String::new();
    };
    let names = timings.iter().map(|timing| words::width(&timing.name));
    let names = names.max().unwrap_or(0);
    let times: Vec<String> = timings
        .iter()
        .map(|timing| words::tenths(timing.ended - timing.began))
        .collect();
    let widest = times.iter().map(|time| words::width(time)).max();
    let widest = widest.unwrap_or(0);
    let width = width.unwrap_or(USUAL_WIDTH);
    // Two columns in front, two between each pair.
    let room = width.saturating_sub(names + widest + 6).max(NARROWEST_BAR);
    let mut text = String::new();
    for (timing, time) in timings.iter().zip(times) {
        let at = |moment: Duration| column(moment, end, room);
        let begin = at(timing.began).min(room - 1);
        let length = at(timing.ended).saturating_sub(begin).max(1);
        let bar = format!("{}{}", " ".repeat(begin), "█".repeat(length));
        let padding = " ".repeat(names - words::width(&timing.name));
        let time = words::right(&time, widest);
        let line = format!("  {}{padding}  {time}  {bar}", timing.name);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Less than this is not worth a line.
const WORTH_A_LINE: Duration = Duration::from_millis(200);

/// What was waited for at each moment, a line each; short ones are left out.
pub(super) fn awaited(awaited: &[Awaited], width: Option<usize>) -> String {
    let worth = awaited
        .iter()
        .filter(|one| one.ended - one.began >= WORTH_A_LINE);
    let lines: Vec<(String, String)> = worth
        .map(|one| {
            let what = match (one.name.as_str(), one.what.as_str()) {
                ("", _) => "between steps".to_owned(),
                (name, "") => name.to_owned(),
                (name, what) => format!("{name}: {what}"),
            };
            (words::tenths(one.ended - one.began), what)
        })
        .collect();
    let widest = lines.iter().map(|(time, _)| words::width(time)).max();
    let Some(widest) = widest else {
        return String::new();
    };
    let room = width.unwrap_or(USUAL_WIDTH).saturating_sub(widest + 4);
    let mut text = "  Time spent waiting for:\n".to_owned();
    for (time, what) in lines {
        let time = words::right(&time, widest);
        text.push_str(&format!("  {time}  {}\n", words::fit(&what, room)));
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

    fn timing(name: &str, began: u64, ended: u64) -> Timing {
        Timing {
            name: name.into(),
            began: Duration::from_secs(began),
            ended: Duration::from_secs(ended),
        }
    }

    #[test]
    fn what_ran_beside_stands_below_one_another() {
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
    fn it_fits_a_narrow_terminal() {
        let text = waterfall(
            &[timing("elasticsearch", 0, 30), timing("ready", 0, 31)],
            Some(40),
        );
        assert!(text.lines().all(|line| words::width(line) <= 40), "{text}");
    }
}
