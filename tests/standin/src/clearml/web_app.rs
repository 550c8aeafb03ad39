//! Endpoints that only the web app uses.

use crate::clearml::envelope::Outcome;
use serde_json::json;

/// Handles a call; `None` if there is no such endpoint. Nothing is stored: each visit is the
/// first one of its user.
pub fn call(endpoint: &str) -> Option<Outcome> {
    Some(Ok(match endpoint {
        "users.get_preferences" => json!({"preferences": {}}),
        "users.set_preferences" => json!({"updated": 1}),
        "projects.get_user_names" => json!({"users": []}),
        "projects.get_task_tags" | "projects.get_model_tags" | "organization.get_tags" => {
            json!({"tags": [], "system_tags": []})
        }
        "projects.get_task_parents" => json!({"parents": []}),
        "tasks.get_types" => json!({"types": []}),
        "reports.get_all_ex" | "events.get_task_single_value_metrics" => json!({"tasks": []}),
        "server.report_stats_option" => json!({"enabled": false, "supported": false}),
        _ => return None,
    }))
}
