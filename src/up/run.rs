//! The argument that the steps of `up` and `start` share.

use super::{Plan, Request};
use crate::docker::EngineInfo;
use crate::error::Result;
use crate::session::Session;

/// A run of `up` or `start`. `P` is `()` until the plan is created.
#[derive(Clone, Copy)]
pub(super) struct Run<'a, P = &'a Plan> {
    pub(super) session: &'a Session<'a>,
    /// The information of the session's engine.
    pub(super) info: &'a EngineInfo,
    pub(super) request: &'a Request,
    pub(super) plan: P,
}

impl<'a> Run<'a, ()> {
    pub(super) async fn new(session: &'a Session<'a>, request: &'a Request) -> Result<Self> {
        Ok(Run {
            session,
            info: session.info().await?,
            request,
            plan: (),
        })
    }
}

impl<'a, P> Run<'a, P> {
    /// Sets the plan.
    pub(super) fn with<Q>(self, plan: Q) -> Run<'a, Q> {
        let Run {
            session,
            info,
            request,
            plan: _,
        } = self;
        Run {
            session,
            info,
            request,
            plan,
        }
    }
}
