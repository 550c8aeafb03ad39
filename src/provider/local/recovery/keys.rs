//! The keys of an instance: which ones are valid, no matter which home asks.
//!
//! They are stored with the instance: in its cluster, and in its data directory, where
//! they outlive the cluster. The copy in the home is used if both are unreadable. Only
//! an instance without keys gets new ones.

use super::data_files;
use crate::docker::{Container, ContainerSpec, Engine, Mount, bytes_of};
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::kube::Cluster;
use crate::preflight::Finding;
use crate::provider::local::Local;
use crate::provider::local::node::spec::{self, DATA_ROOT};
use crate::recovery::{Found, from_cluster, store_in_cluster};
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::{self, KEYS_FILE, Marker, SETTINGS_FILE};

/// The places where the keys of an instance may be.
#[derive(Debug)]
pub struct Places<'a> {
    /// The cluster, if its API is ready.
    pub cluster: Option<&'a Cluster>,
    /// The node, which may be stopped.
    pub node: Option<&'a Container>,
    /// Whether a cluster exists, but its API is unreachable.
    pub unreachable: bool,
    /// Current and previous locations of the data, the current one first.
    pub data: &'a [&'a DataPlace],
    /// The image of a container that reads them if there is no node.
    pub node_image: &'a ImageRef,
    pub home: Option<Secrets>,
}

pub async fn find(local: &Local<'_>, places: Places<'_>) -> Result<Found> {
    if let Some(cluster) = places.cluster
        && let Some(secrets) = from_cluster(cluster, places.home.as_ref()).await?
    {
        return Ok(Found::Keys(Box::new(secrets)));
    }
    let mut used = None;
    for place in places.data {
        match look_in(local, place, &places).await? {
            DataContent::Keys(secrets) => return Ok(Found::Keys(secrets)),
            DataContent::DataOnly => used = used.or(Some((*place).clone())),
            DataContent::Empty => {}
        }
    }
    if let Some(home) = places.home {
        return Ok(Found::Keys(Box::new(home)));
    }
    let place = match (places.unreachable, used) {
        (false, None) => return Ok(Found::None),
        (true, _) => None,
        (false, used) => used,
    };
    Ok(Found::Lost(Finding::of(&KeysLost {
        name: local.name.clone(),
        place,
    })))
}

/// Returns the keys in the data directory of a node, which may be stopped.
pub async fn from_data_dir(node: &Container, engine: &dyn Engine) -> Result<Option<Secrets>> {
    let text = data_files::read(node, KEYS_FILE, engine).await?;
    Ok(text.and_then(|text| state::read_copy(&text)))
}

/// What a data directory or volume contains.
enum DataContent {
    Keys(Box<Secrets>),
    DataOnly,
    Empty,
}

/// Looks for keys in a data directory or volume. If this user cannot read it and the
/// home has no keys, it is read through the node or a container.
async fn look_in(local: &Local<'_>, place: &DataPlace, places: &Places<'_>) -> Result<DataContent> {
    let (name, engine) = (local.name, local.engine());
    let mount = match place {
        DataPlace::Directory(dir) => {
            let marker = Marker::read(dir)?;
            let Some(marker) = marker.filter(|marker| marker.instance == *name) else {
                return Ok(DataContent::Empty);
            };
            if let Ok(Some(keys)) = state::read_keys(dir) {
                return Ok(DataContent::Keys(Box::new(keys)));
            }
            if !dir.join(KEYS_FILE).exists() {
                let used = marker
                    .directories
                    .iter()
                    .any(|name| dir.join(name).exists());
                return Ok(if used {
                    DataContent::DataOnly
                } else {
                    DataContent::Empty
                });
            }
            Mount::Bind(dir.to_path_buf(), DATA_ROOT.into(), true)
        }
        DataPlace::Volume(volume) => {
            let labels = engine.volume_labels(volume).await?.unwrap_or_default();
            let marker = Marker::from_labels(&labels);
            if marker.is_none_or(|marker| marker.instance != *name) {
                return Ok(DataContent::Empty);
            }
            Mount::Volume(volume.clone(), DATA_ROOT.into())
        }
    };
    if places.home.is_some() {
        return Ok(DataContent::Empty);
    }
    let node = places.node;
    let node = node.filter(|node| spec::data_dir(node).as_ref() == Some(place));
    if let Some(node) = node
        && let Some(keys) = from_data_dir(node, engine).await?
    {
        return Ok(DataContent::Keys(Box::new(keys)));
    }
    look_through_container(mount, places.node_image, engine).await
}

/// Looks for keys in a place that only the engine can read.
async fn look_through_container(
    mount: Mount,
    image: &ImageRef,
    engine: &dyn Engine,
) -> Result<DataContent> {
    if engine.image(image).await?.is_none() {
        return Ok(DataContent::DataOnly);
    }
    let name = format!("clearml-local-keys-{}", std::process::id());
    let container = ContainerSpec {
        entrypoint: Some(vec!["sleep".into()]),
        command: vec!["60".into()],
        mounts: vec![mount],
        ..ContainerSpec::new(name, image.clone())
    };
    engine.create(&container).await?;
    let script = "cat \"$1/$2\" 2>/dev/null || [ -z \"$(ls -A \"$1\")\" ]";
    let output = async {
        engine.start(&container.name).await?;
        let argv = ["sh", "-c", script, "sh", DATA_ROOT, KEYS_FILE];
        engine.exec(&container.name, &argv, None).await
    }
    .await;
    engine.remove(&container.name).await?;
    let output = output?;
    Ok(match serde_json::from_str(&output.stdout) {
        Ok(keys) => DataContent::Keys(Box::new(keys)),
        Err(_) if output.code == 0 && output.stdout.is_empty() => DataContent::Empty,
        Err(_) => DataContent::DataOnly,
    })
}

/// Stores the keys with the instance: in its cluster, and with the settings in its data
/// directory.
pub async fn save(
    local: &Local<'_>,
    secrets: &Secrets,
    instance: &Instance,
    node: &Container,
    cluster: &Cluster,
) -> Result<()> {
    store_in_cluster(local.name, secrets, cluster).await?;
    let text = serde_json::to_string(secrets).expect("plain data can be serialized");
    match &instance.node.data_dir {
        DataPlace::Directory(dir) => state::write_keys(dir, secrets, instance)?,
        DataPlace::Volume(_) => {
            let script = "umask 077; f=\"$1/$2\"; new=$(cat); \
                 [ \"$(cat \"$f\" 2>/dev/null)\" = \"$new\" ] || printf '%s\\n' \"$new\" > \"$f\"";
            let settings = serde_json::to_string(instance).expect("plain data can be serialized");
            let write = async |file: &str, text: &str| {
                let argv = ["sh", "-c", script, "sh", DATA_ROOT, file];
                let written = local.engine().exec(&node.name, &argv, Some(bytes_of(text)));
                written.await?.success("store the keys in the data volume")
            };
            tokio::try_join!(write(KEYS_FILE, &text), write(SETTINGS_FILE, &settings))?;
        }
    }
    Ok(())
}

/// The keys of an instance cannot be restored. New ones would invalidate everybody's
/// clearml.conf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lost_message(name, place.as_ref()))]
pub struct KeysLost {
    pub name: InstanceName,
    /// Where its data are, if they show that the instance exists; otherwise it has a
    /// node that is not ready.
    pub place: Option<DataPlace>,
}

fn lost_message(name: &InstanceName, place: Option<&DataPlace>) -> String {
    let why = match place {
        Some(place) => {
            format!("the keys for the data in {place} are missing")
        }
        None => "its node is stopped, paused or unreachable".to_owned(),
    };
    format!(
        "the keys of the instance `{name}` are missing in this home and cannot be restored: \
        {why}"
    )
}

impl Explain for KeysLost {
    fn failure(&self) -> Failure {
        Failure::KeysLost
    }

    fn hints(&self) -> Vec<Hint> {
        let first = match &self.place {
            Some(_) => Hint::text(
                "run the command in the home that created the instance and has its `secrets.json`",
            ),
            None => Hint::run("start the node first", ours!(Start)),
        };
        // The catalogue cannot know where the keys are.
        let others = self.failure().remedies().into_iter().skip(1);
        std::iter::once(first).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;
    use crate::provider::local::TestInstance;
    use crate::release::Databases;

    /// A data directory of the instance with a database's directory.
    fn data() -> (tempfile::TempDir, DataPlace) {
        let dir = tempfile::tempdir().unwrap();
        let databases = Databases {
            mongodb: "4.4".into(),
            elasticsearch: "7".into(),
            redis: "6".into(),
        };
        let marker = Marker::new(&"demo".parse().unwrap(), "1.5.0", databases);
        marker.write(dir.path()).unwrap();
        crate::files::create_dir(&dir.path().join("mongodb")).unwrap();
        let place = dir.path().to_owned().into();
        (dir, place)
    }

    async fn found(place: &DataPlace, unreachable: bool, home: Option<Secrets>) -> Found {
        let places = Places {
            cluster: None,
            node: None,
            unreachable,
            data: &[place],
            node_image: &"node:1".parse().unwrap(),
            home,
        };
        let (demo, engine) = (TestInstance::without_state(), FakeEngine::default());
        find(&demo.local(&engine), places).await.unwrap()
    }

    #[tokio::test]
    async fn keys_in_the_data_directory_take_precedence_over_those_of_a_home() {
        let (dir, place) = data();
        let (theirs, home) = (Secrets::generate(), Secrets::generate());
        let settings = Instance::with_defaults(place.clone());
        state::write_keys(dir.path(), &theirs, &settings).unwrap();
        for home in [None, Some(home.clone())] {
            let found = found(&place, false, home).await;
            assert!(matches!(found, Found::Keys(keys) if *keys == theirs));
        }
        let marker = Marker::read(dir.path()).unwrap().unwrap();
        marker.remove(dir.path()).unwrap();
        assert!(
            matches!(state::read_keys(dir.path()), Ok(None)),
            "keys are removed with the data"
        );
        let found = found(&place, false, Some(home.clone())).await;
        assert!(matches!(found, Found::Keys(keys) if *keys == home));
    }

    #[tokio::test]
    async fn only_an_instance_that_exists_nowhere_gets_new_keys() {
        let (_dir, used) = data();
        let Found::Lost(lost) = found(&used, false, None).await else {
            panic!("new keys would be generated");
        };
        assert!(
            lost.remedies[2]
                .to_string()
                .ends_with("clearml-local up --new-keys"),
            "{}",
            lost.what
        );
        let empty = tempfile::tempdir().unwrap();
        let empty: DataPlace = empty.path().to_owned().into();
        assert!(matches!(found(&empty, true, None).await, Found::Lost(_)));
        assert!(matches!(found(&empty, false, None).await, Found::None));
    }
}
