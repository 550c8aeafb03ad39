//! The values of the `clearml` chart 4.0.0: what a user may say, what is in
//! force, and errors that name file and line.

mod brief;
mod check;
mod copied;
mod defaults;
pub(crate) mod elastic;
mod error;
mod hocon;
mod keys;
mod kind;
mod layers;
mod limits;
mod lookup;
mod newer;
mod overrides;
mod published;
mod reference;
mod rules;
mod schema;
mod show;
mod typed;

use helm_values::coalesce_values;
use serde_json::Value;

pub use self::brief::Brief;
pub use self::defaults::default_file;
pub use self::error::{Error, Finding, Problem};
use self::layers::Layers;
pub use self::reference::reference;
pub use self::schema::schema;
pub use self::show::{InForce, redacted};
pub use self::typed::{
    Claim, Files, FixedUsers, Image, Pods, PullSecret, Server, ServiceType, Site, User, Values,
};
use crate::inputs::{KeptFile, SetArgument};
use crate::profile::Profile;
use crate::release::Release;

/// What values are resolved from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub release: &'a Release,
    /// The profile, whose memory is the default.
    pub profile: &'a Profile,
    /// The user's files, weakest first.
    pub files: &'a [KeptFile],
    /// The user's `--set…` arguments; of each kind the weakest first.
    pub sets: &'a [SetArgument],
    /// The instance's ingress controller, where it has one (`--with-ingress`).
    pub controller: Option<Controller>,
}

/// An ingress controller in the node, as far as values depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Controller {
    /// The class of ingresses that it serves.
    pub class: &'static str,
    /// The node ports that it takes.
    pub node_ports: [u16; 2],
}

/// The values in force, and where they come from.
pub struct Resolved {
    /// With their types.
    pub values: Values,
    /// What a person should know, and that stops nothing.
    pub warnings: Vec<String>,
    /// As one tree.
    pub tree: Value,
    /// Every key, in the order of the chart's file.
    pub in_force: Vec<InForce>,
}

/// Works out the values in force.
///
/// # Errors
/// Everything that is wrong with the values of the user, at once.
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
    overrides.lift_wrapped();
    for (path, value) in ignored {
        overrides.forget(&path, &value);
    }
    check::without_misplaced(&mut overrides.tree);
    warnings.extend(copied::unmeant(&mut overrides, inputs));
    warnings.extend(elastic::adapt(&mut overrides, inputs.release));
    let defaults = Layers::defaults(inputs.release, inputs.profile).merged();
    let layers = Layers::below(&overrides.tree, inputs);
    let mut tree = layers.merged();
    coalesce_values(&mut tree, &overrides.tree);
    let invalid = check::types(&tree, &|path| overrides.place(path));
    let mut fitting = tree.clone();
    for (key, _) in &invalid {
        let path = keys::path(&key.path);
        let default = path.iter().fold(&defaults, |tree, name| &tree[*name]);
        keys::put(&mut fitting, &path, default.clone());
    }
    let values = Values::read(&fitting, inputs.release);
    let context = rules::Context {
        values: &values,
        tree: &fitting,
        defaults: &defaults,
        overrides: &overrides,
        release: inputs.release,
        controller: inputs.controller.as_ref(),
    };
    for finding in rules::broken(&context) {
        // What stands in the place of an invalid value is not the user's.
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
    warnings.extend(rules::doubtful(&context).into_iter().map(|finding| {
        let place = finding.place(&overrides);
        place.map_or(finding.what.clone(), |place| {
            format!("{place}: {}", finding.what)
        })
    }));
    Ok(Resolved {
        values,
        warnings,
        in_force: show::in_force(&tree, &defaults, &overrides, &layers),
        tree,
    })
}

/// The place of a value that the user did not set.
const DEFAULTS: &str = "the defaults";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Component;
    use crate::inputs::SetKind;
    use crate::release::{Catalogue, DEFAULT};

    fn resolve_with(text: &str, sets: &[&str]) -> Result<Values, Error> {
        let file = KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        };
        let sets: Vec<SetArgument> = sets
            .iter()
            .map(|text| SetArgument::new(SetKind::Set, *text))
            .collect();
        let resolved = resolve(&Inputs {
            release: &Catalogue::builtin().find(DEFAULT).unwrap(),
            profile: &Profile::for_machine(4_000_000_000),
            files: &[file],
            sets: &sets,
            controller: None,
        });
        resolved.map(|resolved| resolved.values)
    }

    fn refused(text: &str, sets: &[&str]) -> String {
        let problems = resolve_with(text, sets).unwrap_err().problems;
        let lines = problems.into_iter().map(|problem| problem.to_string());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_release_gives_the_images_and_the_profile_the_memory() {
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
    fn set_wins_over_files_and_files_over_defaults() {
        let text = "apiserver:\n  replicaCount: 2\n  resources: {limits: {memory: 3Gi}}\n";
        let values = resolve_with(text, &["apiserver.replicaCount=3"]).unwrap();
        assert_eq!(values.apiserver.replicas, 3);
        assert_eq!(values.apiserver.pods.resources["limits"]["memory"], "3Gi");
        assert_eq!(values.apiserver.pods.resources["requests"]["cpu"], "100m");
    }

    #[test]
    fn what_is_wrong_below_an_umbrella_charts_section_is_said_at_once() {
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
        let begins = [
            "values.yaml:4: invalid value for `apiserver.replicaCount`",
            "values.yaml:5: ",
            "values.yaml:7: invalid value for `redis.image.tag`",
            "values.yaml:9: unknown key `elasticsearch.replica`",
            "values.yaml:11: invalid value for `fileserver.replicaCount`",
            "--set webserver.replicaCount=none: invalid value for `webserver.replicaCount`",
        ];
        for begin in begins {
            let is_there = text.lines().any(|line| line.starts_with(begin));
            assert!(is_there, "{begin} in\n{text}");
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
    fn an_image_that_cannot_be_read_is_told_with_file_and_line() {
        assert_eq!(
            refused(
                "redis:\n  image:\n    repository: team//redis\n    tag: -7\n",
                &[]
            ),
            "values.yaml:3: invalid value for `redis.image.repository`: expected an image without its tag, such as registry.example.com/team/server, got `team//redis`: invalid repository name `team//redis`: expected lowercase letters and digits, separated by `/`, `.`, `-`, `_` or `__`\n\
             values.yaml:4: invalid value for `redis.image.tag`: expected a tag, such as 1.5.0, got `-7`"
        );
        // Of a section that is taken away something is told, and nothing is without an image.
        assert!(!refused("redis: null\n", &[]).is_empty());
    }

    #[test]
    fn null_takes_a_default_away() {
        let values = resolve_with("redis:\n  resources: null\n", &[]).unwrap();
        assert_eq!(values.redis.base.pods.resources, serde_json::json!({}));
    }

    #[test]
    fn an_unknown_key_gets_the_nearest_name_with_file_and_line() {
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
        let file = KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        };
        let resolved = resolve(&Inputs {
            release: &Catalogue::builtin().find(release).unwrap(),
            profile: &Profile::for_machine(gigabytes * 1_000_000_000),
            files: &[file],
            sets: &[],
            controller: None,
        });
        resolved.unwrap().warnings
    }

    #[test]
    fn what_did_nothing_in_the_chart_is_said_and_what_broke_is_refused() {
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
    fn an_image_of_another_version_says_what_to_drop() {
        assert_eq!(
            refused("apiserver:\n  image:\n    tag: 2.3.0\n", &[]),
            "values.yaml:3: `apiserver.image.tag` is 2.3.0, but release 1.5.0 has 1.5.0: remove it, or use the release that has it: --release 2.3"
        );
        assert!(
            refused("", &["mongodb.image.repository=bitnamilegacy/mongodb"])
                .contains("remove `mongodb.image`")
        );
        assert!(resolve_with("", &["apiserver.image.tag=our-build"]).is_ok());
        let both = [
            "mongodb.auth.enabled=true",
            "mongodb.architecture=replicaset",
        ];
        assert!(refused("", &both).contains("needs a key file"));
    }

    #[test]
    fn wrong_values_are_refused_with_their_place() {
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
    fn all_problems_are_told_at_once() {
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
