//! What tests of functions that take a node need.

use std::sync::Arc;

use super::Local;
pub(crate) use super::node::spec::labels;
use crate::docker::fake::FakeEngine;
use crate::event::Events;
use crate::settings::InstanceName;
use crate::state::StateDir;

/// The instance `demo`.
pub(crate) struct TestInstance {
    pub(crate) name: InstanceName,
    pub(crate) state: StateDir,
    pub(crate) events: Events,
}

impl TestInstance {
    pub(crate) fn new(state: StateDir) -> TestInstance {
        TestInstance {
            name: "demo".parse().unwrap(),
            state,
            events: Events::silent(),
        }
    }

    /// Creates an instance whose state directory cannot be written, not even by root.
    pub(crate) fn without_state() -> TestInstance {
        TestInstance::new(StateDir::at("/proc/nonexistent".into()))
    }

    pub(crate) fn local<'a>(&'a self, engine: &FakeEngine) -> Local<'a> {
        let engine = Arc::new(engine.clone());
        Local::new(&self.name, &self.state, engine, self.events.clone())
    }
}
