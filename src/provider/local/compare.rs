//! How the node and the place of the data would change.

use super::node::spec;
use super::{Local, ensure};
use crate::error::Result;
use crate::plan::Plan;
use crate::provider::Differences;
use crate::settings::DataPlace;

pub(super) async fn compare(local: &Local<'_>, plan: &Plan) -> Result<Differences> {
    let engine = local.engine();
    let data = &plan.instance.node.data_dir;
    let exists = match data {
        DataPlace::Directory(dir) => dir.exists(),
        DataPlace::Volume(name) => engine.volume_labels(name).await?.is_some(),
    };
    let node = match engine.container(&spec::name(&plan.name)).await? {
        Some(node) => {
            let info = local.info().await?;
            ensure::describe(&plan.differences(&node, &info))
        }
        None => Vec::new(),
    };
    Ok(Differences {
        data_dir: (!exists).then(|| data.clone()),
        node,
    })
}
