//! The API server: its start, in the real one's order and with its patience.

use crate::clearml::config::{self, Config};
use crate::clearml::databases::{Documents, Redis, basic, until};
use crate::clearml::endpoints::Api;
use crate::clearml::mongo_address::MongoAddress;
use crate::clearml::watchdog::Watchdog;
use crate::clearml::{die, log, pre_populate, users};
use crate::support::version::Version;
use crate::support::{http, signals, switches};
use serde_json::json;
use std::io::ErrorKind;
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
    config::demand_variable("CLEARML_SERVER_DEPLOYMENT_TYPE")?;
    config::demand_variable("CLEARML_CONFIG_DIR")?;
    for (path, kind) in DEMANDED {
        config.demand(path, kind)?;
    }
    let mongo_address = MongoAddress::read(version, config::variable)?;
    log("INFO", "clearml.database", &mongo_address.said);
    let documents = |address, headers| Documents {
        address,
        headers,
        patience: Duration::ZERO,
    };
    let mongo = documents(mongo_address.address.clone(), mongo_address.headers());
    let elastic_login = config::variable("CLEARML_ELASTIC_SERVICE_USERNAME")
        .zip(config::variable("CLEARML_ELASTIC_SERVICE_PASSWORD"));
    let elastic_login = elastic_login.map(|(name, password)| basic(&name, &password));
    let elastic = documents(
        config::demand_service("ELASTIC")?,
        elastic_login.into_iter().collect(),
    );

    let redis = Redis::at(config::demand_service("REDIS")?);
    redis.wait(REDIS_PATIENCE)?;
    let failed = |error: std::io::Error| format!("redis: {error}");
    redis.lock_init().map_err(failed)?;
    let prepared = prepare(mongo, elastic);
    redis.unlock_init().map_err(failed)?;
    let Prepared {
        mongo,
        elastic,
        empty,
    } = prepared?;
    if empty {
        pre_populate::run(&config, &mongo).map_err(|error| error.to_string())?;
    }

    let (users, stopped) = users::from_config(&config, version, mongo_address.one_database);
    if let Some(reason) = stopped {
        // The real server goes on, and answers `/debug.ping`.
        log(
            "ERROR",
            "clearml.mongo",
            &format!("Failed initializing MongoDB: {reason}"),
        );
    }
    if let Some(watchdog) = Watchdog::from_config(&config) {
        watchdog.start(mongo.clone());
    }
    log("INFO", COMPONENT, &format!("listening on {ADDRESS}"));
    Ok(Api::new(version, &config, users, mongo, elastic))
}

/// The databases, ready for use.
struct Prepared {
    mongo: Documents,
    elastic: Documents,
    /// MongoDB held nothing before.
    empty: bool,
}

/// Waits for the databases and writes what every server has.
fn prepare(mut mongo: Documents, mut elastic: Documents) -> Result<Prepared, String> {
    let mut has_queue = false;
    until(MONGO_PATIENCE, || {
        has_queue = !mongo.all("queue")?.is_empty();
        Ok(())
    })
    .map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => format!("pymongo.errors.OperationFailure: {error}"),
        _ => format!(
            "pymongo.errors.ServerSelectionTimeoutError: {}: {error}",
            mongo.address
        ),
    })?;
    until(ELASTIC_PATIENCE, || elastic.all("templates").map(|_| ())).map_err(|error| {
        match error.kind() {
            ErrorKind::PermissionDenied => format!(
                "elasticsearch.exceptions.AuthenticationException: AuthenticationException(401, 'security_exception', '{error}')"
            ),
            _ => format!(
                "failed connecting to ElasticSearch at {}: {error}",
                elastic.address
            ),
        }
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
    Ok(Prepared {
        mongo,
        elastic,
        empty: !has_queue,
    })
}
