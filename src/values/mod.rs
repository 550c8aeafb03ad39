//! The values of the `clearml` chart 4.0.0: what a user may say, what is in
//! force, and errors that name file and line.

mod check;
mod difference;
mod error;
mod grammar;
mod json;
mod keys;
mod merge;
mod quantity;
mod said;
mod set;
mod typed;

use serde_json::Value;

pub use self::difference::{Difference, Refused};
pub use self::error::{Error, Problem};
pub use self::merge::coalesce;
use self::said::Layer;
pub use self::said::{LARGEST_FILE, merged};
pub use self::set::named_files;
pub use self::typed::{Database, Image, Server, Service, ServiceType, Values};
use crate::component::Component;
use crate::profile::Profile;
use crate::release::Release;
use crate::settings::{KeptFile, SetArgument};

/// Where values come from, weakest first: the chart, the release, the profile,
/// the files, `--set`.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The release, whose images are the default.
    pub release: &'a Release,
    /// The profile, whose memory is the default.
    pub profile: &'a Profile,
    /// The user's files, weakest first.
    pub files: &'a [KeptFile],
    /// The user's `--set…` arguments; of each kind the weakest first.
    pub sets: &'a [SetArgument],
}

/// Works out the values in force.
///
/// # Errors
/// Everything that is wrong with what the user said, at once.
pub fn resolve(inputs: &Inputs<'_>) -> Result<Values, Error> {
    let (said, mut problems) = said::said(inputs);
    let mut whole = true;
    for layer in &said.layers {
        whole &= check::layer(layer, &mut problems);
    }
    if !whole {
        // What stands in the place of a whole component would be told again for
        // each of its keys.
        return Err(Error { problems });
    }
    let mut tree = defaults(inputs);
    coalesce(&mut tree, &said.tree);
    let place = |path: &[&str]| {
        said.place(path)
            .unwrap_or_else(|| "the defaults".to_owned())
    };
    let (values, wrong) = typed::from_tree(&tree, &place);
    problems.extend(wrong);
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(Error { problems })
    }
}

/// The chart's values, the release's images and the profile's resources.
fn defaults(inputs: &Inputs<'_>) -> Value {
    let mut tree = keys::chart_defaults();
    for component in Component::ALL {
        let image = inputs.release.image(component);
        let name = component.name();
        tree[name]["image"]["repository"] = Value::String(image.repository.clone());
        tree[name]["image"]["tag"] = Value::String(image.tag.clone());
        tree[name]["image"]["pullPolicy"] = Value::String("IfNotPresent".into());
        tree[name]["resources"] = inputs.profile.resources(component);
    }
    tree["elasticsearch"]["esJavaOpts"] = Value::String(inputs.profile.java_options());
    // The chart's list is part of the templates, in what each version accepts of it.
    tree["elasticsearch"]["extraEnvs"] = Value::Array(Vec::new());
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Catalogue, DEFAULT};
    use crate::settings::SetKind;

    fn resolve_with(text: &str, sets: &[&str]) -> Result<Values, Error> {
        let file = KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        };
        let sets: Vec<SetArgument> = sets
            .iter()
            .map(|text| SetArgument::new(SetKind::Set, *text))
            .collect();
        resolve(&Inputs {
            release: &Catalogue::builtin().find(DEFAULT).unwrap(),
            profile: &Profile::for_machine(4_000_000_000),
            files: &[file],
            sets: &sets,
        })
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
            values.image(Component::Apiserver),
            "allegroai/clearml:1.5.0"
        );
        assert_eq!(values.image(Component::Redis), "redis:6.2");
        assert_eq!(values.java_options, "-Xmx512m -Xms512m");
        assert_eq!(values.node_ports().web, 30080);
        assert_eq!(values.elasticsearch.size, "50Gi");
    }

    #[test]
    fn set_wins_over_files_and_files_over_defaults() {
        let text = "apiserver:\n  replicaCount: 2\n  resources: {limits: {memory: 3Gi}}\n";
        let values = resolve_with(text, &["apiserver.replicaCount=3"]).unwrap();
        assert_eq!(values.apiserver.replicas, 3);
        assert_eq!(values.apiserver.resources["limits"]["memory"], "3Gi");
        assert_eq!(values.apiserver.resources["requests"]["cpu"], "100m");
    }

    #[test]
    fn set_arguments_build_on_one_another() {
        let sets = [
            "apiserver.extraEnvs[0].name=A",
            "apiserver.extraEnvs[0].value=1",
        ];
        let values = resolve_with("", &sets).unwrap();
        let expected = serde_json::json!([{"name": "A", "value": "1"}]);
        assert_eq!(serde_json::json!(values.apiserver.extra_envs), expected);
    }

    #[test]
    fn null_takes_a_default_away() {
        let values = resolve_with("redis:\n  resources: null\n", &[]).unwrap();
        assert_eq!(values.redis.resources, serde_json::json!({}));
    }

    #[test]
    fn an_unknown_key_gets_the_nearest_name_with_file_and_line() {
        assert_eq!(
            refused("apiserver:\n  service:\n    nodeprt: 30008\n", &[]),
            "values.yaml:3: there is no key `apiserver.service.nodeprt`; did you mean `apiserver.service.nodePort`?"
        );
        assert_eq!(
            refused("", &["apisever.replicaCount=1"]),
            "--set apisever.replicaCount=1: there is no key `apisever`; did you mean `apiserver`?"
        );
    }

    #[test]
    fn a_key_of_the_chart_without_effect_yet_is_refused_unless_it_says_the_default() {
        assert_eq!(
            refused("ingress:\n  app:\n    enabled: true\n", &[]),
            "values.yaml:3: `ingress.app.enabled` is not supported yet"
        );
        assert!(resolve_with("ingress:\n  app:\n    enabled: false\n", &[]).is_ok());
    }

    #[test]
    fn wrong_values_are_refused_with_their_place() {
        for (text, message) in [
            (
                "apiserver:\n  replicaCount: many\n",
                "values.yaml:2: `apiserver.replicaCount` is to be a whole number from 0 on, not `\"many\"`",
            ),
            (
                "webserver:\n  service:\n    nodePort: 80\n",
                "values.yaml:3: `webserver.service.nodePort` is to be a port from 30000 to 32767, not `80`",
            ),
            (
                "webserver:\n  service:\n    nodePort: 30008\n",
                "values.yaml:3: `webserver` and `apiserver` cannot both have node port 30008",
            ),
            (
                "apiserver:\n  service:\n    type: Nodeport\n",
                "values.yaml:3: `apiserver.service.type` is to be NodePort, ClusterIP or LoadBalancer, not `\"Nodeport\"`",
            ),
            (
                "mongodb:\n  persistence:\n    size: 50 GB\n",
                "values.yaml:3: `mongodb.persistence.size` is to be a quantity such as 50Gi, not `\"50 GB\"`",
            ),
            (
                "elasticsearch:\n  esJavaOpts: -Xmx4g -Xms4g\n",
                "values.yaml:2: Elasticsearch's heap of 4g does not fit its memory limit of 1Gi",
            ),
            (
                "apiserver:\n  extraEnvs: {A: b}\n",
                "values.yaml:2: `apiserver.extraEnvs` is to be a list of name and value, not `{\"A\":\"b\"}`",
            ),
            ("- a\n", "values.yaml: it holds no keys and values"),
        ] {
            assert_eq!(refused(text, &[]), message);
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = refused("a: 1\nb: 2\n", &["c=3"]);
        assert_eq!(problems.lines().count(), 3, "{problems}");
    }
}
