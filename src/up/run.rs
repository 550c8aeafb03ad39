//! The argument that the steps of `up` and `start` share.

use crate::plan::{Plan, Request};
use crate::provider::Facts;
use crate::session::Session;

/// A run of `up` or `start`. `P` is `()` until the plan is created.
#[derive(Clone, Copy)]
pub(super) struct Run<'a, P = &'a Plan> {
    pub(super) session: Session<'a>,
    pub(super) facts: &'a Facts,
    pub(super) request: &'a Request,
    pub(super) plan: P,
}

impl<'a> Run<'a, ()> {
    pub(super) fn new(session: Session<'a>, facts: &'a Facts, request: &'a Request) -> Self {
        Run {
            session,
            facts,
            request,
            plan: (),
        }
    }

    /// Sets the plan.
    pub(super) fn with(self, plan: &'a Plan) -> Run<'a> {
        let Run {
            session,
            facts,
            request,
            plan: (),
        } = self;
        Run {
            session,
            facts,
            request,
            plan,
        }
    }
}
