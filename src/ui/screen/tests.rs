use super::*;
use crate::ui::fixtures::recorded::{self, Session, at};
use crate::ui::fixtures::visible;

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

#[test]
fn a_terminal_of_80_columns() {
    let events = recorded::beginning();
    insta::assert_snapshot!(frame(&events, recorded::moment(), 80, Paint::none()));
    insta::assert_snapshot!(
        "a_terminal_of_80_columns_in_colour",
        frame(&events, recorded::moment(), 80, Paint::new(true))
    );
}

#[test]
fn a_terminal_of_40_columns() {
    let events = recorded::beginning();
    insta::assert_snapshot!(frame(&events, recorded::moment(), 40, Paint::none()));
    insta::assert_snapshot!(
        "a_terminal_of_40_columns_in_colour",
        frame(&events, recorded::moment(), 40, Paint::new(true))
    );
}

#[test]
fn parallel_pulls() {
    for width in [80, 60, 40] {
        let name = format!("pulls_at_{width}");
        insta::assert_snapshot!(
            name,
            frame(&recorded::pulls(), at(10.0), width, Paint::none())
        );
    }
}

#[test]
fn the_last_frame_after_a_failure() {
    insta::assert_snapshot!(last_frame(&recorded::whole(), 80));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in 4..=120 {
        for text in [
            frame(
                &recorded::beginning(),
                recorded::moment(),
                width,
                Paint::none(),
            ),
            last_frame(&recorded::whole(), width),
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
    screen.apply(at(1.0), &recorded::started("secrets"));
    assert!(screen.live(at(1.2), style, 20).is_empty());
    assert_eq!(screen.live(at(1.3), style, 20).len(), 1);
    screen.apply(at(1.4), &recorded::finished("secrets", 0.4, ""));
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
    for (time, event) in recorded::beginning() {
        screen.apply(time, &event);
    }
    screen.take_settled(recorded::moment(), style);
    let lines = screen.live(recorded::moment(), style, 3);
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
        &recorded::component(Redis, StateKind::Ready, "", 2.0),
    );
    assert!(screen.take_settled(at(2.0), style).is_empty());
    screen.apply(
        at(3.0),
        &recorded::component(Redis, StateKind::Restarting, "exit code 1", 3.0),
    );
    assert_eq!(
        screen.live(at(3.04), style, 20),
        ["  ⠇ redis            3.0 s   restarting: exit code 1"]
    );
}
