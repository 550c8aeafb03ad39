//! Credentials for pulls: `imageCredentials`.

use super::key::{key, keys, switch};
use super::types;

keys! {
    ENABLED: bool = switch("imageCredentials.enabled", "Pull images with credentials.");
    EXISTING_SECRET: Option<String> = key(
        "imageCredentials.existingSecret",
        types::NAME.optional(),
        "Existing Secret of type kubernetes.io/dockerconfigjson, instead of the other keys of `imageCredentials`.",
    );
    REGISTRY: String = key(
        "imageCredentials.registry",
        types::TEXT,
        "Registry that the credentials are for.",
    );
    USERNAME: String = key(
        "imageCredentials.username",
        types::TEXT,
        "User name for the registry. Without one, or with the chart's `someone`, the credentials of your `docker login` are used.",
    );
    PASSWORD: Option<String> = key(
        "imageCredentials.password",
        types::PASSWORD,
        "Password for the registry. The chart's `pwd` counts as not set.",
    );
    EMAIL: String = key(
        "imageCredentials.email",
        types::TEXT,
        "E-mail address for the registry. Registries ignore it.",
    );
}
