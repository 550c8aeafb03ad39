//! Reads files in an instance's data directory by the way that works: as this user,
//! through the node's container (running or not), or through a container created for
//! it.

use std::io;

use futures_util::TryStreamExt;

use crate::archive;
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::files::{self, Own};
use crate::provider::local::node::spec::{self, DATA_ROOT};
use crate::settings::{DataPlace, Instance};
use crate::state::{self, SETTINGS_FILE};

/// Reads a file in the data directory of a node, which may be stopped.
pub(super) async fn read(
    node: &Container,
    file: &str,
    engine: &dyn Engine,
) -> Result<Option<String>> {
    if let Some(DataPlace::Directory(dir)) = spec::data_dir(node)
        && let Ok(Own::Text(text)) = files::read_own(&dir.join(file))
    {
        return Ok(Some(text));
    }
    let copied = engine.archive(&node.name, &format!("{DATA_ROOT}/{file}"));
    let text = archive::first_file(copied.map_err(io::Error::other).into_async_read()).await;
    // The file is missing or unreadable with this engine; the cluster still has the
    // content.
    Ok(text.ok().flatten())
}

/// Returns the settings that the last `up`, from any home, stored in the data directory
/// of a node.
pub async fn settings(node: &Container, engine: &dyn Engine) -> Result<Option<Instance>> {
    let text = read(node, SETTINGS_FILE, engine).await?;
    Ok(text.and_then(|text| state::read_copy(&text)))
}
