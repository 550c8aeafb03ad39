//! Loads the images of a release into the node. Images in Docker's store are copied as
//! files or streamed; the node or Docker pulls the others.

mod copy;
mod in_node;
mod layers;
mod load;
mod manifest;
mod pull;
mod pulled;
mod puller;
mod store;
mod stream;

pub(super) use self::copy::layers_container;
pub(super) use self::load::{identities, load, pull_missing};
pub(crate) use self::pull::from_engine as refused_pull;
pub use self::pull::pull;
pub(super) use crate::images::{
    ArrivalSender, Error, Identities, Loaded, Refusal, RequiredImage, Sources, arrivals,
};
