use super::*;
use crate::options::{Format, OutputOptions};
use crate::ui::fixtures::{component, give_more, output, policy, ready, without_progress};

fn degraded() -> StatusView {
    let mut view = ready();
    view.state = Health::Degraded;
    view.components[2] = component(
        Component::Elasticsearch,
        Some("out of memory: limit 1 GiB"),
        2,
    );
    view.components[3] = component(Component::Apiserver, Some("waiting for elasticsearch"), 0);
    view.notes = vec!["The node does not keep up: its disk is 97 % full.".into()];
    view.components[0].failure = Some(Failure::OutOfMemory);
    view.findings = vec![FindingView {
        failure: Failure::OutOfMemory,
        code: 62,
        message: "elasticsearch does not start: the kernel killed it".into(),
        hints: vec![give_more()],
    }];
    view.hints = vec![give_more()];
    view
}

fn not_running(state: Health, name: &str) -> StatusView {
    StatusView {
        state,
        name: name.into(),
        release: None,
        endpoints: None,
        components: Vec::new(),
        data_dir: (state == Health::Stopped).then(|| "/srv/data".into()),
        data_bytes: None,
        disk_free_bytes: None,
        checks: Vec::new(),
        versions: Versions::default(),
        starts_after_reboot: (state == Health::Stopped).then_some(false),
        gpus: None,
        sdk: None,
        agents: Vec::new(),
        queues: Vec::new(),
        notes: Vec::new(),
        findings: Vec::new(),
        hints: Vec::new(),
    }
}

fn status(view: &StatusView, policy: Policy) -> String {
    let (output, out, _) = output(policy);
    output.status(view).unwrap();
    out.text()
}

#[test]
fn status_shows_problems_first() {
    for (width, name) in [(80, "degraded_at_80"), (40, "degraded_at_40")] {
        let policy = policy(without_progress(), false, Some(width));
        insta::assert_snapshot!(name, status(&degraded(), policy));
    }
    insta::assert_snapshot!(
        "degraded_in_colour",
        status(&degraded(), policy(without_progress(), true, Some(80)))
    );
}

#[test]
fn the_gpus_of_a_node_are_shown_only_if_it_has_some() {
    let shown = |gpus| {
        let view = StatusView { gpus, ..ready() };
        let json = serde_json::to_value(&view).unwrap();
        let policy = policy(without_progress(), false, Some(80));
        (status(&view, policy), json.get("gpus").cloned())
    };
    let (text, json) = shown(Some(2));
    assert!(text.contains("  GPUs      2 for agents\n"), "{text}");
    assert_eq!(json, Some(2.into()));
    let (text, json) = shown(None);
    assert!(!text.contains("GPUs"), "{text}");
    assert_eq!(json, None);
}

#[test]
fn status_of_healthy_stopped_and_absent_instances() {
    let policy = policy(without_progress(), false, Some(80));
    let pages = [
        ready(),
        not_running(Health::Stopped, "clearml"),
        not_running(Health::Absent, "second"),
    ]
    .map(|view| status(&view, policy.clone()));
    insta::assert_snapshot!(pages.join("----\n"));
}

#[test]
fn a_watched_status_replaces_the_previous_one() {
    let (output, out, _) = output(policy(without_progress(), false, Some(80)));
    let mut terminal = vt100::Parser::new(40, 60, 0);
    let draw = |view: &StatusView, before| output.redraw_status(view, before, (40, 60)).unwrap();
    let rows = draw(&degraded(), 0);
    draw(&not_running(Health::Stopped, "clearml"), rows);
    terminal.process(
        out.text()
            .replace('␛', "\x1b")
            .replace('\n', "\r\n")
            .as_bytes(),
    );
    let expected = status(
        &not_running(Health::Stopped, "clearml"),
        policy(without_progress(), false, None),
    );
    assert_eq!(terminal.screen().contents().trim_end(), expected.trim_end());
}

#[test]
fn a_watched_status_fits_a_terminal_with_few_rows() {
    let (output, out, _) = output(policy(without_progress(), false, Some(80)));
    let mut terminal = vt100::Parser::new(8, 60, 100);
    let mut rows = 0;
    for _ in 0..3 {
        rows = output.redraw_status(&degraded(), rows, (8, 60)).unwrap();
    }
    terminal.process(
        out.text()
            .replace('␛', "\x1b")
            .replace('\n', "\r\n")
            .as_bytes(),
    );
    terminal.screen_mut().set_scrollback(100);
    assert_eq!(terminal.screen().scrollback(), 0, "nothing scrolled away");
    let shown = terminal.screen().contents();
    assert!(shown.starts_with("clearml  degraded"), "{shown}");
    assert_eq!(shown.matches("degraded").count(), 1, "{shown}");
}

#[test]
fn status_as_json_yaml_and_variables() {
    let pages = [Format::Json, Format::Yaml, Format::Env].map(|format| {
        let options = OutputOptions {
            format,
            ..without_progress()
        };
        status(&ready(), policy(options, false, None))
    });
    insta::assert_snapshot!(pages.join("----\n"));
}
