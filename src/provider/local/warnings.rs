//! Warnings about a plan for a node, which precede the preflight checks.

use super::ingress;
use crate::hint::ours;
use crate::plan::Plan;

pub(super) async fn warnings(plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    let listen = plan.instance.network.listen;
    if !listen.is_loopback() {
        warnings.push(format!(
            "the ports are published on {listen}: anyone who can reach this machine can reach the server"
        ));
    }
    let ingress = &plan.instance.ingress;
    // Problems with host names are among the warnings of the values.
    let has_host_name = ingress.enabled && ingress.hosts.web.is_some();
    let api_is_found = has_host_name || plan.instance.ports.known_to_web_app();
    if !api_is_found && !plan.release.can_display_urls() {
        warnings.push(format!(
            "the web app of release {} supports only the ports 30080, 30008, 30081 and 8080, 8008, \
             8081: on port {} its page may stay empty, because it may look for the API on port \
             8008, and `create credentials` shows wrong URLs (`{}` prints the correct ones, and the \
             SDK is not affected)",
            plan.release.name,
            plan.instance.ports.web,
            ours!(Credentials).of(plan.name.non_default())
        ));
    }
    warnings.extend(ingress::unresolved_names(plan).await);
    warnings
}
