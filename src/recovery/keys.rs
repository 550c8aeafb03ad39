//! The keys of an instance: which ones are in force, whichever home asks.
//!
//! They live with the instance: in its cluster, and beside its data, where they
//! outlive the cluster. The copy in the home serves where neither can be asked.
//! New ones are made for an instance that has none, and for no other.

use super::beside;
use crate::component::NAMESPACE;
use crate::docker::{Container, ContainerSpec, Engine, Mount, bytes_of};
use crate::error::{Code, Explain, Result};
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::kube::Cluster;
use crate::node::spec::{self, DATA_ROOT};
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::{self, KEYS_FILE, Marker, SETTINGS_FILE};

/// What kind of record they are in the cluster, and its name.
const KIND: &str = "keys";
const RECORD: &str = "clearml-local.keys";
/// The Secret that the servers read them from: all that earlier versions left.
const SERVED: &str = "clearml-conf";

/// What was found of an instance's keys.
#[derive(Debug)]
pub enum Found {
    /// They are these.
    Keys(Box<Secrets>),
    /// It has none yet.
    None,
    /// It has some, and they cannot be read.
    Lost(KeysLost),
}

/// The keys that the cluster has, if any. `home` are those of this home.
pub async fn from_cluster(cluster: &Cluster, home: Option<&Secrets>) -> Result<Option<Secrets>> {
    let records = cluster.records(KIND, NAMESPACE).await?;
    if let Some(text) = records.get(RECORD)
        && let Ok(secrets) = serde_json::from_str(text)
    {
        return Ok(Some(secrets));
    }
    let served = cluster.secret(SERVED).await?;
    let served = served.as_ref().and_then(Secrets::from_served);
    // What the user chose is laid over those, and over what a home has it is not.
    Ok(match (served, home) {
        (Some(served), Some(home)) if served.is_of_same_instance(home) => Some(home.clone()),
        (served, _) => served,
    })
}

/// Where the keys of an instance may be.
#[derive(Debug)]
pub struct Places<'a> {
    pub name: &'a InstanceName,
    /// Its cluster, where that answers.
    pub cluster: Option<&'a Cluster>,
    /// Its node, also one that is stopped.
    pub node: Option<&'a Container>,
    /// Whether there is a cluster that does not answer.
    pub unreadable: bool,
    /// Where its data are or were, the present place first.
    pub data: &'a [&'a DataPlace],
    /// The image of a container that reads them where there is no node.
    pub node_image: &'a ImageRef,
    /// The keys of this home.
    pub home: Option<Secrets>,
}

pub async fn find(places: Places<'_>, engine: &dyn Engine) -> Result<Found> {
    if let Some(cluster) = places.cluster
        && let Some(secrets) = from_cluster(cluster, places.home.as_ref()).await?
    {
        return Ok(Found::Keys(Box::new(secrets)));
    }
    let mut used = None;
    for place in places.data {
        match in_data(place, &places, engine).await? {
            InData::Keys(secrets) => return Ok(Found::Keys(secrets)),
            InData::Used => used = used.or(Some((*place).clone())),
            InData::Nothing => {}
        }
    }
    if let Some(home) = places.home {
        return Ok(Found::Keys(Box::new(home)));
    }
    let place = match (places.unreadable, used) {
        (false, None) => return Ok(Found::None),
        (true, _) => None,
        (false, used) => used,
    };
    Ok(Found::Lost(KeysLost {
        name: places.name.clone(),
        place,
    }))
}

/// Returns the keys beside the data of a node, also of one that is stopped.
pub async fn beside_node(node: &Container, engine: &dyn Engine) -> Result<Option<Secrets>> {
    let text = beside::of_node(node, KEYS_FILE, engine).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// What a place for data has.
enum InData {
    /// A copy of the keys.
    Keys(Box<Secrets>),
    /// Data of the instance, without the keys.
    Used,
    /// Nothing of the instance.
    Nothing,
}

/// Looks into a place; where this user cannot read it and the home has no keys, also
/// through the node or a container.
async fn in_data(place: &DataPlace, places: &Places<'_>, engine: &dyn Engine) -> Result<InData> {
    let name = places.name;
    let mount = match place {
        DataPlace::Folder(dir) => {
            let marker = Marker::read(dir)?;
            let Some(marker) = marker.filter(|marker| marker.instance == *name) else {
                return Ok(InData::Nothing);
            };
            if let Ok(Some(keys)) = state::keys_in(dir) {
                return Ok(InData::Keys(Box::new(keys)));
            }
            if !dir.join(KEYS_FILE).exists() {
                let used = marker
                    .folders
                    .iter()
                    .any(|folder| dir.join(folder).exists());
                return Ok(if used { InData::Used } else { InData::Nothing });
            }
            Mount::Bind(dir.to_path_buf(), DATA_ROOT.into(), true)
        }
        DataPlace::Volume(volume) => {
            let labels = engine.volume_labels(volume).await?.unwrap_or_default();
            let marker = Marker::from_labels(&labels);
            if marker.is_none_or(|marker| marker.instance != *name) {
                return Ok(InData::Nothing);
            }
            Mount::Volume(volume.clone(), DATA_ROOT.into())
        }
    };
    if places.home.is_some() {
        return Ok(InData::Nothing);
    }
    let node = places.node;
    let node = node.filter(|node| spec::data_dir(node).as_ref() == Some(place));
    if let Some(node) = node
        && let Some(keys) = beside_node(node, engine).await?
    {
        return Ok(InData::Keys(Box::new(keys)));
    }
    through_container(mount, places.node_image, engine).await
}

/// Looks into a place that only the engine can read.
async fn through_container(mount: Mount, image: &ImageRef, engine: &dyn Engine) -> Result<InData> {
    if engine.image(image).await?.is_none() {
        return Ok(InData::Used);
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
    let looked = async {
        engine.start(&container.name).await?;
        let argv = ["sh", "-c", script, "sh", DATA_ROOT, KEYS_FILE];
        engine.exec(&container.name, &argv, None).await
    }
    .await;
    engine.remove(&container.name).await?;
    let looked = looked?;
    Ok(match serde_json::from_str(&looked.stdout) {
        Ok(keys) => InData::Keys(Box::new(keys)),
        Err(_) if looked.code == 0 && looked.stdout.is_empty() => InData::Nothing,
        Err(_) => InData::Used,
    })
}

/// The keys in force once the cluster answers: its own, where it has others than those
/// that were found while it was stopped. The second value says whether it has.
pub async fn settle(found: Secrets, cluster: &Cluster) -> Result<(Secrets, bool)> {
    match from_cluster(cluster, Some(&found)).await? {
        Some(theirs) if theirs != found => match theirs.completed() {
            Some(completed) => Ok((completed, true)),
            None => Ok((theirs, true)),
        },
        _ => Ok((found, false)),
    }
}

/// Keeps the keys with the instance: in its cluster, and beside its data with the
/// settings.
pub async fn keep(
    secrets: &Secrets,
    name: &InstanceName,
    instance: &Instance,
    node: &Container,
    cluster: &Cluster,
    engine: &dyn Engine,
) -> Result<()> {
    let text = serde_json::to_string(secrets).expect("plain data become JSON");
    let records = cluster.records(KIND, NAMESPACE).await?;
    if records.get(RECORD) != Some(&text) {
        let kept = cluster.keep_record(KIND, name.as_str(), RECORD, NAMESPACE, &text);
        kept.await?;
    }
    match &instance.data_dir {
        DataPlace::Folder(dir) => state::keep_in(dir, secrets, instance)?,
        DataPlace::Volume(_) => {
            let script = "umask 077; f=\"$1/$2\"; new=$(cat); \
                 [ \"$(cat \"$f\" 2>/dev/null)\" = \"$new\" ] || printf '%s\\n' \"$new\" > \"$f\"";
            let settings = serde_json::to_string(instance).expect("plain data become JSON");
            let write = async |file: &str, text: &str| {
                let argv = ["sh", "-c", script, "sh", DATA_ROOT, file];
                let written = engine.exec(&node.name, &argv, Some(bytes_of(text)));
                written.await?.success("store the keys in the data volume")
            };
            tokio::try_join!(write(KEYS_FILE, &text), write(SETTINGS_FILE, &settings))?;
        }
    }
    Ok(())
}

/// The keys of an instance cannot be read back, and new ones would end everybody's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lost(name, place.as_ref()))]
pub struct KeysLost {
    pub name: InstanceName,
    /// Where data of it are, if that is how it is known to exist; else it has a node
    /// that does not answer.
    pub place: Option<DataPlace>,
}

fn lost(name: &InstanceName, place: Option<&DataPlace>) -> String {
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
    fn code(&self) -> Code {
        Code::StateBroken
    }

    fn hints(&self) -> Vec<Hint> {
        let first = match &self.place {
            Some(_) => Hint::text(
                "run the command in the home that created the instance and has its `secrets.json`",
            ),
            None => Hint::run("start the node first", ours!(Start)),
        };
        vec![
            first,
            Hint::run(
                "or create another instance",
                ours!(Up, "--data-dir DIR").of(Some("NAME")),
            ),
            Hint::run(
                "or create new keys; all users then need a new clearml.conf",
                ours!(Up, "--new-keys"),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;
    use crate::release::Databases;

    fn name() -> InstanceName {
        "demo".parse().unwrap()
    }

    /// A data directory of the instance, in which databases wrote.
    fn data() -> (tempfile::TempDir, DataPlace) {
        let dir = tempfile::tempdir().unwrap();
        let databases = Databases {
            mongodb: "4.4".into(),
            elasticsearch: "7".into(),
            redis: "6".into(),
        };
        let marker = Marker::new(&name(), "1.5.0", databases);
        marker.write(dir.path()).unwrap();
        crate::files::create_dir(&dir.path().join("mongodb")).unwrap();
        let place = dir.path().to_owned().into();
        (dir, place)
    }

    async fn found(place: &DataPlace, unreadable: bool, home: Option<Secrets>) -> Found {
        let places = Places {
            name: &name(),
            cluster: None,
            node: None,
            unreadable,
            data: &[place],
            node_image: &"node:1".parse().unwrap(),
            home,
        };
        find(places, &FakeEngine::default()).await.unwrap()
    }

    #[tokio::test]
    async fn keys_beside_the_data_win_over_those_of_a_home() {
        let (dir, place) = data();
        let (theirs, home) = (Secrets::generate(), Secrets::generate());
        let settings = Instance::with_defaults(place.clone());
        state::keep_in(dir.path(), &theirs, &settings).unwrap();
        for home in [None, Some(home.clone())] {
            let found = found(&place, false, home).await;
            assert!(matches!(found, Found::Keys(keys) if *keys == theirs));
        }
        let marker = Marker::read(dir.path()).unwrap().unwrap();
        marker.remove(dir.path()).unwrap();
        assert!(
            matches!(state::keys_in(dir.path()), Ok(None)),
            "they go with the data"
        );
        let found = found(&place, false, Some(home.clone())).await;
        assert!(matches!(found, Found::Keys(keys) if *keys == home));
    }

    #[tokio::test]
    async fn only_an_instance_that_exists_nowhere_gets_new_keys() {
        let (_dir, used) = data();
        let Found::Lost(lost) = found(&used, false, None).await else {
            panic!("new keys would be made");
        };
        assert!(
            lost.hints()[2]
                .to_string()
                .ends_with("clearml-local up --new-keys"),
            "{lost}"
        );
        let empty = tempfile::tempdir().unwrap();
        let empty: DataPlace = empty.path().to_owned().into();
        assert!(matches!(found(&empty, true, None).await, Found::Lost(_)));
        assert!(matches!(found(&empty, false, None).await, Found::None));
    }
}
