//! Failures without a recorded observation, and where their decision is tested instead. An entry
//! goes away when its observation is recorded.

/// A failure, the test that decides it, and why there is no recorded observation.
pub const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "agent-certificate-untrusted",
        "src/diagnose/agent.rs::pods_that_cannot_reach_the_server_say_why",
        "the pods of agents are observed apart from those of components",
    ),
    (
        "agent-lost",
        "src/agent/overview.rs::names_tasks_whose_agent_died",
        "needs a server with tasks and workers",
    ),
    (
        "agent-name-unknown",
        "src/diagnose/agent.rs::pods_that_cannot_reach_the_server_say_why",
        "the pods of agents are observed apart from those of components",
    ),
    (
        "agent-not-ready",
        "src/agent/error.rs::an_agent_that_is_late_has_its_own_failure",
        "means that nothing else is known",
    ),
    (
        "another-instance",
        "src/provider/local/recovery/owner.rs::a_node_with_other_data_belongs_to_another_instance",
        "needs a node and its data",
    ),
    (
        "api-not-ready",
        "src/provider/local/api.rs::an_api_that_does_not_become_ready_is_named_with_what_fails",
        "needs an engine and an API",
    ),
    (
        "api-unreachable",
        "tests/commands/status.rs::an_unresponsive_cluster_and_server_are_reported_in_time",
        "an API that does not answer has no answer",
    ),
    (
        "certificates-expired",
        "src/health/instance/tests.rs::an_instance_is_ready_if_its_components_and_its_checks_are",
        "a certificate expires after a year",
    ),
    (
        "certificates-not-renewed",
        "src/provider/local/node/certificates.rs::a_certificate_for_a_previous_address_is_renewed",
        "needs commands in a node",
    ),
    (
        "change-impossible",
        "src/up/apply.rs::a_volume_that_cannot_shrink_is_refused_before_anything_is_applied",
        "needs a cluster with a claim",
    ),
    (
        "component-crashes",
        "src/diagnose/runs/tests.rs::three_restarts_with_an_error_are_permanent",
        "caused in a real node by tests/e2e/trouble.rs",
    ),
    (
        "component-evicted",
        "src/diagnose/runs/tests.rs::an_evicted_pod_and_a_refused_pod_are_findings",
        "Kubernetes replaces the pod too fast to record it",
    ),
    (
        "component-not-ready",
        "src/diagnose/failure.rs::a_failure_shows_the_last_event_and_the_last_log_lines",
        "means that nothing else is known",
    ),
    (
        "component-probe-failed",
        "src/diagnose/runs/tests.rs::three_restarts_with_an_error_are_permanent",
        "caused in a real node by tests/e2e/named.rs with --full",
    ),
    (
        "credentials-refused",
        "src/kube/context/tests.rs::runs_a_credential_plugin_once_until_its_token_ends",
        "needs a server that checks credentials",
    ),
    (
        "data-cannot-move",
        "src/provider/local/preflight/mod.rs::refuses_to_abandon_data",
        "needs a node and its data",
    ),
    (
        "data-copy-failed",
        "src/provider/local/data.rs::a_failed_copy_always_has_a_reason",
        "needs commands in a container",
    ),
    (
        "data-directory-not-shared",
        "src/provider/local/preflight/inside.rs::refuses_a_data_directory_that_is_not_mounted_at_the_same_path",
        "needs a program in a container",
    ),
    (
        "docker-connection-lost",
        "tests/faults/node.rs::after_a_fault_in_any_command_the_next_up_is_ready",
        "a connection that breaks has no answer",
    ),
    (
        "experiment-failed",
        "src/verify/tests.rs::every_call_may_fail",
        "needs a server that answers",
    ),
    (
        "experiment-not-removed",
        "src/verify/tests.rs::every_call_may_fail",
        "needs a server that answers",
    ),
    (
        "external-check-failed",
        "src/up/external.rs::an_incomplete_result_is_an_error",
        "decided from the result of a script in a pod",
    ),
    (
        "external-localhost",
        "src/up/external.rs::every_failure_is_reported_with_a_hint",
        "decided from the result of a script in a pod",
    ),
    (
        "external-login-refused",
        "tests/e2e/external.rs::external_databases_are_checked_and_then_used",
        "caused in a real node",
    ),
    (
        "external-name-not-resolved",
        "tests/e2e/external.rs::external_databases_are_checked_and_then_used",
        "caused in a real node",
    ),
    (
        "external-secret-missing",
        "tests/e2e/external.rs::external_databases_are_checked_and_then_used",
        "caused in a real node",
    ),
    (
        "external-starting",
        "src/up/external.rs::every_failure_is_reported_with_a_hint",
        "decided from the result of a script in a pod",
    ),
    (
        "external-unreachable",
        "tests/e2e/external.rs::external_databases_are_checked_and_then_used",
        "caused in a real node",
    ),
    (
        "forward-failed",
        "src/forward/background.rs::a_process_that_ends_at_its_start_is_an_error_with_its_output",
        "needs a process that ends at its start",
    ),
    (
        "forward-running",
        "tests/e2e/forward.rs::forwarded_ports_lead_to_ready_pods",
        "needs a server",
    ),
    (
        "gpus-unavailable",
        "src/agent/error.rs::gpus_that_no_node_offers_are_named",
        "needs a running server",
    ),
    (
        "image-digest-mismatch",
        "tests/e2e/images.rs::a_wrong_layer_is_never_accepted",
        "caused with a real registry",
    ),
    (
        "image-load-failed",
        "tests/faults/node.rs::an_interrupted_load_of_images_continues",
        "needs a node",
    ),
    (
        "ingress-check-failed",
        "src/probe/mod.rs::a_failure_states_what_fails_and_where_to_look",
        "needs a server that answers",
    ),
    (
        "kubeadm-failed",
        "src/provider/local/node/kubeadm.rs::the_kubelets_reason_comes_first",
        "needs a node",
    ),
    (
        "max-map-count-too-low",
        "src/diagnose/known_logs/tests.rs::known_log_lines_give_the_cause",
        "the setting is that of the machine",
    ),
    (
        "name-not-resolved",
        "src/diagnose/known_logs/tests.rs::known_log_lines_give_the_cause",
        "caused in a real node by tests/e2e/named.rs with --full",
    ),
    (
        "namespace-missing",
        "src/provider/existing/preflight/checks/tests.rs::a_missing_namespace_must_be_created_by_someone",
        "needs a cluster that allows one request and denies another",
    ),
    (
        "node-command-failed",
        "src/docker/error.rs::the_error_of_a_command_states_its_purpose_and_the_reason",
        "needs commands in a node",
    ),
    (
        "node-exited",
        "tests/e2e/node_images.rs::unsuitable_node_images_are_named_one_after_the_other",
        "caused with a real engine",
    ),
    (
        "node-image-unsuitable",
        "tests/e2e/node_images.rs::unsuitable_node_images_are_named_one_after_the_other",
        "caused with a real engine",
    ),
    (
        "node-port-out-of-range",
        "src/provider/existing/preflight/checks/tests.rs::node_ports_must_be_free",
        "values refuse such a port first",
    ),
    (
        "node-service-failed",
        "src/provider/local/node/services.rs::started_and_failed_units_are_reported",
        "needs a node",
    ),
    (
        "node-under-pressure",
        "src/diagnose/placement.rs::an_unschedulable_pod_is_permanent_after_a_few_seconds",
        "a full disk of the node is one of the machine",
    ),
    (
        "not-restartable",
        "src/restart.rs::a_component_that_cannot_be_restarted_is_refused",
        "needs a server",
    ),
    (
        "owners-not-stored",
        "src/provider/local/preflight/data_dir.rs::refuses_a_file_system_that_does_not_store_owners",
        "needs such a file system",
    ),
    (
        "pod-address-conflict",
        "tests/e2e/damaged.rs::two_pods_have_one_address",
        "caused in a real node",
    ),
    (
        "published-ports-refused",
        "tests/e2e/damaged.rs::a_published_port_is_silent",
        "caused in a real node",
    ),
    (
        "queue-without-agent",
        "src/agent/overview.rs::names_queues_whose_tasks_nobody_takes",
        "needs a server with tasks and workers",
    ),
    (
        "registry-credentials-unreadable",
        "src/docker/credentials.rs::a_missing_helper_is_reported_with_the_configuration_file",
        "a warning; an error only if the registry then refuses",
    ),
    (
        "runs-in-container",
        "src/provider/local/preflight/inside.rs::refuses_a_container_without_the_hosts_network",
        "needs a program in a container",
    ),
    (
        "server-certificate-untrusted",
        "src/probe/mod.rs::an_unknown_certificate_authority_has_its_own_hint",
        "needs a server that answers",
    ),
    (
        "server-check-failed",
        "src/probe/mod.rs::a_failure_states_what_fails_and_where_to_look",
        "needs a server that answers",
    ),
    (
        "unexpected",
        "src/kube/apply/tests.rs::a_kind_that_is_not_in_the_table_is_discovered_once",
        "needs an object of a kind that the program does not render",
    ),
    (
        "untrusted-file",
        "tests/commands/planted.rs::a_settings_file_of_another_user_is_refused",
        "needs a file of another user",
    ),
];
