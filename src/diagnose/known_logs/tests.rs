use serde_json::json;

use super::ROWS;
use crate::component::Component::{
    Apiserver, Elasticsearch, Fileserver, Mongodb, Redis, Webserver,
};
use crate::diagnose::fixtures::{assert_finding, end, with_status};
use crate::diagnose::{Cause, assess, diagnose};
use crate::error::Code;

#[test]
fn known_log_lines_give_the_cause() {
    for (component, exit, line, cause, code, may_recover) in [
        (
            Elasticsearch,
            78,
            "bootstrap check failure [1] of [1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]",
            Cause::MaxMapCount,
            Code::HostTooSmall,
            false,
        ),
        (
            Elasticsearch,
            78,
            "bootstrap check failure [1] of [1]: the default discovery settings are unsuitable",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.lang.IllegalStateException: failed to obtain node locks, tried [/usr/share/elasticsearch/data]",
            Cause::DataLocked,
            Code::DataForeign,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.lang.IllegalStateException: cannot downgrade a node from version [8.17.0] to version [7.17.29]",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Elasticsearch,
            1,
            "flood stage disk watermark [95%] exceeded on [x], all indices on this node will be marked read-only",
            Cause::DiskFull,
            Code::DiskFull,
            false,
        ),
        (
            Elasticsearch,
            3,
            "java.lang.OutOfMemoryError: Java heap space",
            Cause::Heap,
            Code::ComponentOutOfMemory,
            false,
        ),
        (
            Elasticsearch,
            1,
            "unknown setting [discovery.typ] please check that any required plugins are installed",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.nio.file.AccessDeniedException: /usr/share/elasticsearch/data/nodes",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
        (
            Mongodb,
            62,
            "",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Mongodb,
            62,
            "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Mongodb,
            100,
            "IllegalOperation: Attempted to create a lock file on a read-only directory: /data/db",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
        (
            Mongodb,
            14,
            "",
            Cause::DataBroken,
            Code::ComponentCrashed,
            true,
        ),
        (
            Mongodb,
            1,
            "mkdir: No space left on device",
            Cause::DiskFull,
            Code::DiskFull,
            false,
        ),
        (
            Redis,
            1,
            "Can't open the append-only file appendonly.aof: Permission denied",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
        (
            Redis,
            1,
            "Can't handle RDB format version 12",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Redis,
            1,
            "*** FATAL CONFIG FILE ERROR (Redis 6.2) ***",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Redis,
            1,
            "Bad file format reading the append only file: make a backup",
            Cause::DataBroken,
            Code::ComponentCrashed,
            true,
        ),
        (
            Apiserver,
            1,
            "ValueError: malformed configuration in CLEARML__SECURE",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Apiserver,
            1,
            "redis.exceptions.ConnectionError: Error 111 connecting to clearml-redis-master:6379",
            Cause::Dependency,
            Code::ComponentCrashed,
            true,
        ),
        (
            Webserver,
            1,
            "nginx: [emerg] host not found in upstream \"clearml-apiserver\"",
            Cause::Dependency,
            Code::ComponentConfig,
            true,
        ),
        (
            Fileserver,
            1,
            "OSError: [Errno 28] No space left on device",
            Cause::DiskFull,
            Code::DiskFull,
            false,
        ),
        (
            Fileserver,
            1,
            "PermissionError: [Errno 13] Permission denied: '/mnt/fileserver/x'",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
    ] {
        let observation = with_status(component, json!({"state": end("Error", exit, "")}));
        let log = ["starting".to_owned(), line.to_owned()];
        assert_finding(
            &diagnose(&observation, &log).unwrap(),
            cause,
            code,
            may_recover,
        );
    }
}

#[test]
fn finds_a_running_server_that_cannot_write() {
    let observation = with_status(
        Elasticsearch,
        json!({"ready": true, "started": true, "state": {"running": {}}}),
    );
    let log = ["blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block]".to_owned()];
    let (state, finding) = assess(&observation, &log);
    assert!(state.is_ready());
    assert_finding(&finding.unwrap(), Cause::DiskFull, Code::DiskFull, false);
}

#[test]
fn advice_about_docker_is_for_our_own_node() {
    for row in ROWS {
        let ended = end("Error", row.exit.unwrap_or(1), "");
        let mut observation = with_status(row.component, json!({"state": ended}));
        observation.existing_cluster = true;
        let log = [row.lines[0].to_owned()];
        let finding = diagnose(&observation, &log).unwrap();
        for hint in &finding.hints {
            let hint = hint.to_string();
            assert!(!hint.to_lowercase().contains("docker"), "{hint}");
        }
    }
}
