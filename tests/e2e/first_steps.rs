//! What a user does with a server first: configures the SDK and opens the web app.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::harness::Instance;

/// Checks `configure`, `open` and what `status` says about the SDK, with a running server.
pub fn work(instance: &Instance) {
    instance.run(&["configure"]).expect(0);
    let conf = std::fs::read_to_string(instance.path("clearml.conf")).unwrap();
    let status = instance.run(&["status", "-o", "json"]).expect(0).json();
    let api = status["endpoints"]["api"].as_str().unwrap();
    assert!(conf.contains(&format!("api_server: {api}")), "{conf}");
    assert_eq!(status["sdk"]["state"], "this-server", "{status:#}");

    let web = status["endpoints"]["web"].as_str().unwrap();
    let opened = instance.path("opened");
    let browser = instance.write(
        "browser",
        "#!/bin/sh\necho \"$1\" >\"${0%browser}opened\"\n",
    );
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut open = instance.command();
    open.arg("open").env("BROWSER", &browser);
    let shown = instance.run_command(&mut open).expect(0);
    assert_eq!(shown.stdout.trim_end(), web);
    let deadline = Instant::now() + Duration::from_secs(20);
    // A URL without a path gets a slash.
    let address = || std::fs::read_to_string(&opened).unwrap_or_default();
    while address().trim_end().trim_end_matches('/') != web {
        assert!(
            Instant::now() < deadline,
            "the browser was not started: {}",
            shown.stderr
        );
        std::thread::sleep(Duration::from_millis(50));
    }

    let mut open = instance.command();
    let no_display = ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"];
    open.args(["open", "files"]);
    for name in no_display {
        open.env_remove(name);
    }
    let shown = instance.run_command(&mut open).expect(0);
    assert_eq!(
        shown.stdout.trim_end(),
        status["endpoints"]["files"].as_str().unwrap()
    );
    assert!(
        shown.stderr.contains("No browser was found"),
        "{}",
        shown.stderr
    );
}
