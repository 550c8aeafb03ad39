//! The API server's endpoints and their authentication.

use crate::clearml::config::Config;
use crate::clearml::cookies::Cookie;
use crate::clearml::databases::Documents;
use crate::clearml::envelope::{self, Failure, Outcome};
use crate::clearml::users::User;
use crate::clearml::{
    cors, events, fixed_users, log, models, projects, queues, tasks, token, web_app, workers,
};
use crate::support::clock;
use crate::support::http::{Request, Response};
use crate::support::version::Version;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The lifetime of a token without `expiration_sec`.
const TOKEN_SECONDS: u64 = 30 * 24 * 3600;

pub struct Api {
    version: Version,
    api_version: &'static str,
    company: String,
    cookie: Cookie,
    fixed_mode: bool,
    token_secret: String,
    /// The users in the configuration; others are in MongoDB.
    users: Vec<User>,
    pub mongo: Documents,
    pub elastic: Documents,
}

impl Api {
    /// Creates a server whose required settings have been checked.
    pub fn new(
        version: Version,
        config: &Config,
        users: Vec<User>,
        mongo: Documents,
        elastic: Documents,
    ) -> Self {
        let text = |path| config.text(path).unwrap_or_default().to_owned();
        Self {
            version,
            api_version: if version.major < 2 { "2.18" } else { "2.34" },
            company: text("apiserver.default_company"),
            cookie: Cookie::from_config(config, version),
            fixed_mode: fixed_users::enabled(config),
            token_secret: text("secure.auth.token_secret"),
            users,
            mongo,
            elastic,
        }
    }

    /// Handles a request.
    pub fn handle(&self, request: &Request) -> Response {
        if request.method == "OPTIONS" {
            return cors::admit(request, Response::new(200, "text/html", ""));
        }
        let (requested, endpoint) = split_version(request.path.trim_start_matches('/'));
        let requested = requested.unwrap_or(self.api_version);
        let started = Instant::now();
        let outcome = self.outcome(endpoint, request);
        log_call(endpoint, &outcome, started.elapsed());
        let new_token = outcome
            .as_ref()
            .ok()
            .filter(|_| endpoint == "auth.login")
            .and_then(|data| data["token"].as_str().map(str::to_owned));
        let mut response = envelope::wrap(endpoint, requested, self.api_version, outcome);
        if let Some(token) = new_token {
            let cookie = self.cookie.header(&token);
            response.headers.push(("Set-Cookie".into(), cookie));
        }
        cors::admit(request, response)
    }

    fn outcome(&self, endpoint: &str, request: &Request) -> Outcome {
        match endpoint {
            "debug.ping" => return Ok(json!({"msg": "ClearML server"})),
            "server.info" if self.version.major < 2 => return Ok(self.info()),
            "login.supported_modes" => {
                return Ok(
                    json!({"authenticated": self.caller(request).is_ok(), "basic": {"enabled": self.fixed_mode}, "sso": {}}),
                );
            }
            _ => {}
        }
        let caller = self.impersonated(self.caller(request)?, request)?;
        if endpoint == "events.add_batch" {
            return events::add_batch(self, request);
        }
        let body = body(request)?;
        match endpoint {
            "auth.login" => {
                // A login reads the user, so it fails without MongoDB.
                self.mongo.all("credentials")?;
                Ok(json!({"token": self.token_for(&caller, body["expiration_sec"].as_u64())}))
            }
            "auth.validate_token" => {
                require_system_role(&caller)?;
                let claims = token::verify(text(&body, "token")?, &self.token_secret);
                Ok(json!({"valid": claims.is_some()}))
            }
            "auth.create_user" => {
                require_system_role(&caller)?;
                text(&body, "company")?;
                text(&body, "email")?;
                let id = envelope::new_id();
                let user = json!({"id": id, "name": text(&body, "name")?, "role": "user"});
                self.mongo.put_one("user", &id, user)?;
                Ok(json!({"id": id}))
            }
            "auth.get_token_for_user" => {
                require_system_role(&caller)?;
                let user = self.user(text(&body, "user")?)?;
                Ok(json!({"token": self.token_for(&user, body["expiration_sec"].as_u64())}))
            }
            "auth.create_credentials" => self.create_credentials(&caller),
            "users.get_all" => {
                let users = self.mongo.all("user")?;
                let users: Vec<Value> = users.into_iter().map(|(_, user)| user).collect();
                Ok(json!({"users": users}))
            }
            "users.get_current_user" => Ok(json!({
                "user": {"id": caller.id, "name": caller.name, "role": caller.role, "company": {"id": self.company}},
            })),
            "server.info" => Ok(self.info()),
            _ => self.of_service(&caller, endpoint, &body),
        }
    }

    /// Calls an endpoint of the services that keep users' data.
    fn of_service(&self, caller: &User, endpoint: &str, body: &Value) -> Outcome {
        let (service, action) = endpoint.split_once('.').unwrap_or((endpoint, ""));
        if let Some(outcome) = web_app::call(endpoint) {
            return outcome;
        }
        let outcome = match service {
            "projects" => projects::call(self, caller, action, body),
            "tasks" => tasks::call(self, caller, action, body),
            "models" => models::call(self, caller, action, body),
            "queues" => queues::call(self, caller, action, body),
            "workers" => workers::call(self, caller, action, body),
            "events" => events::call(self, action, body),
            _ => None,
        };
        let unknown = || format!("Unable to find endpoint for name {endpoint}");
        outcome.unwrap_or_else(|| Err(Failure::new(404, 0, unknown())))
    }

    /// Authenticates the caller by token, key and secret, or cookie.
    fn caller(&self, request: &Request) -> Result<User, Failure> {
        let authorization = request.header("Authorization").unwrap_or_default();
        if let Some(encoded) = authorization.strip_prefix("Basic ") {
            return self.by_key(encoded);
        }
        let bearer = authorization.strip_prefix("Bearer ");
        let token = bearer.or_else(|| request.cookie(&self.cookie.name));
        let token =
            token.ok_or_else(|| Failure::new(401, 20, "Unauthorized (missing credentials)"))?;
        let claims = token::verify(token.trim(), &self.token_secret)
            .ok_or_else(|| Failure::new(401, 30, "Unauthorized (invalid token)"))?;
        let field = |name: &str| {
            claims["identity"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (id, role) = (field("user"), field("role"));
        let configured = self.users.iter().find(|user| user.id == id).cloned();
        Ok(configured.unwrap_or(User {
            name: field("user_name"),
            id,
            login: None,
            role,
            protected: false,
        }))
    }

    /// Returns the user as whom the web app logs its visitor in, or the caller itself.
    fn impersonated(&self, caller: User, request: &Request) -> Result<User, Failure> {
        match request.header("X-Clearml-Impersonate-As") {
            Some(id) => require_system_role(&caller).and_then(|()| self.user(id)),
            None => Ok(caller),
        }
    }

    fn by_key(&self, encoded: &str) -> Result<User, Failure> {
        let invalid = || Failure::new(401, 22, "Unauthorized (invalid credentials)");
        let decoded = STANDARD.decode(encoded.trim()).map_err(|_| invalid())?;
        let decoded = String::from_utf8(decoded).map_err(|_| invalid())?;
        let (key, secret) = decoded.split_once(':').ok_or_else(invalid)?;
        for user in &self.users {
            let login = user.login.as_ref();
            if let Some(login) = login.filter(|login| login.name == key) {
                let admitted = login.secret.matches(secret).then(|| user.clone());
                return admitted.ok_or_else(invalid);
            }
        }
        let stored = self.mongo.get("credentials", key)?.ok_or_else(invalid)?;
        if stored["secret"] != secret {
            return Err(invalid());
        }
        self.user(stored["user"].as_str().unwrap_or_default())
    }

    fn user(&self, id: &str) -> Result<User, Failure> {
        if let Some(user) = self.users.iter().find(|user| user.id == id) {
            return Ok(user.clone());
        }
        let stored = self.mongo.get("user", id)?;
        let stored =
            stored.ok_or_else(|| Failure::new(400, 302, format!("Invalid user id: {id}")))?;
        Ok(User {
            id: id.to_owned(),
            name: stored["name"].as_str().unwrap_or_default().to_owned(),
            login: None,
            role: stored["role"].as_str().unwrap_or("user").to_owned(),
            protected: false,
        })
    }

    fn create_credentials(&self, caller: &User) -> Outcome {
        if caller.protected {
            return Err(Failure::bad_request(
                "cannot create credentials for a protected user",
            ));
        }
        let (key, secret) = (envelope::new_id().to_uppercase(), envelope::new_id());
        self.mongo.put_one(
            "credentials",
            &key,
            json!({"secret": secret, "user": caller.id}),
        )?;
        Ok(json!({"credentials": {"access_key": key, "secret_key": secret, "label": null}}))
    }

    fn token_for(&self, user: &User, seconds: Option<u64>) -> String {
        let now = clock::seconds();
        let claims = json!({
            "auth_type": "Bearer",
            "iat": now,
            "exp": now + seconds.unwrap_or(TOKEN_SECONDS),
            "identity": {"user": user.id, "user_name": user.name, "company": self.company, "role": user.role},
            "api_version": self.api_version,
            "server_version": self.version.to_string(),
            "server_build": "standin",
        });
        token::sign(&claims, &self.token_secret)
    }

    fn info(&self) -> Value {
        json!({
            "version": self.version.to_string(),
            "build": "standin",
            "commit": "standin",
            "api_version": self.api_version,
        })
    }
}

fn require_system_role(caller: &User) -> Result<(), Failure> {
    let allowed = caller.role == "system" || caller.role == "admin";
    allowed
        .then_some(())
        .ok_or_else(|| Failure::new(403, 20, "Forbidden (missing role permissions)"))
}

/// Returns a required string field.
pub fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, Failure> {
    body[field]
        .as_str()
        .ok_or_else(|| Failure::bad_request(format!("{field} is a required field")))
}

fn body(request: &Request) -> Outcome {
    if request.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(Value::Object(body)),
        _ => Err(Failure::new(400, 0, "Invalid JSON body")),
    }
}

/// Splits `v2.17/auth.login` into version and endpoint.
fn split_version(path: &str) -> (Option<&str>, &str) {
    let parts = path
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('/'))
        .filter(|(version, _)| {
            version
                .chars()
                .all(|character| character == '.' || character.is_ascii_digit())
        });
    match parts {
        Some((version, endpoint)) => (Some(version), endpoint),
        None => (None, path),
    }
}

/// Prints the log line of a call.
fn log_call(endpoint: &str, outcome: &Outcome, duration: Duration) {
    let duration = duration.as_millis();
    let (level, line) = match outcome {
        Ok(_) => (
            "INFO",
            format!("Returned 200 for {endpoint} in {duration}ms"),
        ),
        Err(Failure { code, message, .. }) => (
            "WARNING",
            format!("Returned {code} for {endpoint} in {duration}ms, msg={message}"),
        ),
    };
    log(level, "clearml.service_repo", &line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_a_path_is_optional() {
        assert_eq!(
            split_version("v2.17/auth.login"),
            (Some("2.17"), "auth.login")
        );
        assert_eq!(
            split_version("v999.0/auth.login"),
            (Some("999.0"), "auth.login")
        );
        assert_eq!(split_version("auth.login"), (None, "auth.login"));
    }
}
