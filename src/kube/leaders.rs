//! Leader election: after a start of the node, the leases of the previous controllers are
//! still valid.

use ::kube::Api;
use ::kube::api::DeleteParams;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use super::calls::read;
use super::{Cluster, Error};

/// The leases, in `kube-system`, of the controllers without which no pod is created.
const LEADERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

impl Cluster {
    /// Deletes the leases of controllers that ran before the node was started. The new
    /// ones would wait 15 s until these expire, and meanwhile no Service would follow its
    /// pods.
    pub async fn delete_old_leader_leases(&self) -> Result<(), Error> {
        let Some(started) = self.node_started() else {
            return Ok(());
        };
        let api: Api<Lease> = Api::namespaced(self.client(), "kube-system");
        for name in LEADERS {
            let lease = read("read leases", || api.get_opt(name)).await?;
            if lease.is_some_and(|lease| is_from_before(&lease, started)) {
                let parameters = DeleteParams::default();
                let deleted = read("delete a lease", || api.delete(name, &parameters)).await;
                deleted
                    .map(drop)
                    .or_else(|error| match error.is_not_found() {
                        true => Ok(()),
                        false => Err(error),
                    })?;
            }
        }
        Ok(())
    }
}

/// Returns whether a lease was last renewed before this time. A lease without a holder
/// does not delay anything.
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
    fn only_leases_from_before_the_start_are_deleted() {
        let started = "2026-11-26T10:00:00Z".parse().unwrap();
        for (renewed, expected) in [
            (json!("2026-11-26T09:59:58.000000Z"), true),
            (json!("2026-11-26T10:00:03.000000Z"), false),
            (json!(null), false),
        ] {
            let lease = json!({"metadata": {}, "spec": {"renewTime": renewed}});
            let lease: Lease = serde_json::from_value(lease).unwrap();
            assert_eq!(is_from_before(&lease, started), expected, "{renewed}");
        }
    }
}
