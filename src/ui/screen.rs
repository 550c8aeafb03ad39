//! What the terminal shows, as a value: events change it, and lines of text come
//! out. Nothing here moves a cursor; `bars` does.

use std::time::Duration;

use crate::component::StateKind;
use crate::event::Event;
use crate::words;

use super::Paint;
use super::transfer::Transfers;

/// What is over sooner than this is shown only as finished.
const PATIENCE: Duration = Duration::from_millis(250);
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME: Duration = Duration::from_millis(80);
/// Below this many columns everything moves closer together.
const NARROW: usize = 60;
/// As wide as the longest name, `elasticsearch`.
const NAME: usize = 13;

/// How lines look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) width: usize,
    pub(super) paint: Paint,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Running,
    Done { took: Duration },
    Failed { took: Duration },
}

#[derive(Debug)]
struct Line {
    name: String,
    component: bool,
    began: Duration,
    state: State,
    text: String,
    count: Option<(usize, usize)>,
    transfers: Transfers,
    /// Whether bytes are newer than the text.
    moving: bool,
}

/// The lines in the order in which they began.
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
                let took = duration(*seconds);
                self.step(now, step).end(State::Done { took }, detail);
            }
            Event::StepFailed {
                step,
                seconds,
                reason,
            } => {
                let took = duration(*seconds);
                self.step(now, step).end(State::Failed { took }, reason);
            }
            Event::Component {
                component,
                state,
                seconds,
            } => {
                let took = duration(*seconds);
                let line = self.component(now.saturating_sub(took), component.name());
                match state.kind {
                    StateKind::Ready => line.end(State::Done { took }, ""),
                    StateKind::Failed => line.end(State::Failed { took }, &state.line()),
                    _ => {
                        line.state = State::Running;
                        line.text = words::one_line(&state.line());
                    }
                }
            }
            // `Output` shows warnings, also when this screen is closed.
            Event::Warning { .. } | Event::Decision { .. } => {}
        }
    }

    /// Says something above the lines, to stay.
    pub(super) fn note(&mut self, text: &str) {
        self.above.push(Above::Note(text.to_owned()));
    }

    /// The running step of that name; one that nobody began begins now.
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

    /// The line of that component, which it keeps also when it falls back.
    fn component(&mut self, began: Duration, name: &str) -> &mut Line {
        let same = |line: &Line| line.component && line.name == name;
        let index = match self.lines.iter().position(same) {
            Some(index) => index,
            None => {
                self.lines.push(Line::new(name, true, began));
                self.lines.len() - 1
            }
        };
        &mut self.lines[index]
    }

    /// Takes out what will not change any more, to stand above what still moves:
    /// notes, and finished steps at the top. Components can fall back until the
    /// end.
    pub(super) fn settle(&mut self, now: Duration, look: Look) -> Vec<String> {
        let mut settled = self.take_above(look);
        let ended = self
            .lines
            .iter()
            .take_while(|line| !line.component && line.state != State::Running)
            .count();
        settled.extend(self.lines.drain(..ended).map(|line| line.render(now, look)));
        settled
    }

    /// Takes out everything, as it is to stay on the screen at the end.
    pub(super) fn finish(&mut self, now: Duration, look: Look) -> Vec<String> {
        let mut lines = self.take_above(look);
        lines.extend(self.lines.drain(..).map(|line| line.left(now, look)));
        lines
    }

    fn take_above(&mut self, look: Look) -> Vec<String> {
        let mut lines = Vec::new();
        for above in self.above.drain(..) {
            match above {
                Above::Header(name, summary) => {
                    let room = look.width.saturating_sub(words::width(&name) + 3);
                    let name = look.paint.strong(&name);
                    lines.push(format!("{name}  {}", words::fit(&summary, room)));
                    lines.push(String::new());
                }
                Above::Note(text) => lines.extend(text.lines().map(str::to_owned)),
            }
        }
        lines
    }

    /// The lines that still move, at most `height` of them.
    pub(super) fn live(&self, now: Duration, look: Look, height: usize) -> Vec<String> {
        let shown = |line: &&Line| {
            line.state != State::Running || now.saturating_sub(line.began) >= PATIENCE
        };
        let mut lines: Vec<&Line> = self.lines.iter().filter(shown).collect();
        // On a low terminal what runs is worth more than what is done.
        while lines.len() > height {
            let done = lines
                .iter()
                .position(|l| matches!(l.state, State::Done { .. }));
            lines.remove(done.unwrap_or(lines.len() - 1));
        }
        lines.iter().map(|line| line.render(now, look)).collect()
    }
}

impl Line {
    fn new(name: &str, component: bool, began: Duration) -> Self {
        Line {
            name: name.to_owned(),
            component,
            began,
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

    fn render(&self, now: Duration, look: Look) -> String {
        let paint = look.paint;
        let frame = (now.as_millis() / FRAME.as_millis()) as usize % FRAMES.len();
        match self.state {
            State::Running => self.columns(&paint.accent(FRAMES[frame]), now, look),
            State::Done { .. } => self.columns(&paint.good("✓"), now, look),
            State::Failed { .. } => self.columns(&paint.bad("✗"), now, look),
        }
    }

    /// The line at the end; what is still running then was left alone.
    fn left(&self, now: Duration, look: Look) -> String {
        match self.state {
            State::Running => self.columns(&look.paint.quiet("-"), now, look),
            _ => self.render(now, look),
        }
    }

    fn columns(&self, mark: &str, now: Duration, look: Look) -> String {
        let (indent, time_width, gap) = if look.width < NARROW {
            ("", 8, "  ")
        } else {
            ("  ", 9, "   ")
        };
        let time = match (self.state, self.count) {
            (State::Done { took } | State::Failed { took }, _) => words::tenths(took),
            (State::Running, Some((done, total))) => format!("{done} of {total}"),
            (State::Running, None) => words::tenths(now.saturating_sub(self.began)),
        };
        let name = words::left(&self.name, NAME);
        let time = words::right(&time, time_width);
        let used = words::width(indent) + 2 + words::width(&name) + words::width(&time);
        // The last column stays free: some terminals wrap when it is filled.
        let room = look.width.saturating_sub(1);
        if used > room {
            let name = words::fit(&self.name, room.saturating_sub(indent.len() + 2));
            return format!("{indent}{mark} {name}");
        }
        let detail = self.detail(now, room.saturating_sub(used + gap.len()));
        if detail.is_empty() {
            return format!("{indent}{mark} {name}{time}");
        }
        let detail = match self.state {
            State::Done { .. } => look.paint.quiet(&detail),
            State::Failed { .. } | State::Running => detail,
        };
        format!("{indent}{mark} {name}{time}{gap}{detail}")
    }

    /// What the line says at its end, in at most `room` columns.
    fn detail(&self, now: Duration, room: usize) -> String {
        let pieces = if self.moving {
            self.transfers.pieces(now)
        } else {
            Vec::new()
        };
        let [item, bytes, rest @ ..] = pieces.as_slice() else {
            return words::fit(&self.text, room);
        };
        let bytes_alone = bytes.clone();
        let bytes = format!("{item} {bytes}");
        let mut candidates = Vec::new();
        for kept in (0..=rest.len()).rev() {
            let mut said = vec![bytes.clone()];
            said.extend_from_slice(&rest[..kept]);
            candidates.push(said.join(", "));
        }
        candidates.push(bytes_alone);
        candidates
            .iter()
            .find(|text| words::width(text) <= room)
            .cloned()
            .unwrap_or_else(|| words::fit(&bytes, room))
    }
}

/// Seconds of an event; nonsense is no reason to panic.
pub(super) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
