//! Files beside an instance's data, read by whichever way is open: as this user, through
//! the node's container, which need not run for it, or through a container made for it.

use std::io;

use futures_util::TryStreamExt;

use crate::archive;
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::files;
use crate::node::spec::{self, DATA_ROOT};
use crate::settings::{DataPlace, Instance};
use crate::state::SETTINGS_FILE;

/// Reads a file beside the data of a node, also of one that is stopped. `None` where it
/// is missing.
pub(super) async fn of_node(
    node: &Container,
    file: &str,
    engine: &dyn Engine,
) -> Result<Option<String>> {
    if let Some(DataPlace::Folder(dir)) = spec::data_dir(node)
        && let Ok(text @ Some(_)) = files::read(&dir.join(file))
    {
        return Ok(text);
    }
    let copied = engine.archive(&node.name, &format!("{DATA_ROOT}/{file}"));
    let read = archive::first_file(copied.map_err(io::Error::other).into_async_read()).await;
    // Missing, or not to be read on this engine: the cluster still has it.
    Ok(read.ok().flatten())
}

/// Returns the settings that the last `up` of any home left beside the data of a node.
pub async fn settings(node: &Container, engine: &dyn Engine) -> Result<Option<Instance>> {
    let text = of_node(node, SETTINGS_FILE, engine).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
