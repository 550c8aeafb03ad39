//! The cookie that a login sets: `apiserver.auth.cookies`.

use crate::clearml::config::Config;
use crate::support::version::Version;
use serde_json::Value;

/// A cookie without its value.
pub struct Cookie {
    pub name: String,
    /// The attributes after the value, starting with `; `.
    attributes: String,
}

impl Cookie {
    /// Reads the configuration, which overrides the server's defaults.
    pub fn from_config(config: &Config, version: Version) -> Self {
        let path = |field: &str| format!("apiserver.auth.cookies.{field}");
        let mut attributes = String::new();
        if let Some(domain) = config.text(&path("domain")) {
            attributes += &format!("; Domain={domain}");
        }
        let max_age = config.get(&path("max_age")).and_then(Value::as_i64);
        attributes += &format!("; Max-Age={}", max_age.unwrap_or(99_999_999_999));
        if config.flag(&path("secure"), false) {
            attributes += "; Secure";
        }
        if config.flag(&path("httponly"), true) {
            attributes += "; HttpOnly";
        }
        attributes += "; Path=/";
        let default = (version.major >= 2).then_some("Lax");
        if let Some(same_site) = config.text(&path("samesite")).or(default) {
            attributes += &format!("; SameSite={same_site}");
        }
        let name = config.text("apiserver.auth.session_auth_cookie_name");
        Self {
            name: name.unwrap_or("clearml_token_basic").to_owned(),
            attributes,
        }
    }

    /// Returns the value of the header `Set-Cookie`.
    pub fn header(&self, value: &str) -> String {
        format!("{}={value}{}", self.name, self.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(fields: &[(&str, &str)], version: &str) -> String {
        let pairs = fields.iter().map(|(field, value)| {
            (
                format!("CLEARML__APISERVER__AUTH__{field}"),
                (*value).to_owned(),
            )
        });
        let config = Config::load([], pairs).unwrap();
        Cookie::from_config(&config, Version::parse(version).unwrap()).header("abc")
    }

    #[test]
    fn configured_and_default_attributes() {
        assert_eq!(
            header(&[("COOKIES__MAX_AGE", "3600")], "1.5.0"),
            "clearml_token_basic=abc; Max-Age=3600; HttpOnly; Path=/"
        );
        let fields = [
            ("COOKIES__SECURE", "true"),
            ("COOKIES__HTTPONLY", "false"),
            ("COOKIES__DOMAIN", "example.com"),
            ("COOKIES__SAMESITE", "Strict"),
            ("SESSION_AUTH_COOKIE_NAME", "mine"),
        ];
        assert_eq!(
            header(&fields, "2.3.0"),
            "mine=abc; Domain=example.com; Max-Age=99999999999; Secure; Path=/; SameSite=Strict"
        );
    }
}
