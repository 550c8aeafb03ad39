//! Adjusts the limits of the host's profile that do not fit the values of the user.

use helm_values::has_value;
use serde_json::{Value, json};

use super::keys::{self, Key, elasticsearch};
use super::kind;
use crate::component::Component;
use crate::profile::Profile;
use crate::quantity::{bytes, java_bytes};

const MIB: f64 = (1 << 20) as f64;

/// Adjusts requests, limits and the heap in the layer of the profile.
pub(super) fn adjust(layer: &mut Value, user: &Value, profile: &Profile) {
    for component in Component::ALL {
        let resources = &keys::pods(component).resources;
        for what in ["cpu", "memory"] {
            let request = ValuePath::below(resources, &["requests", what]);
            let limit = ValuePath::below(resources, &["limits", what]);
            let (Some(requested), Some(limited)) =
                (request.size(layer, user), limit.size(layer, user))
            else {
                continue;
            };
            // Less than 1 MiB is a wrong unit, which is reported elsewhere.
            if requested <= limited || (what == "memory" && limited < MIB) {
                continue;
            }
            if !request.is_set(user) {
                request.set(layer, limit.at(layer, user).clone());
            } else if !limit.is_set(user) {
                limit.set(layer, request.at(layer, user).clone());
            }
        }
    }
    heap(layer, user, profile);
}

/// Keeps the heap of Elasticsearch at half of its limit, as in every profile.
fn heap(layer: &mut Value, user: &Value, profile: &Profile) {
    let options = ValuePath::below(&elasticsearch::ES_JAVA_OPTS, &[]);
    let limit = ValuePath::below(&elasticsearch::PODS.resources, &["limits", "memory"]);
    let heap = kind::text(options.at(layer, user));
    let heap = heap.as_deref().and_then(heap_of).and_then(java_bytes);
    let (Some(heap), Some(limited)) = (heap, limit.size(layer, user)) else {
        return;
    };
    if heap < limited {
        return;
    }
    if !limit.is_set(user) {
        limit.set(layer, json!(format!("{:.0}Mi", 2.0 * heap / MIB)));
    } else if !options.is_set(user) {
        let fitting = format!("{:.0}m", (limited / 2.0 / MIB).floor());
        options.set(layer, json!(profile.java_options_with(&fitting)));
    }
}

/// The path of a value that the user or the profile sets.
struct ValuePath(Vec<&'static str>);

impl ValuePath {
    fn below<T>(key: &Key<T>, names: &[&'static str]) -> ValuePath {
        ValuePath(key.steps().chain(names.iter().copied()).collect())
    }

    fn is_set(&self, user: &Value) -> bool {
        has_value(user, &self.0)
    }

    /// Returns the user's value, or else the profile's.
    fn at<'a>(&self, layer: &'a Value, user: &'a Value) -> &'a Value {
        let tree = if self.is_set(user) { user } else { layer };
        self.0.iter().fold(tree, |tree, step| &tree[*step])
    }

    fn size(&self, layer: &Value, user: &Value) -> Option<f64> {
        let text = kind::text(self.at(layer, user));
        text.as_deref().and_then(bytes)
    }

    fn set(&self, layer: &mut Value, value: Value) {
        keys::put(layer, &self.0, value);
    }
}

/// Extracts the heap size from Java options, of which the last one applies.
pub(super) fn heap_of(options: &str) -> Option<&str> {
    let options = options.split_whitespace();
    options
        .filter_map(|option| option.strip_prefix("-Xmx"))
        .next_back()
}

#[cfg(test)]
mod tests {
    use crate::release::DEFAULT;
    use crate::values::fixtures::resolve_text;

    #[test]
    fn limits_of_the_profile_are_adjusted_to_a_heap_or_a_request() {
        let of = |text: &str| {
            let resolved = resolve_text(DEFAULT, 16, None, text, &[]).unwrap();
            let elastic = &resolved.values.elasticsearch;
            let memory = |kind: &str| elastic.base.pods.resources[kind]["memory"].clone();
            (
                elastic.java_options.clone(),
                memory("requests"),
                memory("limits"),
            )
        };
        let (_, request, limit) = of("elasticsearch: {esJavaOpts: -Xmx3g}\n");
        assert_eq!(
            (request.as_str(), limit.as_str()),
            (Some("512Mi"), Some("6144Mi"))
        );
        let (_, request, limit) = of("elasticsearch: {resources: {requests: {memory: 3Gi}}}\n");
        assert_eq!(
            (request.as_str(), limit.as_str()),
            (Some("3Gi"), Some("3Gi"))
        );
        let (options, request, limit) =
            of("elasticsearch: {resources: {limits: {memory: 500Mi}}}\n");
        assert_eq!(options, "-Xmx250m -Xms250m");
        assert_eq!(
            (request.as_str(), limit.as_str()),
            (Some("500Mi"), Some("500Mi"))
        );
    }
}
