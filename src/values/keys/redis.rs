//! Keys below `redis`.

use super::Definition;
use super::database::{Claim, enabled, extra_flags};
use super::key::{Literal, Origin, key, keys, switch};
use super::pods::Pods;
use super::types;

keys! {
    ENABLED: bool = enabled("redis.enabled", "Redis");
    USE_PASSWORD: bool = key(
        "redis.usePassword",
        types::FLAG,
        "Protect Redis with a password. The servers get it too.",
    );
    PASSWORD: Option<String> = key(
        "redis.password",
        types::OWN_PASSWORD,
        "Password of Redis, with `usePassword`. Without one, a password is generated for the instance and kept.",
    )
    .from(Origin::GeneratedWith(&USE_PASSWORD));
    DATABASE_NUMBER: u64 = key(
        "redis.databaseNumber",
        types::whole(0..=15),
        "Number of the database in Redis.",
    )
    .no_effect("the server's own configuration decides which databases it uses");
    MASTER_NAME: String = key(
        "redis.master.name",
        types::TEMPLATE,
        "Host name of Redis in the configuration of the servers.",
    );
    MASTER_PORT: u16 = key(
        "redis.master.port",
        types::PORT,
        "Port of Redis in the configuration of the servers. The port of Redis itself is `redis.master.service.port`.",
    );
    SERVICE_PORT: u16 = key(
        "redis.master.service.port",
        types::PORT,
        "Port of Redis inside the cluster.",
    )
    .default(Literal::Whole(6379));
    CLUSTER_ENABLED: bool = switch(
        "redis.cluster.enabled",
        "Run replicas of Redis beside the master.",
    )
    .unsupported(
        "the servers use only the master and never read from replicas; leave it false, or use an \
         external Redis: `redis.enabled: false` and `externalServices.redisHost`",
    );
    EXTRA_FLAGS: Vec<String> = extra_flags("redis.extraFlags", "redis-server");
}

pub(in crate::values) static CLAIM: Claim = Claim::new("redis.master.persistence", "Redis");
pub(in crate::values) static PODS: Pods = Pods::new("redis", "Redis");

pub(super) fn all() -> Vec<&'static Definition> {
    [ALL.to_vec(), CLAIM.all(), PODS.all()].concat()
}
