//! The content of the terminal as a value: events change it, and it renders to lines.
//! Only `bars` moves the cursor.

use std::time::Duration;

use crate::component::StateKind;
use crate::event::Event;
use crate::words;

use super::Paint;
use super::transfer::Transfers;

/// Steps that take less time are only shown when they have finished.
const MIN_DURATION: Duration = Duration::from_millis(250);
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME: Duration = Duration::from_millis(80);
/// A narrower terminal gets a compact layout.
const NARROW_WIDTH: usize = 60;
/// The width of the longest name, `elasticsearch`.
const NAME_WIDTH: usize = 13;

/// How lines are rendered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) width: usize,
    pub(super) paint: Paint,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Running,
    Done { duration: Duration },
    Failed { duration: Duration },
}

#[derive(Debug)]
struct Line {
    name: String,
    component: bool,
    started: Duration,
    state: State,
    text: String,
    count: Option<(usize, usize)>,
    transfers: Transfers,
    /// Whether progress is newer than the text.
    moving: bool,
}

/// The lines in the order in which they started.
#[derive(Debug, Default)]
pub(super) struct Screen {
    above: Vec<Above>,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Above {
    Header(String, String),
    Note(String),
}

impl Screen {
    pub(super) fn apply(&mut self, now: Duration, event: &Event) {
        match event {
            Event::Started { name, summary } => {
                self.above
                    .push(Above::Header(name.clone(), summary.clone()));
            }
            Event::StepStarted { step } => {
                self.lines.push(Line::new(step, false, now));
            }
            Event::StepState { step, text } => {
                let line = self.step(now, step);
                line.text = words::one_line(text);
                line.moving = false;
            }
            Event::StepCount { step, done, total } => {
                self.step(now, step).count = Some((*done, *total));
            }
            Event::StepBytes {
                step,
                item,
                progress,
            } => {
                let line = self.step(now, step);
                line.transfers.update(now, item, *progress);
                line.moving = true;
            }
            Event::StepFinished {
                step,
                seconds,
                detail,
                ..
            } => {
                let duration = seconds_to_duration(*seconds);
                self.step(now, step).end(State::Done { duration }, detail);
            }
            Event::StepFailed {
                step,
                seconds,
                reason,
            } => {
                let duration = seconds_to_duration(*seconds);
                self.step(now, step).end(State::Failed { duration }, reason);
            }
            Event::Component {
                component,
                state,
                seconds,
            } => {
                let duration = seconds_to_duration(*seconds);
                let line = self.component(now.saturating_sub(duration), component.name());
                match state.kind {
                    StateKind::Ready => line.end(State::Done { duration }, ""),
                    StateKind::Failed => line.end(State::Failed { duration }, &state.line()),
                    _ => {
                        line.state = State::Running;
                        line.text = words::one_line(&state.line());
                    }
                }
            }
            // `Output` prints warnings, even if this screen is closed.
            Event::Warning { .. } | Event::Decision { .. } => {}
        }
    }

    /// Adds a permanent line above the others.
    pub(super) fn note(&mut self, text: &str) {
        self.above.push(Above::Note(text.to_owned()));
    }

    /// Returns the running step with this name, and starts it if necessary.
    fn step(&mut self, now: Duration, name: &str) -> &mut Line {
        let running =
            |line: &Line| !line.component && line.name == name && line.state == State::Running;
        let index = match self.lines.iter().rposition(running) {
            Some(index) => index,
            None => {
                self.lines.push(Line::new(name, false, now));
                self.lines.len() - 1
            }
        };
        &mut self.lines[index]
    }

    /// Returns the line of a component, which it keeps even if it is no longer ready.
    fn component(&mut self, started: Duration, name: &str) -> &mut Line {
        let same = |line: &Line| line.component && line.name == name;
        let index = match self.lines.iter().position(same) {
            Some(index) => index,
            None => {
                self.lines.push(Line::new(name, true, started));
                self.lines.len() - 1
            }
        };
        &mut self.lines[index]
    }

    /// Removes and returns the lines that no longer change: notes, and finished steps
    /// at the top. Components can change until the end.
    pub(super) fn take_settled(&mut self, now: Duration, style: Style) -> Vec<String> {
        let mut settled = self.take_above(style);
        let ended = self
            .lines
            .iter()
            .take_while(|line| !line.component && line.state != State::Running)
            .count();
        settled.extend(
            self.lines
                .drain(..ended)
                .map(|line| line.render(now, style)),
        );
        settled
    }

    /// Removes and returns all lines for the end of the output.
    pub(super) fn finish(&mut self, now: Duration, style: Style) -> Vec<String> {
        let mut lines = self.take_above(style);
        lines.extend(
            self.lines
                .drain(..)
                .map(|line| line.render_last(now, style)),
        );
        lines
    }

    fn take_above(&mut self, style: Style) -> Vec<String> {
        let mut lines = Vec::new();
        for above in self.above.drain(..) {
            match above {
                Above::Header(name, summary) => {
                    let room = style.width.saturating_sub(words::width(&name) + 3);
                    let name = style.paint.strong(&name);
                    lines.push(format!("{name}  {}", words::fit(&summary, room)));
                    lines.push(String::new());
                }
                Above::Note(text) => lines.extend(text.lines().map(str::to_owned)),
            }
        }
        lines
    }

    /// Returns at most `height` lines that can still change.
    pub(super) fn live(&self, now: Duration, style: Style, height: usize) -> Vec<String> {
        let is_shown = |line: &&Line| {
            line.state != State::Running || now.saturating_sub(line.started) >= MIN_DURATION
        };
        let mut lines: Vec<&Line> = self.lines.iter().filter(is_shown).collect();
        // If the terminal has too few rows, running steps take precedence over finished
        // ones.
        while lines.len() > height {
            let done = lines
                .iter()
                .position(|l| matches!(l.state, State::Done { .. }));
            lines.remove(done.unwrap_or(lines.len() - 1));
        }
        lines.iter().map(|line| line.render(now, style)).collect()
    }
}

impl Line {
    fn new(name: &str, component: bool, started: Duration) -> Self {
        Line {
            name: name.to_owned(),
            component,
            started,
            state: State::Running,
            text: String::new(),
            count: None,
            transfers: Transfers::default(),
            moving: false,
        }
    }

    fn end(&mut self, state: State, text: &str) {
        self.state = state;
        self.text = words::one_line(text);
        self.count = None;
        self.moving = false;
    }

    fn render(&self, now: Duration, style: Style) -> String {
        let paint = style.paint;
        let frame = (now.as_millis() / FRAME.as_millis()) as usize % FRAMES.len();
        match self.state {
            State::Running => self.columns(&paint.accent(FRAMES[frame]), now, style),
            State::Done { .. } => self.columns(&paint.good("✓"), now, style),
            State::Failed { .. } => self.columns(&paint.bad("✗"), now, style),
        }
    }

    /// Renders the line at the end. A step that is still running then was abandoned.
    fn render_last(&self, now: Duration, style: Style) -> String {
        match self.state {
            State::Running => self.columns(&style.paint.quiet("-"), now, style),
            _ => self.render(now, style),
        }
    }

    fn columns(&self, mark: &str, now: Duration, style: Style) -> String {
        let (indent, time_width, gap) = if style.width < NARROW_WIDTH {
            ("", 8, "  ")
        } else {
            ("  ", 9, "   ")
        };
        let time = match (self.state, self.count) {
            (State::Done { duration } | State::Failed { duration }, _) => words::tenths(duration),
            (State::Running, Some((done, total))) => format!("{done} of {total}"),
            (State::Running, None) => words::tenths(now.saturating_sub(self.started)),
        };
        let name = words::left(&self.name, NAME_WIDTH);
        let time = words::right(&time, time_width);
        let used = words::width(indent) + 2 + words::width(&name) + words::width(&time);
        // The last column stays free, because some terminals wrap when it is filled.
        let room = style.width.saturating_sub(1);
        if used > room {
            let name = words::fit(&self.name, room.saturating_sub(indent.len() + 2));
            return format!("{indent}{mark} {name}");
        }
        let detail = self.detail(now, room.saturating_sub(used + gap.len()));
        if detail.is_empty() {
            return format!("{indent}{mark} {name}{time}");
        }
        let detail = match self.state {
            State::Done { .. } => style.paint.quiet(&detail),
            State::Failed { .. } | State::Running => detail,
        };
        format!("{indent}{mark} {name}{time}{gap}{detail}")
    }

    /// Returns the last part of the line, in at most `room` columns.
    fn detail(&self, now: Duration, room: usize) -> String {
        let pieces = if self.moving {
            self.transfers.pieces(now)
        } else {
            Vec::new()
        };
        let [item, bytes, rest @ ..] = pieces.as_slice() else {
            return words::fit(&self.text, room);
        };
        let bytes_only = bytes.clone();
        let bytes = format!("{item} {bytes}");
        let mut candidates = Vec::new();
        for count in (0..=rest.len()).rev() {
            let mut shown_pieces = vec![bytes.clone()];
            shown_pieces.extend_from_slice(&rest[..count]);
            candidates.push(shown_pieces.join(", "));
        }
        candidates.push(bytes_only);
        candidates
            .iter()
            .find(|text| words::width(text) <= room)
            .cloned()
            .unwrap_or_else(|| words::fit(&bytes, room))
    }
}

/// Converts the seconds of an event. An invalid number must not panic.
pub(super) fn seconds_to_duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
