//! Progress on a terminal, as plain lines, and as JSON.

use std::time::Duration;

use crate::event::{Event, Progress, Reporter};

use super::super::json::JsonLines;
use super::super::plain::Plain;
use super::super::screen::{Screen, Style};
use super::session::{self, Session, at};
use super::{Memory, Sink, noon, visible};
use crate::ui::Paint;

/// Returns the permanent lines and then the bars at `now`.
fn frame(events: &Session, now: Duration, width: usize, paint: Paint) -> String {
    let style = Style { width, paint };
    let mut screen = Screen::default();
    let mut lines = Vec::new();
    for (time, event) in events {
        screen.apply(*time, event);
        lines.extend(screen.take_settled(*time, style));
    }
    lines.extend(screen.live(now, style, 20));
    visible(&lines.join("\n"))
}

/// Returns the lines that remain at the end.
fn last_frame(events: &Session, width: usize) -> String {
    let style = Style {
        width,
        paint: Paint::none(),
    };
    let mut screen = Screen::default();
    let mut lines = Vec::new();
    for (time, event) in events {
        screen.apply(*time, event);
        lines.extend(screen.take_settled(*time, style));
    }
    lines.extend(screen.finish(events.last().unwrap().0, style));
    lines.join("\n")
}

fn whole_session() -> Session {
    let mut events = session::beginning();
    events.extend(session::killed());
    events
}

#[test]
fn a_terminal_of_80_columns() {
    let events = session::beginning();
    insta::assert_snapshot!(frame(&events, session::moment(), 80, Paint::none()));
    insta::assert_snapshot!(
        "a_terminal_of_80_columns_in_colour",
        frame(&events, session::moment(), 80, Paint::new(true))
    );
}

#[test]
fn a_terminal_of_40_columns() {
    let events = session::beginning();
    insta::assert_snapshot!(frame(&events, session::moment(), 40, Paint::none()));
    insta::assert_snapshot!(
        "a_terminal_of_40_columns_in_colour",
        frame(&events, session::moment(), 40, Paint::new(true))
    );
}

/// Four pulls in the node; Redis is complete.
fn pulls() -> Session {
    let mut events = vec![(at(0.0), session::started("images"))];
    events.push((at(0.0), session::count(0, 4)));
    for tick in 0..=40_u64 {
        let now = at(tick as f64 / 4.0);
        for (item, total, layers) in [
            ("redis", 85, 5),
            ("mongo", 293, 5),
            ("elasticsearch", 418, 8),
            ("clearml", 734, 9),
        ] {
            let done = (tick * 3).min(total) * 1_000_000;
            let progress = Progress {
                done,
                total: Some(total * 1_000_000),
                layers: if done < total * 1_000_000 { layers } else { 0 },
            };
            let (step, item) = ("images".into(), item.into());
            events.push((
                now,
                Event::StepBytes {
                    step,
                    item,
                    progress,
                },
            ));
        }
    }
    events.push((at(10.0), session::count(1, 4)));
    events
}

#[test]
fn parallel_pulls_on_terminals_and_as_json() {
    for width in [80, 60, 40] {
        let name = format!("pulls_at_{width}");
        insta::assert_snapshot!(name, frame(&pulls(), at(10.0), width, Paint::none()));
    }
    let memory = Memory::default();
    let json = JsonLines::new(Sink::new(memory.clone()), noon);
    for (time, event) in pulls().into_iter().take(6) {
        json.report(time, &event);
    }
    insta::assert_snapshot!("pulls_as_json", memory.text());
}

#[test]
fn the_last_frame_after_a_failure() {
    insta::assert_snapshot!(last_frame(&whole_session(), 80));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 4..=120 {
        for text in [
            frame(
                &session::beginning(),
                session::moment(),
                width,
                Paint::none(),
            ),
            last_frame(&whole_session(), width),
        ] {
            for line in text.lines().skip(1) {
                assert!(crate::words::width(line) <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn short_steps_do_not_flicker() {
    let style = Style {
        width: 80,
        paint: Paint::none(),
    };
    let mut screen = Screen::default();
    screen.apply(at(1.0), &session::started("secrets"));
    assert!(screen.live(at(1.2), style, 20).is_empty());
    assert_eq!(screen.live(at(1.3), style, 20).len(), 1);
    screen.apply(at(1.4), &session::finished("secrets", 0.4, ""));
    assert_eq!(
        screen.take_settled(at(1.4), style),
        ["  ✓ secrets          0.4 s"]
    );
}

#[test]
fn a_terminal_with_few_rows_shows_running_steps() {
    let style = Style {
        width: 80,
        paint: Paint::none(),
    };
    let mut screen = Screen::default();
    for (time, event) in session::beginning() {
        screen.apply(time, &event);
    }
    screen.take_settled(session::moment(), style);
    let lines = screen.live(session::moment(), style, 3);
    let names: Vec<_> = lines
        .iter()
        .map(|l| l.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(names, ["images", "elasticsearch", "apiserver"]);
}

#[test]
fn a_component_that_restarts_keeps_its_line() {
    use crate::component::Component::Redis;
    use crate::component::StateKind;
    let style = Style {
        width: 80,
        paint: Paint::none(),
    };
    let mut screen = Screen::default();
    screen.apply(
        at(2.0),
        &session::component(Redis, StateKind::Ready, "", 2.0),
    );
    assert!(screen.take_settled(at(2.0), style).is_empty());
    screen.apply(
        at(3.0),
        &session::component(Redis, StateKind::Restarting, "exit code 1", 3.0),
    );
    assert_eq!(
        screen.live(at(3.04), style, 20),
        ["  ⠇ redis            3.0 s   restarting: exit code 1"]
    );
}

#[test]
fn plain_lines() {
    let plain = |colour| {
        let memory = Memory::default();
        let plain = Plain::new(Sink::new(memory.clone()), Paint::new(colour), false);
        for (time, event) in whole_session() {
            plain.report(time, &event);
        }
        plain.report(
            at(45.3),
            &Event::StepFailed {
                step: "ready".into(),
                seconds: 31.0,
                reason: "elasticsearch does not start".into(),
            },
        );
        memory.text()
    };
    insta::assert_snapshot!(plain(false));
    insta::assert_snapshot!("plain_lines_in_colour", plain(true));
}

#[test]
fn a_slow_transfer_without_a_terminal_is_reported_regularly() {
    let memory = Memory::default();
    let plain = Plain::new(Sink::new(memory.clone()), Paint::none(), false);
    for second in 0..=70_u32 {
        plain.report(
            at(f64::from(second)),
            &session::bytes("mongodb", second.into(), 2000),
        );
    }
    insta::assert_snapshot!(memory.text(), @r"
    [  30.0 s] images: mongodb 0.0 of 2.0 GB
    [     1 m] images: mongodb 0.1 of 2.0 GB
    ");
}

#[test]
fn json_lines() {
    let memory = Memory::default();
    let json = JsonLines::new(Sink::new(memory.clone()), noon);
    for (time, event) in whole_session() {
        json.report(time, &event);
    }
    let text = memory.text();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            value["event"].is_string() && value["time"].is_string(),
            "{line}"
        );
    }
    insta::assert_snapshot!(text);
}

#[test]
fn decisions_are_shown_only_with_verbose() {
    let shown = |decisions| {
        let memory = Memory::default();
        let plain = Plain::new(Sink::new(memory.clone()), Paint::none(), decisions);
        let decision = Event::Decision {
            step: "images".into(),
            text: "mongo:7 is in the node already".into(),
        };
        plain.report(at(1.0), &decision);
        memory.text()
    };
    assert_eq!(
        shown(true),
        "[   1.0 s] images: mongo:7 is in the node already\n"
    );
    assert_eq!(shown(false), "");
}
