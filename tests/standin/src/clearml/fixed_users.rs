//! Fixed users: `apiserver.auth.fixed_users`, who log in with a password.

use crate::clearml::config::Config;
use crate::clearml::users::{Login, Secret, User};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const PATH: &str = "apiserver.auth.fixed_users";

/// Returns whether only fixed users can log in to the web app.
pub fn enabled(config: &Config) -> bool {
    config.flag(&format!("{PATH}.enabled"), false)
}

/// Returns the fixed users; none if they are disabled. As in the real server, one
/// mistake invalidates all of them, but does not stop the server.
pub fn from_config(config: &Config) -> Result<Vec<User>, String> {
    if !enabled(config) {
        return Ok(Vec::new());
    }
    let hashed = config.flag(&format!("{PATH}.pass_hashed"), false);
    let path = format!("{PATH}.users");
    let entries = match config.get(&path) {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(format!("{path} is not a list")),
    };
    let mut users: Vec<User> = Vec::new();
    for entry in entries {
        let field = |name: &str| {
            let text = entry[name].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("{path}: an entry has no {name} that is a text"))
        };
        let (username, password) = (field("username")?, field("password")?);
        let id = user_id(&username);
        if users.iter().any(|user| user.id == id) {
            return Err(format!("{path}: {username} is there twice"));
        }
        let secret = if hashed {
            Secret::Hashed(password)
        } else {
            Secret::Plain(password)
        };
        users.push(User {
            id,
            name: field("name")?,
            login: Some(Login {
                name: username,
                secret,
            }),
            role: "user".to_owned(),
            protected: false,
        });
    }
    Ok(users)
}

/// Returns an identifier that is the same after every start.
fn user_id(username: &str) -> String {
    let digest = Sha256::digest(username);
    digest[..16].iter().fold(String::new(), |mut id, byte| {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearml::config::File;

    fn parse(users: &str) -> Result<Vec<User>, String> {
        let text = format!("auth.fixed_users {{ enabled: true, users: {users} }}");
        let file = File {
            path: "apiserver.conf".into(),
            text,
        };
        from_config(&Config::load([file], []).unwrap())
    }

    #[test]
    fn a_user_has_a_name_a_password_and_a_display_name() {
        let users = parse(r#"[{username: "jane", password: "12", name: "Jane Doe"}]"#).unwrap();
        assert_eq!(users[0].id.len(), 32);
        assert!(users[0].login.as_ref().unwrap().secret.matches("12"));
        // A number is not a string.
        assert!(parse("[{username: jane, password: 12, name: Jane}]").is_err());
        assert!(parse("[{username: jane, name: Jane}]").is_err());
    }

    #[test]
    fn a_duplicate_name_invalidates_all_users() {
        let jane = "{username: jane, password: a, name: Jane}";
        assert!(
            parse(&format!("[{jane}, {jane}]"))
                .unwrap_err()
                .contains("twice")
        );
    }
}
