//! The output of `status`: problems come first, and healthy components are brief.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::agent::{Agent, QueueLength};
use crate::component::{Component, State};
use crate::diagnose::ObservedImage;
use crate::failures::Failure;
use crate::health::Health;
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::probe::Endpoints;
use crate::sdk;
use crate::settings::non_default;
use crate::status::Versions;
use crate::words;

use super::summary::endpoint_rows;
use super::table::{self, Cell};
use super::{Paint, Policy};

/// The output of `status`; this is also its JSON.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    pub state: Health,
    pub name: String,
    pub release: Option<String>,
    pub endpoints: Option<Endpoints>,
    pub components: Vec<ComponentView>,
    pub data_dir: Option<String>,
    pub data_bytes: Option<u64>,
    /// Free bytes on the disk of the data.
    pub disk_free_bytes: Option<u64>,
    /// The checks of the server as its users see it.
    pub checks: Vec<CheckView>,
    pub versions: Versions,
    /// Whether Docker starts the node after a reboot.
    pub starts_after_reboot: Option<bool>,
    /// The GPUs that the node offers to agents, if it was created with some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u64>,
    /// Which server the SDK of this user uses; `None` without a server.
    pub sdk: Option<sdk::Uses>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) queues: Vec<QueueLength>,
    /// Further findings, human-readable.
    pub notes: Vec<String>,
    /// What is wrong, as entries of the catalogue of failures.
    pub findings: Vec<FindingView>,
    pub hints: Vec<Hint>,
}

/// A check of the server, such as a login.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckView {
    /// Such as `login`.
    pub name: String,
    pub ok: bool,
    pub latency_ms: u64,
    pub error: Option<String>,
}

/// What is wrong: an entry of the catalogue of failures.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    pub failure: Failure,
    /// The exit code of the failure.
    pub code: u8,
    pub message: String,
    pub hints: Vec<Hint>,
}

/// A component in the output of `status`.
#[derive(Debug, Clone)]
pub struct ComponentView {
    pub name: Component,
    /// The state and its reason.
    pub state: State,
    /// What is wrong with it.
    pub failure: Option<Failure>,
    pub image: Option<ObservedImage>,
    /// The age; not serialized.
    pub age_seconds: Option<u64>,
}

impl Serialize for ComponentView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = Some(&self.state.reason).filter(|reason| !reason.is_empty());
        let mut fields = serializer.serialize_struct("ComponentView", 7)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("state", &self.state.kind)?;
        fields.serialize_field("ready", &self.state.is_ready())?;
        fields.serialize_field("restarts", &self.state.restarts)?;
        fields.serialize_field("reason", &reason)?;
        fields.serialize_field("failure", &self.failure)?;
        fields.serialize_field("image", &self.image)?;
        fields.end()
    }
}

pub(super) fn render(view: &StatusView, policy: &Policy) -> String {
    let paint = Paint::new(policy.stdout_colour);
    let mut blocks = vec![vec![head(view, paint)]];
    let (healthy, unhealthy): (Vec<_>, Vec<_>) =
        view.components.iter().partition(|c| c.state.is_ready());
    if !view.components.is_empty() {
        let rows: Vec<_> = unhealthy
            .iter()
            .chain(&healthy)
            .map(|component| row(component, view.state == Health::Starting, paint))
            .collect();
        let mut lines = table::lines(&rows, "  ", policy.width);
        // Reasons are printed below their rows, because they are too long for a column.
        for (index, component) in unhealthy.iter().enumerate().rev() {
            let reason = words::one_line(&component.state.reason);
            if !reason.is_empty() {
                let id = component.failure.map_or_else(String::new, in_brackets);
                lines.insert(index + 1, format!("      {reason}{id}"));
            }
        }
        blocks.push(lines);
    }
    let home = policy.home.as_deref();
    let data = view
        .data_dir
        .as_ref()
        .map(|dir| with_sizes(words::path(Path::new(dir), home), view));
    let mut places = endpoint_rows(view.endpoints.as_ref(), data.as_deref(), paint);
    places.extend(details(view, policy.width));
    let places = table::lines(&places, "  ", None);
    // Problems come before the addresses.
    let at = if unhealthy.is_empty() {
        1
    } else {
        blocks.len()
    };
    blocks.insert(at, places);
    blocks.push(view.notes.iter().map(|note| with_id(note, view)).collect());
    let hint = paint.accent("hint:");
    let hints = view
        .hints
        .iter()
        .cloned()
        .chain(start_hint(view))
        .map(|hint| words::safe(&hint.to_string()));
    blocks.push(hints.map(|text| format!("  {hint} {text}")).collect());
    let blocks: Vec<String> = blocks
        .into_iter()
        .filter(|block| !block.is_empty())
        .map(|block| block.join("\n") + "\n")
        .collect();
    blocks.join("\n")
}

/// Returns a note, with the identifier of a failure if it is the first note about it.
fn with_id(note: &str, view: &StatusView) -> String {
    let is_first = |finding: &&FindingView| {
        let mut notes = view.notes.iter();
        let first = notes.find(|note| finding.message.contains(*note));
        first.is_some_and(|first| first == note)
    };
    let finding = view.findings.iter().find(is_first);
    let id = finding.map_or_else(String::new, |finding| in_brackets(finding.failure));
    format!("{}{id}", words::safe(note))
}

fn in_brackets(failure: Failure) -> String {
    format!(" [{}]", failure.id())
}

fn with_sizes(mut place: String, view: &StatusView) -> String {
    if let Some(bytes) = view.data_bytes {
        place.push_str(&format!(", {}", words::bytes(bytes)));
    }
    if let Some(free) = view.disk_free_bytes {
        place.push_str(&format!(", {} free", words::bytes(free)));
    }
    place
}

/// Returns response times, versions and what happens after a reboot, in lines that fit
/// a narrow terminal.
fn details(view: &StatusView, width: Option<usize>) -> Vec<Vec<Cell>> {
    /// The columns before the text: indentation, longest name and gap.
    const OFFSET: usize = 12;
    let mut rows = Vec::new();
    let mut add = |name: &str, pieces: Vec<String>| {
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(OFFSET));
        let mut line = String::new();
        let mut title = name;
        for piece in pieces {
            let longer = words::width(&line) + words::width(&piece) + 2 > room;
            if longer && !line.is_empty() {
                rows.push(vec![Cell::new(title), Cell::new(format!("{line},"))]);
                (title, line) = ("", String::new());
            }
            if !line.is_empty() {
                line.push_str(", ");
            }
            line.push_str(&piece);
        }
        if !line.is_empty() {
            rows.push(vec![Cell::new(title), Cell::new(line)]);
        }
    };
    let answered = view.checks.iter().filter(|check| check.ok);
    add(
        "Latency",
        answered
            .map(|check| format!("{} {} ms", check.name, check.latency_ms))
            .collect(),
    );
    let versions = &view.versions;
    let named = [
        ("server", &versions.server),
        ("Kubernetes", &versions.kubernetes),
        ("Docker", &versions.docker),
    ];
    let known = named
        .into_iter()
        .filter_map(|(name, version)| Some(format!("{name} {}", version.as_ref()?)));
    add("Versions", known.collect());
    let gpus = view.gpus.map(|number| format!("{number} for agents"));
    add("GPUs", gpus.into_iter().collect());
    add(
        "SDK",
        view.sdk
            .as_ref()
            .map(|uses| sdk(uses, &view.name))
            .into_iter()
            .collect(),
    );
    let agents = view.agents.iter();
    let agents =
        agents.map(|one| format!("`{}` {} of {} ready", one.queue, one.ready, one.desired));
    add("Agents", agents.map(|text| words::safe(&text)).collect());
    let queues = view.queues.iter().filter(|queue| queue.waiting > 0);
    let queues = queues.map(|queue| {
        let waiting = words::count(queue.waiting as u64, "task");
        words::safe(&format!("`{}` {waiting} waiting", queue.name))
    });
    add("Queues", queues.collect());
    let reboot = view.starts_after_reboot.map(|starts| {
        if starts {
            return "starts automatically".to_owned();
        }
        format!(
            "does not start automatically; start it: {}",
            ours!(Start).of(non_default(&view.name))
        )
    });
    add("Reboot", reboot.into_iter().collect());
    rows
}

fn sdk(uses: &sdk::Uses, name: &str) -> String {
    let configure = ours!(Configure).of(non_default(name));
    match uses {
        sdk::Uses::ThisServer { source } => format!("configured in {}", words::safe(source)),
        sdk::Uses::AnotherServer { source, api_server } => format!(
            "uses {} ({}); to use this server: {configure}",
            words::safe(api_server),
            words::safe(source)
        ),
        sdk::Uses::NotConfigured => format!("not configured; configure it: {configure}"),
    }
}

/// Returns the status as quoted variables for a shell.
pub(super) fn variables(view: &StatusView) -> String {
    let endpoints = view.endpoints.as_ref();
    let endpoint = |pick: fn(&Endpoints) -> &String| endpoints.map(|at| pick(at).clone());
    let variables = [
        ("CLEARML_LOCAL_STATE", Some(view.state.name().to_owned())),
        ("CLEARML_LOCAL_NAME", Some(view.name.clone())),
        ("CLEARML_LOCAL_RELEASE", view.release.clone()),
        ("CLEARML_LOCAL_DATA_DIR", view.data_dir.clone()),
        ("CLEARML_WEB_HOST", endpoint(|at| &at.web)),
        ("CLEARML_API_HOST", endpoint(|at| &at.api)),
        ("CLEARML_FILES_HOST", endpoint(|at| &at.files)),
    ];
    let lines = variables.into_iter().filter_map(|(name, value)| {
        let quoted = value?.replace('\'', r"'\''");
        Some(format!("{name}='{quoted}'\n"))
    });
    lines.collect()
}

fn head(view: &StatusView, paint: Paint) -> String {
    let state = view.state.name();
    let state = match view.state {
        Health::Ready | Health::Running => paint.good(state),
        Health::Starting | Health::Stopped | Health::Paused => paint.caution(state),
        Health::Degraded => paint.bad(state),
        Health::Absent => paint.strong(state),
        Health::Unknown(_) => paint.caution(state),
    };
    let release = view.release.as_ref().map(|r| format!(", release {r}"));
    format!(
        "{}  {state}{}",
        paint.strong(&view.name),
        release.unwrap_or_default()
    )
}

fn row(component: &ComponentView, starting: bool, paint: Paint) -> Vec<Cell> {
    let (mark, painted) = match component.state.is_ready() {
        true => ("✓", paint.good("✓")),
        // A component that is still starting is not a problem yet.
        false if starting && component.state.restarts == 0 => ("-", paint.caution("-")),
        false => ("✗", paint.bad("✗")),
    };
    let name = component.name;
    let age = component.age_seconds.map(Duration::from_secs);
    let restarts = match component.state.restarts {
        0 => String::new(),
        number => words::count(u64::from(number), "restart"),
    };
    let image = component.image.as_ref().map(short_image);
    vec![
        Cell::painted(format!("{mark} {name}"), |_| format!("{painted} {name}")),
        Cell::new(component.state.kind.name()),
        Cell::new(age.map(words::duration).unwrap_or_default()),
        Cell::new(restarts),
        Cell::painted(image.unwrap_or_default(), |text| paint.quiet(text)),
    ]
}

/// Returns an image reference without registry and digest.
fn short_image(image: &ObservedImage) -> String {
    let reference = image.reference();
    reference.map_or_else(|| image.to_string(), ImageRef::short)
}

/// Returns a hint if the server is not running.
fn start_hint(view: &StatusView) -> Option<Hint> {
    let (action, command) = match view.state {
        Health::Stopped => ("start it", ours!(Start)),
        Health::Paused => ("resume it", ours!(Start)),
        Health::Absent => ("create it", ours!(Up)),
        Health::Ready
        | Health::Running
        | Health::Starting
        | Health::Degraded
        | Health::Unknown(_) => {
            return None;
        }
    };
    Some(Hint::run(action, command.of(non_default(&view.name))))
}

#[cfg(test)]
mod tests;
