//! Users with passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Context, Finding, Found};
use crate::values::User;
use crate::values::keys::apiserver::{FIXED_USERS, FIXED_USERS_ENABLED, FIXED_USERS_PASS_HASHED};

pub(super) fn errors(context: &Context<'_>, found: &mut Found) {
    let Some(fixed) = &context.values.api.fixed_users else {
        return;
    };
    if fixed.users.is_empty() {
        found.push(Finding::of(
            [FIXED_USERS_ENABLED.to_string(), FIXED_USERS.to_string()],
            format!(
                "no user could log in: `{FIXED_USERS_ENABLED}` is true, but `{FIXED_USERS}` is \
                 empty"
            ),
        ));
    }
    for (key, user) in each(&fixed.users) {
        if fixed.hashed
            && let Err(why) = check_hash(&user.password)
        {
            let name = &user.username;
            found.push(Finding::new(
                key.clone(),
                format!("`{name}` could not log in: `{FIXED_USERS_PASS_HASHED}` is true, and `{key}` {why}"),
            ));
        }
    }
}

pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    let Some(fixed) = &context.values.api.fixed_users else {
        return;
    };
    for (key, user) in each(&fixed.users) {
        let looks_hashed = looks_like_bcrypt(&user.password) || check_hash(&user.password).is_ok();
        if !fixed.hashed && looks_hashed {
            found.push(Finding::new(
                key.clone(),
                format!("`{key}` looks like a hash, but is the password itself unless `{FIXED_USERS_PASS_HASHED}` is true"),
            ));
        }
    }
}

/// The users, each with the key of its password.
fn each(users: &[User]) -> impl Iterator<Item = (String, &User)> {
    let users = users.iter().enumerate();
    users.map(|(index, user)| (FIXED_USERS.field(index, "password"), user))
}

/// Checks that a password is a base64-encoded bcrypt hash.
fn check_hash(password: &str) -> Result<(), &'static str> {
    if looks_like_bcrypt(password) {
        return Err(
            "is a bcrypt hash, but is not base64-encoded; encode it: printf %s 'HASH' | base64 -w0",
        );
    }
    let decoded = STANDARD.decode(password).unwrap_or_default();
    match &decoded[..] {
        hash if is_bcrypt(hash) => Ok(()),
        [hash @ .., b'\n'] if is_bcrypt(hash) => Err(
            "ends with an encoded line break; encode it without one: printf %s 'HASH' | base64 \
                -w0",
        ),
        _ => Err(
            "is not a base64-encoded bcrypt hash; create one: htpasswd -nbBC 12 '' 'PASSWORD' | \
             tr -d ':\\n' | base64 -w0",
        ),
    }
}

/// Whether a text starts like a bcrypt hash: `$2b$` and the cost.
fn looks_like_bcrypt(text: &str) -> bool {
    let mut parts = text.split('$');
    let (start, version, cost) = (parts.next(), parts.next(), parts.next());
    start == Some("")
        && matches!(version, Some("2a" | "2b" | "2y"))
        && cost.is_some_and(|cost| cost.len() == 2 && cost.parse::<u8>().is_ok())
}

/// Whether this is a bcrypt hash: `$2b$`, the cost, and 53 characters of salt and hash.
fn is_bcrypt(hash: &[u8]) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "./$".contains(c);
    std::str::from_utf8(hash)
        .is_ok_and(|hash| looks_like_bcrypt(hash) && hash.len() == 60 && hash.chars().all(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$12$abcdefghijklmnopqrstuuAbCdEfGhIjKlMnOpQrStUvWxYz0123a";

    #[test]
    fn accepts_only_an_encoded_hash() {
        let encode = |text: &str| STANDARD.encode(text);
        assert_eq!(check_hash(&encode(BCRYPT)), Ok(()));
        assert_eq!(check_hash(&encode(&BCRYPT.replace("2b", "2y"))), Ok(()));
        for (password, why) in [
            (BCRYPT.to_owned(), "not base64-encoded"),
            ("hunter2".to_owned(), "is not a base64-encoded bcrypt hash"),
            (encode("hunter2"), "is not a base64-encoded bcrypt hash"),
            (encode(&BCRYPT[..59]), "is not a base64-encoded bcrypt hash"),
            (encode(&format!("{BCRYPT}\n")), "line break"),
        ] {
            assert!(check_hash(&password).unwrap_err().contains(why), "{why}");
        }
    }
}
