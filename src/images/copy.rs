//! From Docker's store into the node's containerd as files: a layer that Docker has
//! unpacked is copied, and nothing is packed, sent and unpacked again. It takes an engine
//! with the storage driver `overlay2`, whose layers are folders of overlayfs as
//! containerd's are; others load [by stream](super::stream).

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{AsyncBufReadExt, TryStreamExt};
use tokio::sync::Mutex;

use super::manifest::{Layer, archive, chain, digest};
use super::stream::Found;
use super::{Error, store};
use crate::docker::{self, ByteStream, Container, ContainerSpec, Engine, EngineInfo, Mount};
use crate::error::{Code, Explain};
use crate::event::{Progress, Step};
use crate::node::spec;

/// Where the node's containerd keeps everything: a volume of its own.
const STORE: &str = "/var/lib/containerd";

/// Copies layers into snapshots of containerd, under the names that unpacking would give
/// them. Runs beside the node, where the layers are mounted; `ctr` runs in the node. Its
/// arguments are, for each layer, its name and that of the layer below it. A snapshot is
/// committed once it is whole: one that an earlier copy left half-made is removed.
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

/// What the container itself does: it ends with the copy, also with one that was killed
/// together with the command that began it.
const UNTIL_COPIED: &str = "sleep 10; exec flock /tmp/copying true";

/// Imports an image whose layers are snapshots already, and notes what it was in Docker. The
/// further arguments are these snapshots: the garbage collector of containerd keeps each for
/// the label that `ctr` gave it, and for the image from then on. Nobody waits until the labels
/// are gone.
const IMPORT: &str = r#"
ctr -n k8s.io images import --local --platform "$1" - &&
ctr -n k8s.io images label "$2" "$3" || exit
shift 3
{ for name; do nice ctr -n k8s.io snapshots label "$name" containerd.io/gc.root=; done; } \
  </dev/null >/dev/null 2>&1 &
"#;

/// What is done here, in an error.
const WHAT: &str = "copy layers into the node";

/// Copies images into one node, one set after another.
pub(super) struct Copier<'a> {
    engine: &'a dyn Engine,
    node: Container,
    info: &'a EngineInfo,
    step: &'a Step,
    /// The disk is not filled any faster by two at once.
    turn: Mutex<()>,
}

pub fn layers_container(node: &str) -> String {
    format!("{node}-layers")
}

impl<'a> Copier<'a> {
    /// One for a node, where the engine's layers can be copied: neither where it runs
    /// without root, nor where it shifts the owners of files.
    pub(super) async fn new(
        engine: &'a dyn Engine,
        node: &str,
        info: &'a EngineInfo,
        step: &'a Step,
    ) -> Result<Option<Copier<'a>>, Error> {
        let shifted = |option: &String| option.starts_with("name=userns");
        if info.storage_driver != "overlay2"
            || info.is_rootless()
            || info.security.iter().any(shifted)
        {
            return Ok(None);
        }
        let node = engine.container(node).await?;
        Ok(node.map(|node| Copier {
            engine,
            node,
            info,
            step,
            turn: Mutex::new(()),
        }))
    }

    /// Whether the layers of an image are known as folders.
    pub(super) fn can_copy(&self, (reference, image): &Found) -> bool {
        reference.digest().is_none() && !image.layer_folders.is_empty()
    }

    /// Copies images in their order, and tells of each that is in the node. Returns those
    /// that could not be copied: another way may do.
    pub(super) async fn copy(
        &self,
        images: Vec<Found>,
        arrived: &(dyn Fn(&Found) + Sync),
    ) -> Result<Vec<Found>, Error> {
        let _turn = self.turn.lock().await;
        let mut left = images;
        match self.copy_all(&mut left, arrived).await {
            Err(error) if error.code() == Code::DiskFull => Err(Error::Import {
                references: left.into_iter().map(|(reference, _)| reference).collect(),
                reason: "no space left on the disk of the Docker engine".into(),
                tail: error.details(),
            }),
            Err(error) => {
                self.step.decide(format!(
                    "layers are streamed because they cannot be copied: {error}"
                ));
                Ok(left)
            }
            Ok(()) => Ok(left),
        }
    }

    async fn copy_all(
        &self,
        left: &mut Vec<Found>,
        arrived: &(dyn Fn(&Found) + Sync),
    ) -> Result<(), docker::Error> {
        let layers = Layers::of(left);
        let Some(helper) = self.helper(left, &layers) else {
            return Ok(());
        };
        // That of a command that was killed.
        self.engine.remove(&helper.name).await?;
        self.engine.create(&helper).await?;
        let copied = async {
            self.engine.start(&helper.name).await?;
            self.follow(&helper.name, &layers, left, arrived).await
        };
        let copied = copied.await;
        self.engine.remove(&helper.name).await?;
        copied
    }

    /// A container beside the node, which sees the layers and nothing else of Docker's.
    fn helper(&self, images: &[Found], layers: &Layers) -> Option<ContainerSpec> {
        let store = self.node.mounts.iter().find(|(_, at)| at == STORE);
        let mut mounts = vec![Mount::Volume(store?.0.clone(), STORE.into())];
        let read_only = |from: PathBuf, to: String| Mount::Bind(from, to, true);
        for (n, layer) in layers.0.iter().enumerate() {
            mounts.push(read_only(layer.folder.clone(), format!("/layers/{n}")));
        }
        for (n, (_, image)) in images.iter().enumerate() {
            let hash = image.id.strip_prefix("sha256:")?;
            let file = self
                .info
                .root_dir
                .join("image/overlay2/imagedb/content/sha256");
            mounts.push(read_only(file.join(hash), format!("/configs/{n}")));
        }
        Some(ContainerSpec {
            entrypoint: Some(vec!["sh".into()]),
            command: vec!["-c".into(), UNTIL_COPIED.into()],
            mounts,
            network: Some("none".into()),
            enters: Some(self.node.name.clone()),
            ..ContainerSpec::new(
                layers_container(&self.node.name),
                spec::node_image(&self.node)?,
            )
        })
    }

    /// Runs the copy, and imports each image as soon as its layers are there.
    async fn follow(
        &self,
        helper: &str,
        layers: &Layers,
        left: &mut Vec<Found>,
        arrived: &(dyn Fn(&Found) + Sync),
    ) -> Result<(), docker::Error> {
        let mut argv = vec!["bash", "-c", COPY, "bash"];
        for layer in &layers.0 {
            argv.extend([&*layer.name, layer.below.as_deref().unwrap_or("none")]);
        }
        let output = self.engine.exec_stream(helper, WHAT, &argv, None).await?;
        let output = output.map_err(io::Error::other).into_async_read();
        let mut lines = output.lines();
        let (mut configs, mut sizes) = (BTreeMap::new(), BTreeMap::new());
        let total: u64 = left.iter().map(|(_, image)| image.size).sum();
        let next = |error| docker::Error::of_reader(WHAT, error);
        while let Some(line) = lines.try_next().await.map_err(next)? {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["config", text] => {
                    let config = STANDARD.decode(text).map_err(|_| strange(&line))?;
                    configs.insert(digest(&config), config);
                }
                ["layer", name, size] => {
                    sizes.insert(name.to_owned(), size.parse().unwrap_or(0));
                }
                _ => return Err(strange(&line)),
            }
            let done: u64 = sizes.values().sum();
            let progress = Progress::bytes(done, Some(total.max(done)));
            self.step.progress("layers", progress);
            while let Some(found) = left.first() {
                let Some(layers) = layers.of_image(found, &sizes) else {
                    break;
                };
                // By its digest: anything else than what Docker knows the image by is refused.
                let config = configs.get(&found.1.id).ok_or_else(|| strange(&line))?;
                self.import(found, config, &layers).await?;
                arrived(found);
                left.remove(0);
            }
        }
        let done: u64 = sizes.values().sum();
        self.step
            .progress("layers", Progress::bytes(done, Some(done)));
        Ok(())
    }

    async fn import(
        &self,
        (reference, image): &Found,
        config: &[u8],
        layers: &[Layer],
    ) -> Result<(), docker::Error> {
        let (name, platform) = (reference.canonical(), image.platform());
        let (archive, manifest) = archive(&name, config, layers);
        let note = store::source_label(&image.id, &manifest);
        let mut argv = vec!["sh", "-c", IMPORT, "sh", &platform, &name, &note];
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

/// A layer of one of the images, or of several.
#[derive(Debug, PartialEq, Eq)]
struct Copied {
    /// The name of its snapshot: what identifies it and all below it.
    name: String,
    /// The name of the one below it.
    below: Option<String>,
    /// Its folder on the engine's machine.
    folder: PathBuf,
}

/// Each layer once, in the order of the images.
#[derive(Debug, Default)]
struct Layers(Vec<Copied>);

impl Layers {
    fn of(images: &[Found]) -> Layers {
        let mut layers = Layers::default();
        for (_, image) in images {
            let mut below = None;
            for (name, folder) in chain(&image.layers).into_iter().zip(&image.layer_folders) {
                if layers.0.iter().all(|layer| layer.name != name) {
                    layers.0.push(Copied {
                        name: name.clone(),
                        below,
                        folder: folder.clone(),
                    });
                }
                below = Some(name);
            }
        }
        layers
    }

    /// The layers of an image, once all of them are there.
    fn of_image(&self, (_, image): &Found, sizes: &BTreeMap<String, u64>) -> Option<Vec<Layer>> {
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

fn strange(line: &str) -> docker::Error {
    docker::Error::Broken {
        what: WHAT.into(),
        reason: format!("unexpected answer: {line}"),
    }
}

#[cfg(test)]
mod tests;
