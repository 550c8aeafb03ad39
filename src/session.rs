//! The argument that the steps of all commands share.

use tokio::sync::OnceCell;

use crate::docker::{self, Engine, EngineInfo};
use crate::event::Events;
use crate::hint::Ours;
use crate::settings::InstanceName;
use crate::state::{self, Lock, StateDir};

/// A command at work on one instance. `E` is `()` until the command is connected to the engine.
///
/// To run the server elsewhere, such as in an existing cluster, replace `engine` and `info` by a
/// provider: a trait with what a command may ask of the place where the server runs.
pub(crate) struct Session<'a, E = &'a dyn Engine> {
    pub(crate) name: &'a InstanceName,
    pub(crate) state: &'a StateDir,
    pub(crate) engine: E,
    pub(crate) events: Events,
    info: OnceCell<EngineInfo>,
}

impl<'a> Session<'a, ()> {
    pub(crate) fn new(name: &'a InstanceName, state: &'a StateDir, events: Events) -> Self {
        Session {
            name,
            state,
            engine: (),
            events,
            info: OnceCell::new(),
        }
    }
}

impl<'a, E> Session<'a, E> {
    /// Returns the same session with an engine.
    pub(crate) fn with_engine<'b>(&self, engine: &'b dyn Engine) -> Session<'b>
    where
        'a: 'b,
    {
        Session {
            name: self.name,
            state: self.state,
            engine,
            events: self.events.clone(),
            info: OnceCell::new(),
        }
    }
}

impl<'a> Session<'a> {
    /// Returns a session that asks the engine for its information again. After a while, the
    /// information is out of date: it contains the engine's clock.
    pub(crate) fn renewed(&self) -> Session<'a> {
        self.with_engine(self.engine)
    }

    /// Returns the engine's information, for which a session asks once.
    pub(crate) async fn info(&self) -> Result<&EngineInfo, docker::Error> {
        self.info.get_or_try_init(|| self.engine.info()).await
    }

    /// Locks the instance for a command that changes it.
    pub(crate) async fn lock(&self, command: Ours) -> Result<Lock, state::Error> {
        let command = command.of(self.name.non_default());
        Lock::acquire(self.state, &command, &self.events).await
    }
}

/// The instance `demo`, for tests of functions that take a session.
#[cfg(test)]
pub(crate) struct TestInstance {
    pub(crate) name: InstanceName,
    pub(crate) state: StateDir,
    pub(crate) events: Events,
}

#[cfg(test)]
impl TestInstance {
    pub(crate) fn new(state: StateDir) -> TestInstance {
        TestInstance {
            name: "demo".parse().unwrap(),
            state,
            events: Events::silent(),
        }
    }

    /// Creates an instance whose state directory is never written.
    pub(crate) fn without_state() -> TestInstance {
        TestInstance::new(StateDir::at("/nonexistent".into()))
    }

    pub(crate) fn session<'a>(&'a self, engine: &'a dyn Engine) -> Session<'a> {
        self.unconnected().with_engine(engine)
    }

    pub(crate) fn unconnected(&self) -> Session<'_, ()> {
        Session::new(&self.name, &self.state, self.events.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::FakeEngine;

    #[tokio::test]
    async fn asks_the_engine_for_its_information_once_until_renewed() {
        let (demo, engine) = (TestInstance::without_state(), FakeEngine::default());
        let session = demo.session(&engine);
        engine.state().info.time = "before".into();
        assert_eq!(session.info().await.unwrap().time, "before");
        engine.state().info.time = "after".into();
        assert_eq!(session.info().await.unwrap().time, "before");
        assert_eq!(session.renewed().info().await.unwrap().time, "after");
    }
}
