//! Who leads: after a node's start the controllers that ran before it still count.

use ::kube::Api;
use ::kube::api::DeleteParams;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use super::client::bounded;
use super::{Cluster, Error};

/// The leases of those without which nothing happens to a pod, in `kube-system`.
const LEADERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

impl Cluster {
    /// Deletes the leases of controllers that ran before the node was started: the new
    /// ones would wait 15 s until these end, in which no Service follows its pods.
    pub async fn forget_former_leaders(&self) -> Result<(), Error> {
        let Some(started) = self.node_started() else {
            return Ok(());
        };
        let api: Api<Lease> = Api::namespaced(self.client(), "kube-system");
        for name in LEADERS {
            let lease = bounded("read leases", api.get_opt(name)).await?;
            if lease.is_some_and(|lease| is_from_before(&lease, started)) {
                bounded("delete a lease", api.delete(name, &DeleteParams::default())).await?;
            }
        }
        Ok(())
    }
}

/// Whether it was last renewed before this time. One without a holder keeps nobody
/// waiting.
fn is_from_before(lease: &Lease, started: Timestamp) -> bool {
    let renewed = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.renew_time.as_ref());
    renewed.is_some_and(|renewed| renewed.0 < started)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_leases_from_before_the_start_are_former() {
        let started = "2026-11-26T10:00:00Z".parse().unwrap();
        for (renewed, former) in [
            (json!("2026-11-26T09:59:58.000000Z"), true),
            (json!("2026-11-26T10:00:03.000000Z"), false),
            (json!(null), false),
        ] {
            let lease = json!({"metadata": {}, "spec": {"renewTime": renewed}});
            let lease: Lease = serde_json::from_value(lease).unwrap();
            assert_eq!(is_from_before(&lease, started), former, "{renewed}");
        }
    }
}
