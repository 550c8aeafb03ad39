//! Copies images from Docker's store into the node's containerd as files. Layers that
//! Docker has unpacked are copied, instead of being packed, sent and unpacked again. This
//! requires the storage driver `overlay2`, whose layers are directories of overlayfs,
//! like containerd's; with other drivers, images are [streamed](super::stream).

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{AsyncBufReadExt, TryStreamExt};
use tokio::sync::Mutex;

use super::load::{PAUSES, pause_interrupted};
use super::manifest::{Layer, archive, chain, digest};
use super::stream::EngineImage;
use super::{Error, store};
use crate::docker::{self, ByteStream, Container, ContainerSpec, Engine, Mount};
use crate::error::Explain;
use crate::event::{Progress, Step};
use crate::failures::Code;
use crate::provider::local::Local;
use crate::provider::local::node::spec;

/// The data directory of the node's containerd, a separate volume.
const STORE: &str = "/var/lib/containerd";

/// The configurations of images, by hash, in Docker's root directory.
const CONFIGS: &str = "image/overlay2/imagedb/content/sha256";

/// Copies layers into containerd's snapshots, under the names that unpacking would give
/// them. Runs in the helper container, where the layers are mounted; `ctr` runs in the
/// node. The arguments are, for each layer, its name and the name of the layer below. A
/// snapshot is committed once it is complete; incomplete ones of an earlier copy are
/// removed.
const COPY: &str = r#"
set -eu
exec 9>/tmp/copying
flock 9
ctr() { nsenter -t 1 -m -- ctr -n k8s.io "$@"; }
for file in /configs/*; do echo "config $(base64 -w 0 "$file")"; done
there=" $(ctr snapshots ls | cut -d ' ' -f 1 | tr '\n' ' ')"
n=0
while [ $# -gt 0 ]; do
  name=$1 below=${2#none} layer=/layers/$n
  shift 2 && n=$((n + 1))
  size=$(du --summarize --apparent-size --block-size=1 "$layer" | cut -f 1)
  if [[ $there != *" $name "* ]]; then
    [[ $there != *" copy-$name "* ]] || ctr snapshots rm "copy-$name"
    mounts=$(ctr snapshots prepare --mounts "copy-$name" $below)
    [[ $mounts =~ upperdir=([^,\"]+) || $mounts =~ \"Source\":\ *\"([^\"]+)\" ]]
    cp --archive --preserve=xattr "$layer/." "${BASH_REMATCH[1]}"
    ctr snapshots commit "$name" "copy-$name"
  fi
  echo "layer $name $size"
done
"#;

/// The command of the helper container. It exits when the copy ends, even if the command
/// that started it is killed.
const HELPER_COMMAND: &str = "sleep 10; exec flock /tmp/copying true";

/// Imports an image whose layers are already snapshots, and labels it with its ID in
/// Docker. The other arguments are these snapshots: `ctr` labelled them to protect them
/// from containerd's garbage collector, and from now on the image protects them. The
/// labels are removed in the background.
const IMPORT: &str = r#"
ctr -n k8s.io images import --local --platform "$1" - &&
ctr -n k8s.io images label "$2" "$3" || exit
shift 3
{ for name; do nice ctr -n k8s.io snapshots label "$name" containerd.io/gc.root=; done; } \
  </dev/null >/dev/null 2>&1 &
"#;

/// The action in error messages.
const ACTION: &str = "copy layers into the node";

/// Copies images into one node, one batch at a time.
pub(super) struct Copier<'a> {
    engine: &'a dyn Engine,
    node: Container,
    configs: PathBuf,
    step: &'a Step,
    /// Copying two batches at the same time is not faster.
    lock: Mutex<()>,
}

pub fn layers_container(node: &str) -> String {
    format!("{node}-layers")
}

impl<'a> Copier<'a> {
    /// Creates a copier for a node. Returns `None` if the engine's layers cannot be
    /// copied: with another storage driver, without root, or if the engine remaps the
    /// owners of files.
    pub(super) async fn new(
        local: &'a Local<'_>,
        node: &str,
        step: &'a Step,
    ) -> Result<Option<Copier<'a>>, Error> {
        let engine = local.engine();
        let info = local.info().await?;
        let remapped = |option: &String| option.starts_with("name=userns");
        if info.storage_driver != "overlay2"
            || info.is_rootless()
            || info.security.iter().any(remapped)
        {
            return Ok(None);
        }
        let node = engine.container(node).await?;
        Ok(node.map(|node| Copier {
            engine,
            node,
            configs: info.root_dir.join(CONFIGS),
            step,
            lock: Mutex::new(()),
        }))
    }

    /// Returns whether the directories of an image's layers are known.
    pub(super) fn can_copy(&self, (reference, image): &EngineImage) -> bool {
        reference.digest().is_none() && !image.layer_dirs.is_empty()
    }

    /// Copies images in their order, and calls `on_loaded` for each image that is in the
    /// node. Copies what is still missing again if the connection breaks. Returns the images
    /// that could not be copied.
    pub(super) async fn copy(
        &self,
        images: Vec<EngineImage>,
        on_loaded: &(dyn Fn(&EngineImage) + Sync),
    ) -> Result<Vec<EngineImage>, Error> {
        let _guard = self.lock.lock().await;
        let mut remaining = images;
        let mut pauses = PAUSES.into_iter();
        let copied = loop {
            let copied = self.copy_all(&mut remaining, on_loaded).await;
            match (copied, pauses.next()) {
                (Err(error), Some(pause)) if error.is_interrupted() => {
                    pause_interrupted(self.step, &error, pause).await;
                }
                (copied, _) => break copied,
            }
        };
        match copied {
            Err(error) if error.code() == Code::DiskFull => Err(Error::Import {
                references: remaining
                    .into_iter()
                    .map(|(reference, _)| reference)
                    .collect(),
                reason: "no space left on the disk of the Docker engine".into(),
                // The others are warnings.
                tail: error
                    .details()
                    .into_iter()
                    .filter(|line| docker::is_disk_full(line))
                    .collect(),
            }),
            Err(error @ docker::Error::Unreachable { .. }) => Err(error.into()),
            Err(error) => {
                self.step.decide(format!(
                    "layers are streamed because they cannot be copied: {error}"
                ));
                Ok(remaining)
            }
            Ok(()) => Ok(remaining),
        }
    }

    async fn copy_all(
        &self,
        remaining: &mut Vec<EngineImage>,
        on_loaded: &(dyn Fn(&EngineImage) + Sync),
    ) -> Result<(), docker::Error> {
        let layers = Layers::of(remaining);
        let Some(helper) = self.helper(remaining, &layers) else {
            return Ok(());
        };
        // A helper of a command that was killed.
        self.engine.remove(&helper.name).await?;
        self.engine.create(&helper).await?;
        let copied = async {
            self.engine.start(&helper.name).await?;
            self.follow(&helper.name, &layers, remaining, on_loaded)
                .await
        };
        let copied = copied.await;
        self.engine.remove(&helper.name).await?;
        copied
    }

    /// Returns the helper container, which can access the layers and nothing else of
    /// Docker's.
    fn helper(&self, images: &[EngineImage], layers: &Layers) -> Option<ContainerSpec> {
        let store = self.node.mounts.iter().find(|(_, at)| at == STORE);
        let mut mounts = vec![Mount::Volume(store?.0.clone(), STORE.into())];
        let read_only = |from: PathBuf, to: String| Mount::Bind(from, to, true);
        for (n, layer) in layers.0.iter().enumerate() {
            mounts.push(read_only(layer.dir.clone(), format!("/layers/{n}")));
        }
        for (n, (_, image)) in images.iter().enumerate() {
            let hash = image.id.strip_prefix("sha256:")?;
            let file = self.configs.join(hash);
            mounts.push(read_only(file, format!("/configs/{n}")));
        }
        Some(ContainerSpec {
            entrypoint: Some(vec!["sh".into()]),
            command: vec!["-c".into(), HELPER_COMMAND.into()],
            mounts,
            network: Some("none".into()),
            enters: Some(self.node.name.clone()),
            ..ContainerSpec::new(
                layers_container(&self.node.name),
                spec::node_image(&self.node)?,
            )
        })
    }

    /// Runs the copy, and imports each image as soon as its layers are copied.
    async fn follow(
        &self,
        helper: &str,
        layers: &Layers,
        remaining: &mut Vec<EngineImage>,
        on_loaded: &(dyn Fn(&EngineImage) + Sync),
    ) -> Result<(), docker::Error> {
        let mut argv = vec!["bash", "-c", COPY, "bash"];
        for layer in &layers.0 {
            argv.extend([&*layer.name, layer.parent.as_deref().unwrap_or("none")]);
        }
        let output = self.engine.exec_stream(helper, ACTION, &argv, None).await?;
        let output = output.map_err(io::Error::other).into_async_read();
        let mut lines = output.lines();
        let (mut configs, mut sizes) = (BTreeMap::new(), BTreeMap::new());
        let total: u64 = remaining.iter().map(|(_, image)| image.size).sum();
        let next = |error| docker::Error::from_reader(ACTION, error);
        while let Some(line) = lines.try_next().await.map_err(next)? {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["config", text] => {
                    let config = STANDARD.decode(text).map_err(|_| unexpected(&line))?;
                    configs.insert(digest(&config), config);
                }
                ["layer", name, size] => {
                    sizes.insert(name.to_owned(), size.parse().unwrap_or(0));
                }
                _ => return Err(unexpected(&line)),
            }
            let done: u64 = sizes.values().sum();
            let progress = Progress::bytes(done, Some(total.max(done)));
            self.step.progress("layers", progress);
            while let Some(found) = remaining.first() {
                let Some(layers) = layers.of_image(found, &sizes) else {
                    break;
                };
                // Looked up by the image's ID, so that any other configuration is
                // refused.
                let config = configs.get(&found.1.id).ok_or_else(|| unexpected(&line))?;
                self.import(found, config, &layers).await?;
                on_loaded(found);
                remaining.remove(0);
            }
        }
        let done: u64 = sizes.values().sum();
        self.step
            .progress("layers", Progress::bytes(done, Some(done)));
        Ok(())
    }

    async fn import(
        &self,
        (reference, image): &EngineImage,
        config: &[u8],
        layers: &[Layer],
    ) -> Result<(), docker::Error> {
        let (name, platform) = (reference.canonical(), image.platform());
        let (archive, manifest) = archive(&name, config, layers);
        let label = store::source_label(&image.id, &manifest);
        let mut argv = vec!["sh", "-c", IMPORT, "sh", &platform, &name, &label];
        let snapshots = chain(&image.layers);
        argv.extend(snapshots.iter().map(String::as_str));
        let input: ByteStream = Box::pin(futures_util::stream::iter([Ok(archive.into())]));
        self.engine
            .exec(&self.node.name, &argv, Some(input))
            .await?
            .success("import an image in the node")?;
        Ok(())
    }
}

/// A layer of one or more images.
#[derive(Debug, PartialEq, Eq)]
struct LayerCopy {
    /// The name of its snapshot, which identifies the layer and all layers below it.
    name: String,
    /// The name of the snapshot below it.
    parent: Option<String>,
    /// Its directory on the engine's host.
    dir: PathBuf,
}

/// The layers of all images, each once, in the order of the images.
#[derive(Debug, Default)]
struct Layers(Vec<LayerCopy>);

impl Layers {
    fn of(images: &[EngineImage]) -> Layers {
        let mut layers = Layers::default();
        for (_, image) in images {
            let mut parent = None;
            for (name, dir) in chain(&image.layers).into_iter().zip(&image.layer_dirs) {
                if layers.0.iter().all(|layer| layer.name != name) {
                    layers.0.push(LayerCopy {
                        name: name.clone(),
                        parent,
                        dir: dir.clone(),
                    });
                }
                parent = Some(name);
            }
        }
        layers
    }

    /// Returns the layers of an image, once all of them are copied.
    fn of_image(
        &self,
        (_, image): &EngineImage,
        sizes: &BTreeMap<String, u64>,
    ) -> Option<Vec<Layer>> {
        let names = chain(&image.layers);
        let layers = image.layers.iter().zip(names).map(|(digest, name)| {
            Some(Layer {
                digest: digest.clone(),
                size: *sizes.get(&name)?,
            })
        });
        layers.collect()
    }
}

fn unexpected(line: &str) -> docker::Error {
    docker::Error::Command {
        what: ACTION.into(),
        code: 0,
        tail: vec![format!("unexpected answer: {line}")],
    }
}

#[cfg(test)]
mod tests;
