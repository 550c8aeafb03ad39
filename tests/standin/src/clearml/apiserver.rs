//! The API server: its start, in the real one's order and with its patience.

use crate::clearml::config::{self, Config};
use crate::clearml::databases::{Documents, Redis, until};
use crate::clearml::endpoints::Api;
use crate::clearml::{die, log, users};
use crate::support::version::Version;
use crate::support::{http, signals, switches};
use serde_json::json;
use std::time::Duration;

const COMPONENT: &str = "clearml.apiserver";
const ADDRESS: &str = "0.0.0.0:8008";

/// How long the start waits for each database.
const REDIS_PATIENCE: Duration = Duration::from_secs(3);
const MONGO_PATIENCE: Duration = Duration::from_secs(35);
const ELASTIC_PATIENCE: Duration = Duration::from_secs(94);

/// What the chart sets besides the databases' addresses: paths and types.
const DEMANDED: &[(&str, &str)] = &[
    ("apiserver.pre_populate.enabled", "bool"),
    ("apiserver.pre_populate.zip_files", "text"),
    ("apiserver.auth.cookies.max_age", "int"),
    ("apiserver.default_company", "text"),
    ("secure.http.session_secret.apiserver", "text"),
    ("secure.auth.token_secret", "text"),
    ("secure.credentials.apiserver.user_key", "text"),
    ("secure.credentials.apiserver.user_secret", "text"),
    ("secure.credentials.tests.user_key", "text"),
    ("secure.credentials.tests.user_secret", "text"),
];

/// Runs until SIGTERM; returns the exit code.
pub fn run() -> u8 {
    match switches::misbehave(None) {
        0 => {}
        code => return code,
    }
    signals::on_terminate(|| 0);
    match start() {
        Ok(api) => match http::serve(ADDRESS, move |request| api.answer(&request)) {
            Ok(()) => 0,
            Err(error) => die(COMPONENT, &format!("{ADDRESS}: {error}")),
        },
        Err(error) => die(COMPONENT, &error),
    }
}

fn start() -> Result<Api, String> {
    let version = Version::of_image();
    log(
        "INFO",
        COMPONENT,
        &format!("ClearML API server {version} (stand-in)"),
    );
    let config = Config::of_process()?;
    let elastic = config::demand_service("ELASTIC")?;
    let mongo = config::demand_service("MONGODB")?;
    let redis = config::demand_service("REDIS")?;
    config::demand_variable("CLEARML_SERVER_DEPLOYMENT_TYPE")?;
    list_files(&config::demand_variable("CLEARML_CONFIG_DIR")?);
    for (path, kind) in DEMANDED {
        config.demand(path, kind)?;
    }

    let redis = Redis { address: redis };
    until(REDIS_PATIENCE, || redis.ping()).map_err(|error| {
        format!(
            "redis.exceptions.ConnectionError: Error connecting to {}: {error}",
            redis.address
        )
    })?;
    let failed = |error: std::io::Error| format!("redis: {error}");
    redis.lock_init().map_err(failed)?;
    let prepared = prepare(mongo, elastic);
    redis.unlock_init().map_err(failed)?;
    let (mongo, elastic) = prepared?;

    let (users, stopped) = users::from_config(&config, version);
    if let Some(reason) = stopped {
        // The real server goes on, and answers `/debug.ping`.
        log(
            "ERROR",
            "clearml.mongo",
            &format!("Failed initializing MongoDB: {reason}"),
        );
    }
    log("INFO", COMPONENT, &format!("listening on {ADDRESS}"));
    Ok(Api::new(version, &config, users, mongo, elastic))
}

/// Waits for the databases and writes what every server has.
fn prepare(mongo: String, elastic: String) -> Result<(Documents, Documents), String> {
    let documents = |address| Documents {
        address,
        patience: Duration::ZERO,
    };
    let (mut mongo, mut elastic) = (documents(mongo), documents(elastic));
    let mut has_queue = false;
    until(MONGO_PATIENCE, || {
        has_queue = !mongo.all("queue")?.is_empty();
        Ok(())
    })
    .map_err(|error| {
        format!(
            "pymongo.errors.ServerSelectionTimeoutError: {}: {error}",
            mongo.address
        )
    })?;
    until(ELASTIC_PATIENCE, || elastic.all("templates").map(|_| ())).map_err(|error| {
        format!(
            "failed connecting to ElasticSearch at {}: {error}",
            elastic.address
        )
    })?;
    if !has_queue {
        let queue = json!({"id": "standin-default-queue", "name": "default", "tags": [], "system_tags": ["default"]});
        mongo
            .put_one("queue", "standin-default-queue", queue)
            .map_err(|error| error.to_string())?;
    }
    if switches::real_times() {
        std::thread::sleep(Duration::from_secs(if has_queue { 4 } else { 13 }));
    }
    // From here on a call tries as long as the drivers do.
    let patience = Duration::from_secs(if switches::real_times() { 30 } else { 5 });
    mongo.patience = patience;
    elastic.patience = patience;
    Ok((mongo, elastic))
}

/// Names the files of the configuration directory, so that a test can see
/// what was mounted. The real server does without any.
fn list_files(directories: &str) {
    for directory in directories.split(':') {
        for file in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let file = file.path();
            if file.extension().is_some_and(|end| end == "conf") {
                log(
                    "INFO",
                    "clearml.config",
                    &format!("loading {}", file.display()),
                );
            }
        }
    }
}
