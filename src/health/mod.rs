//! How an instance is: the one place that observes and judges, for `up`, which waits, and
//! for `status`, which shows. What a component's observation means is in
//! [`crate::diagnose`], and what all of them mean together in `instance`; both are pure.
//! The rest of this room looks and waits.

mod components;
mod instance;
mod node;
mod refused;
mod server;
mod time_limit;
mod wait;

pub use self::components::ComponentHealth;
pub(crate) use self::components::{missing, observe, serves};
pub use self::instance::Health;
pub(crate) use self::instance::{Diagnosis, InstanceObservation, NoAnswer};
pub(crate) use self::node::{await_api, await_node};
pub(crate) use self::refused::Refused;
pub(crate) use self::server::await_server;
pub(crate) use self::time_limit::{TimeLeft, TimeLimit};
pub(crate) use self::wait::{Waited, await_components, await_replaced};
