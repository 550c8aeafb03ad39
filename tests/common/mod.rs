//! Shared by tests of rendered objects.

use clearml_local::testing::images::Identities;
use clearml_local::testing::inputs::{KeptFile, SetArgument, SetKind};
use clearml_local::testing::manifests::{self, Inputs, Object};
use clearml_local::testing::namespace::Namespace;
use clearml_local::testing::probe::Endpoints;
use clearml_local::testing::profile::Profile;
use clearml_local::testing::release::Catalogue;
use clearml_local::testing::secrets::Secrets;
use clearml_local::testing::values;

pub struct Rendered {
    pub objects: Vec<Object>,
    pub warnings: Vec<String>,
}

/// Renders a release with a values file and `--set` arguments, on a small host, with
/// fixed secrets.
pub fn render(release: &str, file: &str, sets: &[&str]) -> Result<Rendered, values::Error> {
    let node = values::Target::Node {
        profile: &Profile::for_memory(4_000_000_000),
        controller: None,
    };
    render_for(node, release, file, sets)
}

/// Renders the same for a local node or an existing cluster.
pub fn render_for(
    target: values::Target<'_>,
    release: &str,
    file: &str,
    sets: &[&str],
) -> Result<Rendered, values::Error> {
    let release = Catalogue::builtin().find(release).unwrap();
    let sets: Vec<SetArgument> = sets
        .iter()
        .map(|set| SetArgument::new(SetKind::Set, *set))
        .collect();
    let files = [KeptFile {
        path: "values.yaml".into(),
        text: file.into(),
    }];
    let resolved = values::resolve(&values::Inputs {
        release: &release,
        target,
        files: &files,
        sets: &sets,
    })?;
    let endpoints = Endpoints {
        web: "http://localhost:30080".into(),
        api: "http://localhost:30008".into(),
        files: "http://localhost:30081".into(),
    };
    let local = Namespace::default();
    let (namespace, target) = match target {
        values::Target::Cluster { namespace } => (namespace, manifests::Target::Cluster),
        values::Target::Node { .. } => {
            let data_root = "/var/local-path-provisioner";
            let endpoints = &endpoints;
            let node = manifests::Target::Node {
                data_root,
                endpoints,
            };
            (&local, node)
        }
    };
    let objects = manifests::render(&Inputs {
        instance: "clearml",
        namespace,
        release: &release,
        values: &resolved.values,
        secrets: &fixed_secrets().with(&resolved.values.chosen),
        identities: &Identities::from([("redis:6.2".parse().unwrap(), "sha256:1".into())]),
        target,
        registry_login: None,
    });
    Ok(Rendered {
        objects: objects.unwrap(),
        warnings: resolved.warnings,
    })
}

fn fixed_secrets() -> Secrets {
    let pair = |name: &str| serde_json::json!({"access_key": format!("{name}-key"), "secret_key": format!("{name}-secret")});
    let users = [
        "apiserver",
        "webserver",
        "tests",
        "fileserver",
        "services_agent",
    ];
    let users: serde_json::Map<_, _> = users
        .map(|name| (name.to_owned(), pair(name)))
        .into_iter()
        .collect();
    let all = serde_json::json!({
        "http_session": "session", "auth_token": "token", "credentials": users,
        "later": {"sdk": pair("sdk"), "redis": "redis-password", "mongodb": "mongodb-password"},
    });
    serde_json::from_value(all).unwrap()
}
