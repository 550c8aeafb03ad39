//! The arguments that all steps share.

use super::{Plan, Request};
use crate::docker::{Engine, EngineInfo};
use crate::event::Events;
use crate::state::StateDir;

/// The arguments of a step. `P` is `()` until the plan is created. To run the server elsewhere,
/// replace `engine` and `info`.
#[derive(Clone, Copy)]
pub(super) struct Session<'a, P = &'a Plan> {
    pub(super) plan: P,
    pub(super) request: &'a Request,
    pub(super) state: &'a StateDir,
    pub(super) engine: &'a dyn Engine,
    pub(super) info: &'a EngineInfo,
    pub(super) events: &'a Events,
}

impl<'a> Session<'a, ()> {
    pub(super) fn new(
        request: &'a Request,
        state: &'a StateDir,
        engine: &'a dyn Engine,
        info: &'a EngineInfo,
        events: &'a Events,
    ) -> Session<'a, ()> {
        Session {
            plan: (),
            request,
            state,
            engine,
            info,
            events,
        }
    }
}

impl<'a, P> Session<'a, P> {
    /// Sets the plan.
    pub(super) fn with<Q>(self, plan: Q) -> Session<'a, Q> {
        let Session {
            plan: _,
            request,
            state,
            engine,
            info,
            events,
        } = self;
        Session {
            plan,
            request,
            state,
            engine,
            info,
            events,
        }
    }
}

/// The owned parts of a session in tests.
#[cfg(test)]
pub(super) struct Borrowed {
    request: Request,
    state: StateDir,
    events: Events,
}

#[cfg(test)]
impl Borrowed {
    /// Creates a request without options, a state directory that is never written, and events
    /// that are not shown.
    pub(super) fn of(plan: &Plan) -> Borrowed {
        Borrowed {
            request: Request {
                name: plan.name.clone(),
                options: crate::options::Options::default(),
                retain: false,
                atomic: false,
                new_keys: false,
                interrupt: crate::interrupt::Interrupt::never(),
                back_to: None,
                proxies: crate::proxy::Proxies::default(),
                docker_config: None,
                user_kubeconfig: None,
            },
            state: StateDir::at("/nonexistent".into()),
            events: Events::silent(),
        }
    }

    pub(super) fn session<'a>(
        &'a self,
        plan: &'a Plan,
        engine: &'a dyn Engine,
        info: &'a EngineInfo,
    ) -> Session<'a> {
        Session::new(&self.request, &self.state, engine, info, &self.events).with(plan)
    }
}
