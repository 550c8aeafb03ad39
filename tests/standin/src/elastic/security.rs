//! Authentication with `xpack.security.enabled`: the user `elastic` with the password
//! in `ELASTIC_PASSWORD`.

use crate::elastic::settings::Settings;
use crate::support::http::{Request, Response};
use crate::support::version::Version;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Authenticates REST calls.
pub struct Security {
    version: Version,
    /// `None` if it is not set: the real image generates one.
    password: Option<String>,
}

impl Security {
    /// Returns `None` if security is disabled. It is enabled by default since version
    /// 8, and disabled in the free licence of 7.
    pub fn of(settings: &Settings, version: Version, password: Option<String>) -> Option<Self> {
        let enabled = settings.flag("xpack.security.enabled", version.major >= 8);
        enabled.then(|| Self {
            version,
            password: password.filter(|password| !password.is_empty()),
        })
    }

    /// Returns the response to an unauthorized request.
    pub fn refusal(&self, request: &Request) -> Option<Response> {
        let path = &request.path;
        let Some(authorization) = request.header("Authorization") else {
            return Some(self.unauthorized(&format!(
                "missing authentication credentials for REST request [{path}]"
            )));
        };
        let login = authorization
            .strip_prefix("Basic ")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .and_then(|login| String::from_utf8(login).ok());
        let login = login.as_deref().and_then(|login| login.split_once(':'));
        let admitted = login.is_some_and(|(name, password)| {
            name == "elastic" && Some(password) == self.password.as_deref()
        });
        let name = login.map_or("", |(name, _)| name);
        (!admitted).then(|| {
            self.unauthorized(&format!(
                "unable to authenticate user [{name}] for REST request [{path}]"
            ))
        })
    }

    fn unauthorized(&self, reason: &str) -> Response {
        let basic = "Basic realm=\"security\" charset=\"UTF-8\"";
        let ways: Value = if self.version.major < 8 {
            json!(basic)
        } else {
            json!([basic, "Bearer realm=\"security\"", "ApiKey"])
        };
        let kind = "security_exception";
        let header = json!({"WWW-Authenticate": ways});
        let cause = json!({"type": kind, "reason": reason, "header": header});
        let error =
            json!({"root_cause": [cause], "type": kind, "reason": reason, "header": header});
        let mut response = Response::json(401, &json!({"error": error, "status": 401}));
        let header = ("WWW-Authenticate".to_owned(), basic.to_owned());
        response.headers.push(header);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearml::databases::basic;

    fn security(file: &str, version: &str, password: Option<&str>) -> Option<Security> {
        let version = Version::parse(version).unwrap();
        let settings = Settings::read(file, std::iter::empty(), version).unwrap();
        Security::of(&settings, version, password.map(str::to_owned))
    }

    fn refusal_reason(security: &Security, login: Option<(&str, &str)>) -> Option<String> {
        let request = Request {
            peer: "-".into(),
            method: "GET".into(),
            path: "/_cluster/health".into(),
            query: String::new(),
            headers: login
                .map(|(name, password)| basic(name, password))
                .into_iter()
                .collect(),
            body: vec![],
        };
        let body = security.refusal(&request)?.as_json();
        body["error"]["reason"].as_str().map(str::to_owned)
    }

    #[test]
    fn security_is_enabled_by_default_since_version_8() {
        assert!(security("", "7.17.29", None).is_none());
        assert!(security("", "8.17.0", None).is_some());
        assert!(security("xpack.security.enabled: false", "8.17.0", None).is_none());
    }

    #[test]
    fn accepts_the_user_elastic() {
        let on = "xpack.security.enabled: true";
        let security = security(on, "7.17.29", Some("secret")).unwrap();
        assert_eq!(refusal_reason(&security, Some(("elastic", "secret"))), None);
        assert_eq!(
            refusal_reason(&security, None).as_deref(),
            Some("missing authentication credentials for REST request [/_cluster/health]")
        );
        let wrong = refusal_reason(&security, Some(("elastic", "wrong"))).unwrap();
        assert!(wrong.starts_with("unable to authenticate user [elastic]"));
    }

    #[test]
    fn accepts_nobody_without_a_password() {
        let security = security("", "8.17.0", None).unwrap();
        assert!(refusal_reason(&security, Some(("elastic", ""))).is_some());
    }
}
