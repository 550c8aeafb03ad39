//! Users of the database: the root user that the image creates on empty data, and what
//! users may do.

use crate::clearml::mongo_address::AUTH_SOURCE;
use crate::support::http::{Request, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;

/// The users of the database `admin`, and whether clients must log in.
#[derive(Debug)]
pub struct Users {
    users: Map<String, Value>,
    required: bool,
}

/// The root user to create on empty data.
pub struct Root {
    pub name: String,
    pub password: String,
}

impl Root {
    /// Reads `MONGO_INITDB_ROOT_USERNAME` and `…_PASSWORD`.
    pub fn of_process() -> Option<Self> {
        let variable = |name: &str| {
            let value = std::env::var(format!("MONGO_INITDB_ROOT_{name}")).ok();
            value.filter(|value| !value.is_empty())
        };
        Some(Self {
            name: variable("USERNAME")?,
            password: variable("PASSWORD")?,
        })
    }
}

impl Users {
    /// Reads the users in the data directory. On empty data, `root` is created;
    /// existing data keep their users.
    pub fn open(data: &Path, root: Option<Root>, required: bool) -> io::Result<Self> {
        let file = data.join("standin-users.json");
        let empty = !data.join("standin.jsonl").exists();
        if let Some(root) = root.filter(|_| empty) {
            let users = json!({root.name: digest(&root.password)});
            std::fs::write(&file, users.to_string())?;
        }
        let users = match std::fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { users, required })
    }

    /// Returns the response to an unauthorized request.
    pub fn refusal(&self, request: &Request) -> Option<Response> {
        let Some(authorization) = request.header("Authorization") else {
            return self
                .required
                .then(|| refusal(13, "Unauthorized", "command find requires authentication"));
        };
        // Wrong credentials are rejected even if no login is required.
        let admitted = request.header(AUTH_SOURCE) == Some("admin") && self.accepts(authorization);
        (!admitted).then(|| refusal(18, "AuthenticationFailed", "Authentication failed."))
    }

    fn accepts(&self, authorization: &str) -> bool {
        let login = authorization
            .strip_prefix("Basic ")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .and_then(|login| String::from_utf8(login).ok());
        let login = login.as_deref().and_then(|login| login.split_once(':'));
        login.is_some_and(|(name, password)| {
            self.users.get(name) == Some(&Value::String(digest(password)))
        })
    }
}

fn refusal(code: u16, name: &str, message: &str) -> Response {
    let reason = format!(
        "{message}, full error: {{'ok': 0.0, 'errmsg': '{message}', 'code': {code}, 'codeName': '{name}'}}"
    );
    Response::json(401, &json!({"error": {"reason": reason}}))
}

fn digest(password: &str) -> String {
    STANDARD.encode(Sha256::digest(password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearml::databases::basic;

    fn root(password: &str) -> Option<Root> {
        Some(Root {
            name: "root".into(),
            password: password.into(),
        })
    }

    fn refused(users: &Users, password: Option<&str>, source: &str) -> Option<String> {
        let login = password.map(|password| basic("root", password));
        let source = (AUTH_SOURCE.to_owned(), source.to_owned());
        let request = Request {
            peer: "-".into(),
            method: "GET".into(),
            path: "/_standin/task".into(),
            query: String::new(),
            headers: login.into_iter().chain([source]).collect(),
            body: vec![],
        };
        let body = users.refusal(&request)?.as_json();
        body["error"]["reason"].as_str().map(str::to_owned)
    }

    #[test]
    fn creates_the_root_user_only_on_empty_data() {
        let data = tempfile::tempdir().unwrap();
        let users = Users::open(data.path(), root("first"), true).unwrap();
        assert_eq!(refused(&users, Some("first"), "admin"), None);
        std::fs::write(data.path().join("standin.jsonl"), "").unwrap();
        let users = Users::open(data.path(), root("second"), true).unwrap();
        assert_eq!(refused(&users, Some("first"), "admin"), None);
        assert!(refused(&users, Some("second"), "admin").is_some());
    }

    #[test]
    fn rejects_other_users() {
        let data = tempfile::tempdir().unwrap();
        let users = Users::open(data.path(), root("secret"), true).unwrap();
        let reason = refused(&users, None, "admin").unwrap();
        assert!(reason.starts_with("command find requires authentication"));
        let reason = refused(&users, Some("wrong"), "admin").unwrap();
        assert!(reason.starts_with("Authentication failed."));
        assert!(refused(&users, Some("secret"), "backend").is_some());
    }

    #[test]
    fn without_users_accepts_everybody_except_with_a_password() {
        let data = tempfile::tempdir().unwrap();
        let users = Users::open(data.path(), None, false).unwrap();
        assert_eq!(refused(&users, None, ""), None);
        assert!(refused(&users, Some("secret"), "admin").is_some());
    }
}
