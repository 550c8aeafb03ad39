//! The values of the `clearml` chart 4.0.0: the keys, the effective values, and errors with
//! file and line.

mod access;
mod check;
mod copied;
mod defaults;
pub(crate) mod elastic;
mod error;
#[cfg(test)]
mod fixtures;
mod foreign;
pub(crate) mod keys;
mod kind;
mod layers;
mod limits;
mod lookup;
mod overrides;
mod published;
mod reference;
mod rules;
mod schema;
mod show;
mod target;
mod typed;

use helm_values::coalesce_values;
use serde_json::Value;

pub use self::access::AccessValues;
pub use self::defaults::default_file;
pub use self::error::{Error, Finding, Problem};
use self::layers::Layers;
pub use self::reference::reference;
pub use self::schema::schema;
pub use self::show::{EffectiveValue, redacted};
pub use self::target::{Controller, Target};
pub use self::typed::{
    Claim, Files, FixedUsers, Image, Pods, PullSecret, Server, ServiceType, Site, User, Values,
};
use crate::inputs::{KeptFile, SetArgument};
use crate::release::Release;

/// The inputs from which values are resolved.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub release: &'a Release,
    pub target: Target<'a>,
    /// The user's files, lowest precedence first.
    pub files: &'a [KeptFile],
    /// The user's `--set…` arguments; of each kind, the lowest precedence first.
    pub sets: &'a [SetArgument],
}

/// The effective values and their origins.
pub struct Resolved {
    /// With their types.
    pub values: Values,
    pub warnings: Vec<String>,
    /// As one tree.
    pub tree: Value,
    /// All keys, in the order of the chart's file.
    pub effective: Vec<EffectiveValue>,
}

/// Resolves the effective values.
///
/// # Errors
/// All problems of the user's values.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Resolved, Error> {
    let (mut overrides, mut problems) = overrides::read(inputs);
    let mut warnings = Vec::new();
    let mut ignored = Vec::new();
    for layer in &overrides.layers {
        let suggested = error::SHOWN.saturating_sub(problems.len());
        let found = check::layer(layer, &overrides.tree, suggested);
        problems.extend(found.problems);
        warnings.extend(found.warnings);
        ignored.extend(found.ignored);
    }
    overrides.lift_umbrella_sections();
    for (path, value) in ignored {
        overrides.remove(&path, &value);
    }
    check::remove_misplaced(&mut overrides.tree);
    warnings.extend(copied::remove_copied(&mut overrides, inputs));
    warnings.extend(elastic::adapt(&mut overrides, inputs.release));
    let defaults = Layers::defaults(inputs.release, inputs.target.profile()).merged();
    let layers = Layers::below(&overrides.tree, inputs);
    let mut tree = layers.merged();
    coalesce_values(&mut tree, &overrides.tree);
    let invalid = check::types(&tree, &|path| overrides.place(path));
    let mut valid = tree.clone();
    for (key, _) in &invalid {
        let path = keys::path(&key.path);
        let default = path.iter().fold(&defaults, |tree, name| &tree[*name]);
        keys::put(&mut valid, &path, default.clone());
    }
    let values = Values::read(&valid, inputs.release, inputs.target.namespace());
    let context = rules::Context {
        values: &values,
        tree: &valid,
        defaults: &defaults,
        overrides: &overrides,
        release: inputs.release,
        target: inputs.target,
    };
    for finding in rules::errors(&context) {
        // The default that replaces an invalid value is not the user's.
        if !invalid.iter().any(|(key, _)| finding.is_about(&key.path)) {
            let place = finding
                .place(&overrides)
                .unwrap_or_else(|| DEFAULTS.to_owned());
            problems.push(Problem::new(place, finding.what));
        }
    }
    problems.extend(invalid.into_iter().map(|(_, problem)| problem));
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    warnings.extend(rules::warnings(&context).into_iter().map(|finding| {
        let place = finding.place(&overrides);
        place.map_or(finding.what.clone(), |place| {
            format!("{place}: {}", finding.what)
        })
    }));
    Ok(Resolved {
        values,
        warnings,
        effective: show::effective_values(&tree, &defaults, &overrides, &layers),
        tree,
    })
}

/// The place in messages about a value that the user did not set.
const DEFAULTS: &str = "the defaults";

#[cfg(test)]
mod tests {
    use super::fixtures::resolve_text;
    use super::*;
    use crate::component::Component;
    use crate::release::DEFAULT;

    fn resolve_with(text: &str, sets: &[&str]) -> Result<Values, Error> {
        let resolved = resolve_text(DEFAULT, 4, None, text, sets);
        resolved.map(|resolved| resolved.values)
    }

    fn refused(text: &str, sets: &[&str]) -> String {
        let problems = resolve_with(text, sets).unwrap_err().problems;
        let lines = problems.into_iter().map(|problem| problem.to_string());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn images_come_from_the_release_and_memory_from_the_profile() {
        let values = resolve_with("", &[]).unwrap();
        assert_eq!(
            values.image(Component::Apiserver).to_string(),
            "allegroai/clearml:1.5.0"
        );
        assert_eq!(values.image(Component::Redis).to_string(), "redis:6.2");
        assert_eq!(values.elasticsearch.java_options, "-Xmx512m -Xms512m");
        assert_eq!(values.node_ports().web, 30080);
        assert_eq!(values.elasticsearch.base.claim.size, "50Gi");
    }

    #[test]
    fn set_takes_precedence_over_files_and_files_over_defaults() {
        let text = "apiserver:\n  replicaCount: 2\n  resources: {limits: {memory: 3Gi}}\n";
        let values = resolve_with(text, &["apiserver.replicaCount=3"]).unwrap();
        assert_eq!(values.apiserver.replicas, 3);
        assert_eq!(values.apiserver.pods.resources["limits"]["memory"], "3Gi");
        assert_eq!(values.apiserver.pods.resources["requests"]["cpu"], "100m");
    }

    #[test]
    fn problems_below_an_umbrella_charts_section_are_reported_together() {
        let text = "\
global: {}
clearml:
  apiserver:
    replicaCount: many
    service: {type: NodePort, nodePort: 30081}
  redis:
    image: {tag: [7]}
  elasticsearch:
    replica: 1
fileserver:
  replicaCount: few
";
        let text = refused(text, &["webserver.replicaCount=none"]);
        let expected = [
            "values.yaml:4: invalid value for `apiserver.replicaCount`",
            "values.yaml:5: ",
            "values.yaml:7: invalid value for `redis.image.tag`",
            "values.yaml:9: unknown key `elasticsearch.replica`",
            "values.yaml:11: invalid value for `fileserver.replicaCount`",
            "--set webserver.replicaCount=none: invalid value for `webserver.replicaCount`",
        ];
        for start in expected {
            let found = text.lines().any(|line| line.starts_with(start));
            assert!(found, "{start} in\n{text}");
        }
        assert!(text.contains("move them to the top level"), "{text}");
    }

    #[test]
    fn set_arguments_build_on_one_another() {
        let sets = [
            "apiserver.extraEnvs[0].name=A",
            "apiserver.extraEnvs[0].value=1",
        ];
        let values = resolve_with("", &sets).unwrap();
        let expected = serde_json::json!([{"name": "A", "value": "1"}]);
        assert_eq!(
            serde_json::json!(values.apiserver.pods.extra_envs),
            expected
        );
    }

    #[test]
    fn an_invalid_image_is_reported_with_file_and_line() {
        assert_eq!(
            refused(
                "redis:\n  image:\n    repository: team//redis\n    tag: -7\n",
                &[]
            ),
            "values.yaml:3: invalid value for `redis.image.repository`: expected an image without its tag, such as registry.example.com/team/server, got `team//redis`: invalid repository name `team//redis`: expected lowercase letters and digits, separated by `/`, `.`, `-`, `_` or `__`\n\
             values.yaml:4: invalid value for `redis.image.tag`: expected a tag, such as 1.5.0, got `-7`"
        );
        // A removed section is an error and does not leave a component without an image.
        assert!(!refused("redis: null\n", &[]).is_empty());
    }

    #[test]
    fn null_removes_a_default() {
        let values = resolve_with("redis:\n  resources: null\n", &[]).unwrap();
        assert_eq!(values.redis.base.pods.resources, serde_json::json!({}));
    }

    #[test]
    fn suggests_the_nearest_name_for_an_unknown_key() {
        assert_eq!(
            refused("apiserver:\n  service:\n    nodeprt: 30008\n", &[]),
            "values.yaml:3: unknown key `apiserver.service.nodeprt`; did you mean `apiserver.service.nodePort`?"
        );
        assert_eq!(
            refused("", &["apisever.replicaCount=1"]),
            "--set apisever.replicaCount=1: unknown key `apisever`; did you mean `apiserver`?"
        );
    }

    fn warned(text: &str, release: &str, gigabytes: u64) -> Vec<String> {
        let resolved = resolve_text(release, gigabytes, None, text, &[]);
        resolved.unwrap().warnings
    }

    #[test]
    fn keys_without_effect_are_warnings_and_unsupported_keys_are_errors() {
        assert_eq!(
            warned("ingress:\n  name: mine\n", DEFAULT, 8),
            [
                "values.yaml:2: `ingress.name` has no effect, as in chart 4.0.0: the chart names its ingresses by component"
            ]
        );
        assert!(warned("ingress:\n  name: clearml-server-ingress\n", DEFAULT, 8).is_empty());
        let refused = refused("redis:\n  cluster: {enabled: true}\n", &[]);
        assert!(
            refused.starts_with("values.yaml:2: `redis.cluster.enabled` is not supported: "),
            "{refused}"
        );
    }

    #[test]
    fn a_copy_of_the_charts_own_file_works_everywhere() {
        let mut copy = Value::Null;
        for key in keys::all() {
            if let Some(chart) = key.chart {
                keys::put(&mut copy, &keys::path(&key.path), chart.clone());
            }
        }
        let text = crate::yaml::to_string(&copy);
        let warnings = warned(&text, DEFAULT, 8);
        assert_eq!(
            warnings,
            [
                "values.yaml:32: 6 secrets are published values: the instance's own are used instead",
                "the chart's 4Gi for Elasticsearch is too much for this machine: using 2Gi instead; to use 4Gi, write 4096Mi",
            ]
        );
        assert_eq!(warned(&text, DEFAULT, 32).len(), 1);
        let same = resolve_with(&text, &[]).unwrap();
        assert_eq!(same, resolve_with("", &[]).unwrap());
    }

    #[test]
    fn an_image_of_another_version_is_refused_with_the_key_to_remove() {
        assert_eq!(
            refused("apiserver:\n  image:\n    tag: 2.3.0\n", &[]),
            "values.yaml:3: `apiserver.image.tag` is 2.3.0, but release 1.5.0 has 1.5.0: remove it, or use the release that has it: --release 2.3"
        );
        assert!(
            refused("", &["mongodb.image.repository=bitnamilegacy/mongodb"])
                .contains("remove `mongodb.image`")
        );
        assert!(resolve_with("", &["apiserver.image.tag=our-build"]).is_ok());
        let sets = [
            "mongodb.auth.enabled=true",
            "mongodb.architecture=replicaset",
        ];
        assert!(refused("", &sets).contains("needs a key file"));
    }

    #[test]
    fn invalid_values_are_refused_with_their_place() {
        for (text, message) in [
            (
                "apiserver:\n  replicaCount: many\n",
                "values.yaml:2: invalid value for `apiserver.replicaCount`: expected a whole number from 0 to 1000, got `many`",
            ),
            (
                "webserver:\n  service:\n    nodePort: 80\n",
                "values.yaml:3: invalid value for `webserver.service.nodePort`: expected a port from 30000 to 32767, got `80`",
            ),
            (
                "webserver:\n  service:\n    nodePort: 30008\n",
                "values.yaml:3: `webserver` and `apiserver` cannot both have node port 30008",
            ),
            (
                "apiserver:\n  service:\n    type: Nodeport\n",
                "values.yaml:3: invalid value for `apiserver.service.type`: expected NodePort, ClusterIP or LoadBalancer, got `Nodeport`",
            ),
            (
                "mongodb:\n  persistence:\n    size: 50 GB\n",
                "values.yaml:3: invalid value for `mongodb.persistence.size`: expected a quantity such as 50Gi, got `50 GB`; did you mean `50Gi`?",
            ),
            (
                "elasticsearch:\n  esJavaOpts: -Xmx4g -Xms4g\n  resources: {limits: {memory: 3Gi}}\n",
                "values.yaml:2: Elasticsearch's heap of 4g does not fit its memory limit of 3Gi, `elasticsearch.resources.limits.memory`",
            ),
            (
                "apiserver:\n  extraEnvs: {A: b}\n",
                "values.yaml:2: invalid value for `apiserver.extraEnvs`: expected a list of entries with name and value, got a map of keys",
            ),
            (
                "- a\n",
                "values.yaml: expected a mapping of keys to values, got a list",
            ),
        ] {
            assert_eq!(refused(text, &[]), message);
        }
    }

    #[test]
    fn all_problems_are_reported_together() {
        let problems = refused("a: 1\nb: 2\n", &["c=3"]);
        assert_eq!(problems.lines().count(), 3, "{problems}");
    }

    #[test]
    fn names_are_suggested_for_the_first_twenty_problems() {
        let wrong: String = (0..30).map(|i| format!("apiserve{i}: 1\n")).collect();
        let problems = refused(&wrong, &[]);
        let suggested = problems
            .lines()
            .filter(|line| line.contains("did you mean"));
        assert_eq!((problems.lines().count(), suggested.count()), (30, 20));
    }
}
