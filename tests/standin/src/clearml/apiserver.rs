//! The API server: it starts in the same order and with the same timeouts as the real
//! one.

use crate::clearml::config::{self, Config};
use crate::clearml::databases::{Documents, Redis, basic, retry};
use crate::clearml::endpoints::Api;
use crate::clearml::mongo_address::MongoAddress;
use crate::clearml::watchdog::Watchdog;
use crate::clearml::{fail, log, pre_populate, users};
use crate::support::version::Version;
use crate::support::{http, signals, switches};
use serde_json::json;
use std::io::ErrorKind;
use std::time::Duration;

const COMPONENT: &str = "clearml.apiserver";
const ADDRESS: &str = "0.0.0.0:8008";

/// How long the server waits for each database at start.
const REDIS_TIMEOUT: Duration = Duration::from_secs(3);
const MONGO_TIMEOUT: Duration = Duration::from_secs(35);
const ELASTIC_TIMEOUT: Duration = Duration::from_secs(94);

/// Settings that the chart sets in addition to the databases' addresses: paths and
/// types.
const REQUIRED: &[(&str, &str)] = &[
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

/// Runs until SIGTERM and returns the exit code.
pub fn run() -> u8 {
    match switches::misbehave(None) {
        0 => {}
        code => return code,
    }
    signals::on_terminate(|| 0);
    match start() {
        Ok(api) => match http::serve(ADDRESS, move |request| api.handle(&request)) {
            Ok(()) => 0,
            Err(error) => fail(COMPONENT, &format!("{ADDRESS}: {error}")),
        },
        Err(error) => fail(COMPONENT, &error),
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
    config::require_variable("CLEARML_SERVER_DEPLOYMENT_TYPE")?;
    config::require_variable("CLEARML_CONFIG_DIR")?;
    for (path, kind) in REQUIRED {
        config.require(path, kind)?;
    }
    let mongo_address = MongoAddress::read(version, config::variable)?;
    log("INFO", "clearml.database", &mongo_address.log_message);
    let documents = |address, headers| Documents {
        address,
        headers,
        timeout: Duration::ZERO,
    };
    let mongo = documents(mongo_address.address.clone(), mongo_address.headers());
    let elastic_login = config::variable("CLEARML_ELASTIC_SERVICE_USERNAME")
        .zip(config::variable("CLEARML_ELASTIC_SERVICE_PASSWORD"));
    let elastic_login = elastic_login.map(|(name, password)| basic(&name, &password));
    let elastic = documents(
        config::require_service("ELASTIC")?,
        elastic_login.into_iter().collect(),
    );

    let redis = Redis::at(config::require_service("REDIS")?);
    redis.wait(REDIS_TIMEOUT)?;
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

    let (users, failure) = users::from_config(&config, version, mongo_address.one_database);
    if let Some(reason) = failure {
        // The real server continues, and responds to `/debug.ping`.
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

/// The prepared databases.
struct Prepared {
    mongo: Documents,
    elastic: Documents,
    /// Whether MongoDB was empty.
    empty: bool,
}

/// Waits for the databases and creates the initial documents.
fn prepare(mut mongo: Documents, mut elastic: Documents) -> Result<Prepared, String> {
    let mut has_queue = false;
    retry(MONGO_TIMEOUT, || {
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
    retry(ELASTIC_TIMEOUT, || elastic.all("templates").map(|_| ())).map_err(|error| {
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
    // From now on, calls use the timeouts of the drivers.
    let timeout = Duration::from_secs(if switches::real_times() { 30 } else { 5 });
    mongo.timeout = timeout;
    elastic.timeout = timeout;
    Ok(Prepared {
        mongo,
        elastic,
        empty: !has_queue,
    })
}
