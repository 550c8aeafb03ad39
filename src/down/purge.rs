//! `down --purge`: removes all that is an instance's. What cannot be removed does not
//! keep the rest, and is told at the end.

use crate::docker::{ContainerSpec, Engine, Mount, run_once};
use crate::error::{Code, Explain};
use crate::event::Step;
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::node::spec;
use crate::path::{HostPath, quoted};
use crate::settings::InstanceName;
use crate::state::{Marker, StateDir};
use crate::{files, images, mounts, up};

/// Empties directories, and removes them where they are no mount points.
const REMOVE: &str = "code=0; for f; do rm -rf --one-file-system \"/data/$f\" 2>/dev/null; \
     [ ! -e \"/data/$f\" ] || [ -z \"$(ls -A \"/data/$f\")\" ] || code=1; done; exit $code";

/// A directory that stays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub path: HostPath,
    /// Why, such as `it is a mount point`.
    pub why: String,
}

pub(super) struct Purge<'a> {
    pub(super) name: &'a InstanceName,
    /// The node's image, whose root may remove what belongs to the databases.
    pub(super) image: Option<ImageRef>,
    pub(super) state: &'a StateDir,
    pub(super) engine: &'a dyn Engine,
    left: Vec<Left>,
    failures: Vec<crate::error::Error>,
}

impl<'a> Purge<'a> {
    pub(super) fn new(
        name: &'a InstanceName,
        image: Option<ImageRef>,
        state: &'a StateDir,
        engine: &'a dyn Engine,
    ) -> Purge<'a> {
        Purge {
            name,
            image,
            state,
            engine,
            left: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, result: crate::error::Result<()>) {
        self.failures.extend(result.err());
    }

    /// Removes data, volumes, secrets and settings. Returns the directories that stay.
    pub(super) async fn run(
        mut self,
        data_dir: Option<&HostPath>,
        step: &Step,
    ) -> Result<Vec<Left>, Incomplete> {
        // They would go on copying into what is removed.
        for copying in [
            up::copy_container(self.name),
            images::layers_container(&spec::name(self.name)),
        ] {
            self.note(self.engine.remove(&copying).await.map_err(Into::into));
        }
        step.state("removing the data");
        let mut all_gone = true;
        if let Some(dir) = data_dir {
            all_gone &= self.data(dir).await;
        }
        match self.state.copies() {
            Ok(copies) => {
                for dir in copies.iter().filter(|dir| Some(*dir) != data_dir) {
                    all_gone &= self.copy(dir, step).await;
                }
            }
            Err(error) => self.note(Err(error.into())),
        }
        step.state("removing images and settings");
        self.volumes().await;
        // Without the settings, the next `down --purge` would not find data that are left.
        let settings = match all_gone {
            true => self.state.purge(),
            false => self.state.purge_secrets(),
        };
        self.note(settings.map_err(Into::into));
        if self.failures.is_empty() {
            return Ok(self.left);
        }
        Err(Incomplete {
            name: self.name.clone(),
            failures: self.failures,
        })
    }

    /// Removes a copy of the data that was never whole. One that was is the user's own
    /// to keep: a move leaves the former folder as it was.
    async fn copy(&mut self, dir: &HostPath, step: &Step) -> bool {
        if Marker::is_copying(dir) {
            step.state(format!("removing the unfinished copy in {dir}"));
            return self.data(dir).await;
        }
        let marker = Marker::read(dir).ok().flatten();
        if marker.is_some_and(|marker| marker.instance == *self.name) {
            self.leave(dir, "it holds the data from before they were moved");
        }
        true
    }

    /// Removes the folders that a directory's marker lists, and nothing else. Returns
    /// whether none is left.
    async fn data(&mut self, dir: &HostPath) -> bool {
        let marker = match Marker::read(dir) {
            Ok(marker) => marker.filter(|marker| marker.instance == *self.name),
            Err(error) => {
                self.note(Err(error.into()));
                return false;
            }
        };
        let Some(marker) = marker else {
            if dir.exists() {
                let why = format!("it is not marked as the data of `{}`", self.name);
                self.leave(dir, &why);
            }
            return true;
        };
        let plain = |folder: &&String| !folder.contains(['/', '\\']) && !folder.starts_with('.');
        let folders: Vec<&String> = marker.folders.iter().filter(plain).collect();
        let mut stubborn = Vec::new();
        for folder in folders {
            if !matches!(files::remove_tree(&dir.join(folder)), Ok(true)) {
                stubborn.push(folder.clone());
            }
        }
        if !stubborn.is_empty()
            && let Err(error) = self.through_container(&stubborn, dir).await
        {
            self.note(Err(error));
            return false;
        }
        for folder in stubborn {
            let path: HostPath = dir.join(folder).into();
            if path.exists() {
                self.leave(
                    &path,
                    why_it_stays(&path).as_deref().unwrap_or("it is in use"),
                );
            }
        }
        self.note(up::remove_link(dir));
        match marker.remove(dir) {
            Ok(true) => {}
            Ok(false) => {
                let why = why_it_stays(dir);
                self.leave(dir, why.as_deref().unwrap_or("it existed before"));
            }
            Err(error) => {
                self.note(Err(error.into()));
                return false;
            }
        }
        true
    }

    /// The databases' files belong to their images' users: whoever may use the
    /// engine may remove them in a container.
    async fn through_container(
        &self,
        folders: &[String],
        dir: &HostPath,
    ) -> crate::error::Result<()> {
        let not_allowed = || Error::NotAllowed { dir: dir.clone() };
        let Some(image) = self.image.clone() else {
            return Err(not_allowed().into());
        };
        if self.engine.image(&image).await?.is_none() {
            return Err(not_allowed().into());
        }
        let mut command = vec!["-c".to_owned(), REMOVE.to_owned(), "sh".to_owned()];
        command.extend_from_slice(folders);
        let name = format!("clearml-local-purge-{}", std::process::id());
        let container = ContainerSpec {
            entrypoint: Some(vec!["sh".into()]),
            command,
            mounts: vec![Mount::Bind(dir.to_path_buf(), "/data".into(), false)],
            ..ContainerSpec::new(name, image)
        };
        match run_once(self.engine, &container).await?.0 {
            0 => Ok(()),
            _ => Err(not_allowed().into()),
        }
    }

    async fn volumes(&mut self) {
        let label = format!("{}={}", spec::INSTANCE_LABEL, self.name);
        match self.engine.volumes(&label).await {
            Ok(volumes) => {
                for volume in volumes {
                    let removed = self.engine.remove_volume(&volume).await;
                    self.note(removed.map_err(Into::into));
                }
            }
            Err(error) => self.note(Err(error.into())),
        }
    }

    fn leave(&mut self, path: &HostPath, why: &str) {
        self.left.push(Left {
            path: path.clone(),
            why: why.to_owned(),
        });
    }
}

/// Why a directory cannot be removed, as far as it can be seen.
fn why_it_stays(dir: &HostPath) -> Option<String> {
    if dir.is_symlink() {
        return Some("it is a symbolic link".into());
    }
    let other = Marker::others(dir)
        .ok()
        .and_then(|names| names.into_iter().next());
    match (mounts::is_mount_point(dir), other) {
        (_, Some(other)) => Some(format!("it contains other files, such as `{other}`")),
        (true, None) => Some("it is a mount point".into()),
        (false, None) => None,
    }
}

/// Why a part of the data stays.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot remove the data in {dir}: they belong to other users")]
    NotAllowed { dir: HostPath },
}

impl Explain for Error {
    fn code(&self) -> Code {
        Code::StateBroken
    }

    fn hints(&self) -> Vec<Hint> {
        let Error::NotAllowed { dir } = self;
        vec![Hint::run(
            "see who owns the data",
            format!("ls -l {}", quoted(dir)),
        )]
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", summary(name, failures))]
pub(super) struct Incomplete {
    name: InstanceName,
    failures: Vec<crate::error::Error>,
}

fn summary(name: &InstanceName, failures: &[crate::error::Error]) -> String {
    match failures {
        [one] => format!("{one}; the rest of `{name}` was removed"),
        many => format!("cannot remove {} parts of `{name}`", many.len()),
    }
}

impl Explain for Incomplete {
    fn code(&self) -> Code {
        let first = self.failures.first();
        first.map_or(Code::Unexpected, crate::error::Error::code)
    }

    fn details(&self) -> Vec<String> {
        match &self.failures[..] {
            [_] => Vec::new(),
            many => many.iter().map(|error| format!("- {error}")).collect(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let mut hints: Vec<Hint> = Vec::new();
        for hint in self.failures.iter().flat_map(crate::error::Error::hints) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints.push(Hint::run(
            "remove the rest afterwards",
            ours!(Down, "--purge"),
        ));
        hints
    }
}
