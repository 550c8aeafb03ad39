use serde_json::json;

use super::ROWS;
use crate::component::Component::{
    Apiserver, Elasticsearch, Fileserver, Mongodb, Redis, Webserver,
};
use crate::diagnose::fixtures::{assert_finding, end, with_status};
use crate::diagnose::{assess, diagnose};
use crate::failures::Failure;

#[test]
fn known_log_lines_give_the_cause() {
    for (component, exit, line, failure, may_recover) in [
        (
            Elasticsearch,
            78,
            "bootstrap check failure [1] of [1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]",
            Failure::MaxMapCount,
            false,
        ),
        (
            Elasticsearch,
            78,
            "bootstrap check failure [1] of [1]: the default discovery settings are unsuitable",
            Failure::ComponentSettings,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.lang.IllegalStateException: failed to obtain node locks, tried [/usr/share/elasticsearch/data]",
            Failure::DataLocked,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.lang.IllegalStateException: cannot downgrade a node from version [8.17.0] to version [7.17.29]",
            Failure::DataVersion,
            false,
        ),
        (
            Elasticsearch,
            1,
            "flood stage disk watermark [95%] exceeded on [x], all indices on this node will be marked read-only",
            Failure::DataDiskFull,
            false,
        ),
        (
            Elasticsearch,
            3,
            "java.lang.OutOfMemoryError: Java heap space",
            Failure::HeapTooSmall,
            false,
        ),
        (
            Elasticsearch,
            1,
            "unknown setting [discovery.typ] please check that any required plugins are installed",
            Failure::ComponentSettings,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.nio.file.AccessDeniedException: /usr/share/elasticsearch/data/nodes",
            Failure::DataOwner,
            false,
        ),
        (Mongodb, 62, "", Failure::DataVersion, false),
        (
            Mongodb,
            62,
            "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document",
            Failure::DataVersion,
            false,
        ),
        (
            Mongodb,
            100,
            "IllegalOperation: Attempted to create a lock file on a read-only directory: /data/db",
            Failure::DataOwner,
            false,
        ),
        (Mongodb, 14, "", Failure::DataCorrupt, true),
        (
            Mongodb,
            1,
            "mkdir: No space left on device",
            Failure::DataDiskFull,
            false,
        ),
        (
            Redis,
            1,
            "Can't open the append-only file appendonly.aof: Permission denied",
            Failure::DataOwner,
            false,
        ),
        (
            Redis,
            1,
            "Can't handle RDB format version 12",
            Failure::DataVersion,
            false,
        ),
        (
            Redis,
            1,
            "*** FATAL CONFIG FILE ERROR (Redis 6.2) ***",
            Failure::ComponentSettings,
            false,
        ),
        (
            Redis,
            1,
            "Bad file format reading the append only file: make a backup",
            Failure::DataCorrupt,
            true,
        ),
        (
            Apiserver,
            1,
            "ValueError: malformed configuration in CLEARML__SECURE",
            Failure::ComponentSettings,
            false,
        ),
        (
            Apiserver,
            1,
            "redis.exceptions.ConnectionError: Error 111 connecting to clearml-redis-master:6379",
            Failure::DependencyUnavailable,
            true,
        ),
        (
            Webserver,
            1,
            "nginx: [emerg] host not found in upstream \"clearml-apiserver\"",
            Failure::NameNotResolved,
            true,
        ),
        (
            Fileserver,
            1,
            "OSError: [Errno 28] No space left on device",
            Failure::DataDiskFull,
            false,
        ),
        (
            Fileserver,
            1,
            "PermissionError: [Errno 13] Permission denied: '/mnt/fileserver/x'",
            Failure::DataOwner,
            false,
        ),
    ] {
        let observation = with_status(component, json!({"state": end("Error", exit, "")}));
        let log = ["starting".to_owned(), line.to_owned()];
        assert_finding(&diagnose(&observation, &log).unwrap(), failure, may_recover);
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
    assert_finding(&finding.unwrap(), Failure::DataDiskFull, false);
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
