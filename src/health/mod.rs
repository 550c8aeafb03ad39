//! The health of an instance, for `up`, which waits for it, and for `status`, which shows
//! it. Only this module observes the cluster. [`crate::diagnose`] assesses one component and
//! `instance` assesses all of them together; both are pure. The rest of this module
//! observes and waits.

mod agents;
mod components;
mod ended;
mod instance;
mod node;
mod server;
mod stuck;
mod time_limit;
mod wait;

pub(crate) use self::agents::{AgentHealth, agents};
pub use self::components::ComponentHealth;
pub(crate) use self::components::{desired_pods, is_ready, missing, observe};
pub(crate) use self::ended::await_end;
pub use self::instance::Health;
pub(crate) use self::instance::{CertificateNote, Diagnosis, InstanceObservation, ObserveError};
pub(crate) use self::node::await_node;
pub(crate) use self::server::await_server;
pub(crate) use self::stuck::{NeverStuck, Stuck};
pub(crate) use self::time_limit::{TimeLeft, TimeLimit};
pub(crate) use self::wait::{REPLACED, await_ready, await_replaced};
