//! What every step works with.

use super::{Plan, Request};
use crate::docker::{Engine, EngineInfo};
use crate::event::Events;
use crate::state::StateDir;

/// The one argument that all steps have in common. `P` is `()` until the plan is known.
/// The engine and what it tells about itself are what another place for the server would
/// replace.
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
    /// The same with this plan.
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

/// What a session in a test borrows.
#[cfg(test)]
pub(super) struct Borrowed {
    request: Request,
    state: StateDir,
    events: Events,
}

#[cfg(test)]
impl Borrowed {
    /// A request without options, a state directory that is never written to, and events
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
