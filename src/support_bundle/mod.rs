//! `support-bundle`: everything that is known of an instance in one archive, without secrets.
//! It needs neither an engine nor an instance: what cannot be read is named.

mod archive;
mod cluster;
mod gather;
mod logs;
mod settings;
mod text;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use self::archive::Archive;
use self::gather::Gathered;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::provider::Provider;
use crate::settings::InstanceName;
use crate::state::StateDir;

/// How long reading one part may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a bundle is made from.
pub(crate) struct Sources<'a> {
    pub(crate) name: &'a InstanceName,
    pub(crate) state: &'a StateDir,
    /// The place where the server runs, or why it cannot be asked.
    pub(crate) provider: Result<&'a dyn Provider, &'a Error>,
    pub(crate) status: Result<Value, &'a Error>,
    /// The variables of the environment that matter to the program.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) events: &'a Events,
}

/// What a bundle contains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Contents {
    pub(crate) files: Vec<Entry>,
    pub(crate) unread: Vec<Unread>,
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// What was left out to limit the size, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cut: Option<String>,
}

/// A part that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unread {
    pub(crate) part: String,
    pub(crate) why: String,
}

impl Contents {
    /// Returns the parts that could not be read, by reason.
    pub(crate) fn unread_by_reason(&self) -> Vec<(&str, Vec<&str>)> {
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for Unread { part, why } in &self.unread {
            match reasons.iter_mut().find(|(known, _)| known == why) {
                Some((_, parts)) => parts.push(part),
                None => reasons.push((why, vec![part])),
            }
        }
        reasons
    }
}

/// A bundle that was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) contents: Contents,
}

/// Returns the name of a bundle without extension: instance and time.
pub(crate) fn default_name(name: &InstanceName, at: Timestamp) -> String {
    format!("clearml-local-{name}-{}", at.strftime("%Y%m%d-%H%M%S"))
}

/// Writes a bundle to a new file.
///
/// # Errors
/// Only if the file cannot be written.
pub(crate) async fn write(sources: &Sources<'_>, path: &Path, at: Timestamp) -> Result<Written> {
    let directory = default_name(sources.name, at);
    let mut archive = Archive::create(path, &directory)?;
    let mut gathered = Gathered::default();
    settings::gather(sources, &mut gathered).await;
    gather::own_parts(sources, &mut gathered).await;
    let cluster = cluster::gather(sources, &mut gathered).await;
    archive.add_all(gathered)?;
    logs::add(sources, cluster.as_ref(), &mut archive).await?;
    archive.complete(sources.name, at)
}
