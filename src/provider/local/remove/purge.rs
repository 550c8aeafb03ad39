//! `down --purge`: removes everything of an instance. A failure does not stop the rest,
//! and all failures are reported at the end.

use crate::docker::{ContainerSpec, Mount, run_once};
use crate::error::Explain;
use crate::event::Step;
use crate::failures::{self, Failure};
use crate::hint::{self, Hint, ours};
use crate::image_ref::ImageRef;
use crate::path::{HostPath, quoted};
use crate::provider::Remaining;
use crate::provider::local::Local;
use crate::provider::local::node::spec;
use crate::provider::local::{data, images};
use crate::settings::InstanceName;
use crate::state::Marker;
use crate::{files, mounts};

/// Empties directories, and removes those that are not mount points. Prints why something remains.
const REMOVE: &str = "code=0; for f; do rm -rf --one-file-system \"/data/$f\"; \
     [ ! -e \"/data/$f\" ] || [ -z \"$(ls -A \"/data/$f\")\" ] || code=1; done; exit $code";

pub(super) struct Purge<'a> {
    local: &'a Local<'a>,
    /// The node's image: as root in a container, it can remove files of the databases.
    image: Option<ImageRef>,
    remaining: Vec<Remaining>,
    failures: Vec<crate::error::Error>,
}

impl<'a> Purge<'a> {
    pub(super) fn new(local: &'a Local<'a>, image: Option<ImageRef>) -> Purge<'a> {
        Purge {
            local,
            image,
            remaining: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Records a failure and continues.
    pub(super) fn record(&mut self, result: crate::error::Result<()>) {
        self.failures.extend(result.err());
    }

    /// Removes data, volumes, secrets and settings. Returns the directories that were
    /// not removed.
    pub(super) async fn run(
        mut self,
        data_dir: Option<&HostPath>,
        step: &Step,
    ) -> Result<Vec<Remaining>, Incomplete> {
        let (name, state, engine) = (self.local.name, self.local.state, self.local.engine());
        // These containers would continue to copy into the directories.
        for copying in [
            data::copy_container(name),
            images::layers_container(&spec::name(name)),
        ] {
            self.record(engine.remove(&copying).await.map_err(Into::into));
        }
        step.state("removing the data");
        let mut all_removed = true;
        if let Some(dir) = data_dir {
            all_removed &= self.remove_data(dir).await;
        }
        match state.copies() {
            Ok(copies) => {
                for dir in copies.iter().filter(|dir| Some(*dir) != data_dir) {
                    all_removed &= self.remove_copy(dir, step).await;
                }
            }
            Err(error) => self.record(Err(error.into())),
        }
        step.state("removing images and settings");
        self.remove_volumes().await;
        // Without the settings, the next `down --purge` would not find the remaining
        // data.
        let settings = match all_removed {
            true => state.purge(),
            false => state.remove_secrets(),
        };
        self.record(settings.map_err(Into::into));
        if self.failures.is_empty() {
            return Ok(self.remaining);
        }
        Err(Incomplete {
            name: name.clone(),
            failures: self.failures,
        })
    }

    /// Removes an unfinished copy of the data. A complete one is for the user to
    /// remove: moving the data leaves the previous directory unchanged.
    async fn remove_copy(&mut self, dir: &HostPath, step: &Step) -> bool {
        if Marker::is_copying(dir) {
            step.state(format!("removing the unfinished copy in {dir}"));
            return self.remove_data(dir).await;
        }
        let marker = Marker::read(dir).ok().flatten();
        if marker.is_some_and(|marker| marker.instance == *self.local.name) {
            self.keep(dir, "it contains the data from before they were moved");
        }
        true
    }

    /// Removes only the directories that the marker lists. Returns whether all of them
    /// are gone.
    async fn remove_data(&mut self, dir: &HostPath) -> bool {
        let marker = match Marker::read(dir) {
            Ok(marker) => marker.filter(|marker| marker.instance == *self.local.name),
            Err(error) => {
                self.record(Err(error.into()));
                return false;
            }
        };
        let Some(marker) = marker else {
            if dir.exists() {
                let why = format!("it is not marked as the data of `{}`", self.local.name);
                self.keep(dir, &why);
            }
            return true;
        };
        let is_safe = |directory: &&String| {
            // The directory itself has other files.
            !directory.is_empty() && !directory.contains(['/', '\\']) && !directory.starts_with('.')
        };
        let directories: Vec<&String> = marker.directories.iter().filter(is_safe).collect();
        let mut undeletable = Vec::new();
        for directory in directories {
            if !matches!(files::remove_tree(&dir.join(directory)), Ok(true)) {
                undeletable.push(directory.clone());
            }
        }
        if !undeletable.is_empty()
            && let Err(error) = self.remove_in_container(&undeletable, dir).await
        {
            self.record(Err(error));
            return false;
        }
        for directory in undeletable {
            let path: HostPath = dir.join(directory).into();
            if path.exists() {
                self.keep(
                    &path,
                    reason_to_keep(&path).as_deref().unwrap_or("it is in use"),
                );
            }
        }
        self.record(data::remove_link(dir));
        match marker.remove(dir) {
            Ok(true) => {}
            Ok(false) => {
                let why = reason_to_keep(dir);
                self.keep(dir, why.as_deref().unwrap_or("it existed before"));
            }
            Err(error) => {
                self.record(Err(error.into()));
                return false;
            }
        }
        true
    }

    /// Removes directories in a container: the files belong to the users of the
    /// databases' images, but anybody who can use the engine can remove them as root in
    /// a container.
    async fn remove_in_container(
        &self,
        directories: &[String],
        dir: &HostPath,
    ) -> crate::error::Result<()> {
        let not_allowed = |why: &str| Error::NotAllowed {
            dir: dir.clone(),
            why: why.to_owned(),
        };
        let without = "they belong to other users, or a file system is mounted in them";
        let Some(image) = self.image.clone() else {
            return Err(not_allowed(without).into());
        };
        if self.local.engine().image(&image).await?.is_none() {
            return Err(not_allowed(without).into());
        }
        let mut command = vec!["-c".to_owned(), REMOVE.to_owned(), "sh".to_owned()];
        command.extend_from_slice(directories);
        let name = format!("clearml-local-purge-{}", std::process::id());
        let container = ContainerSpec {
            entrypoint: Some(vec!["sh".into()]),
            command,
            mounts: vec![Mount::Bind(dir.to_path_buf(), "/data".into(), false)],
            ..ContainerSpec::new(name, image)
        };
        let (code, output) = run_once(self.local.engine(), &container).await?;
        if code == 0 {
            return Ok(());
        }
        // Without the path in the container.
        let last = output.lines().rfind(|line| !line.trim().is_empty());
        let why = last.unwrap_or(without).trim().replace("/data/", "");
        Err(not_allowed(why.trim_start_matches("rm: ")).into())
    }

    async fn remove_volumes(&mut self) {
        let label = format!("{}={}", spec::INSTANCE_LABEL, self.local.name);
        let engine = self.local.engine();
        match engine.volumes(&label).await {
            Ok(volumes) => {
                for volume in volumes {
                    let removed = engine.remove_volume(&volume).await;
                    self.record(removed.map_err(Into::into));
                }
            }
            Err(error) => self.record(Err(error.into())),
        }
    }

    fn keep(&mut self, path: &HostPath, why: &str) {
        self.remaining.push(Remaining {
            path: path.clone(),
            why: why.to_owned(),
        });
    }
}

/// Returns why a directory cannot be removed, if the reason can be determined.
fn reason_to_keep(dir: &HostPath) -> Option<String> {
    if dir.is_symlink() {
        return Some("it is a symbolic link".into());
    }
    let other = Marker::foreign_files(dir)
        .ok()
        .and_then(|names| names.into_iter().next());
    match (mounts::is_mount_point(dir), other) {
        (_, Some(other)) => Some(format!("it contains other files, such as `{other}`")),
        (true, None) => Some("it is a mount point".into()),
        (false, None) => None,
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot remove all data in {dir}: {why}")]
    NotAllowed { dir: HostPath, why: String },
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        Failure::DataNotRemoved
    }

    fn hints(&self) -> Vec<Hint> {
        let Error::NotAllowed { dir, .. } = self;
        vec![
            Hint::run("see who owns the data", format!("ls -l {}", quoted(dir))),
            Hint::run(
                "see what is mounted in them",
                format!("findmnt -l | grep -F {}", quoted(dir)),
            ),
        ]
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
    fn failure(&self) -> Failure {
        let first = self.failures.first();
        first.map_or(Failure::Unexpected, crate::error::Error::failure)
    }

    fn failures(&self) -> Vec<Failure> {
        let failures = self.failures.iter();
        failures::distinct(failures.flat_map(crate::error::Error::failures))
    }

    fn details(&self) -> Vec<String> {
        match &self.failures[..] {
            [_] => Vec::new(),
            many => many.iter().map(|error| format!("- {error}")).collect(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let failures = self.failures.iter();
        let mut hints = hint::distinct(failures.flat_map(crate::error::Error::hints));
        hints.push(Hint::run(
            "remove the rest afterwards",
            ours!(Down, "--purge"),
        ));
        hints
    }
}
