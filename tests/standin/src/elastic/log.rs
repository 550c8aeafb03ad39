//! Elasticsearch's log: JSON lines, with another format since version 8.

use crate::support::clock;
use crate::support::version::Version;
use serde_json::json;

pub fn info(version: Version, component: &str, message: &str) {
    let line = if version.major < 8 {
        json!({"type": "server", "timestamp": stamp(), "level": "INFO", "component": component, "message": message})
    } else {
        json!({"@timestamp": stamp(), "log.level": "INFO", "message": message, "log.logger": component})
    };
    println!("{line}");
}

/// Prints the error that stops the start.
pub fn fatal(version: Version, kind: &str, message: &str) {
    if version.major < 8 {
        let line = json!({"type": "server", "timestamp": stamp(), "level": "ERROR", "component": "o.e.b.ElasticsearchUncaughtExceptionHandler", "message": "uncaught exception in thread [main]", "stacktrace": [format!("org.elasticsearch.bootstrap.StartupException: {kind}: {message}")]});
        println!("{line}");
        eprintln!("uncaught exception in thread [main]\n{kind}: {message}");
    } else {
        let line = json!({"@timestamp": stamp(), "log.level": "ERROR", "message": "fatal exception while booting Elasticsearch", "log.logger": "org.elasticsearch.bootstrap.Elasticsearch", "error.type": kind, "error.message": message});
        println!("{line}");
        eprintln!(
            "ERROR: Elasticsearch did not exit normally - check the logs at /usr/share/elasticsearch/logs/docker-cluster.log"
        );
    }
}

fn stamp() -> String {
    clock::iso().replace('.', ",") + "Z"
}
