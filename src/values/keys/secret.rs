//! Keys below `secret`.

use super::key::{Key, Origin, key, keys};
use super::types;

const fn secret(name: &'static str, what: &'static str) -> Key<Option<String>> {
    let doc = "{} The chart's value is public and counts as not set: a value is generated for the instance and kept.";
    key(name, types::SECRET, doc)
        .about(what)
        .from(Origin::Generated)
}

keys! {
    HTTP_SESSION: Option<String> =
        secret("secret.httpSession", "Signs the sessions of the web app.");
    AUTH_TOKEN: Option<String> = secret("secret.authToken", "Signs the tokens of logins.");
    API_ACCESS_KEY: Option<String> = secret(
        "secret.credentials.apiserver.accessKey",
        "Access key of the API server's internal user.",
    );
    API_SECRET_KEY: Option<String> = secret(
        "secret.credentials.apiserver.secretKey",
        "Secret key of the API server's internal user.",
    );
    TESTS_ACCESS_KEY: Option<String> = secret(
        "secret.credentials.tests.accessKey",
        "Access key of the default user, for the SDK.",
    );
    TESTS_SECRET_KEY: Option<String> = secret(
        "secret.credentials.tests.secretKey",
        "Secret key of the default user, for the SDK.",
    );
}
