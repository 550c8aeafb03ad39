//! JSON web tokens, signed with HMAC-SHA256: a token that a test forges with a
//! published `auth_token` is accepted only if the server uses that one.

use crate::support::clock;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub fn sign(claims: &Value, secret: &str) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let body = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = hmac(secret.as_bytes(), body.as_bytes());
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the claims of a valid token.
pub fn verify(token: &str, secret: &str) -> Option<Value> {
    let (body, signature) = token.rsplit_once('.')?;
    let expected = URL_SAFE_NO_PAD.encode(hmac(secret.as_bytes(), body.as_bytes()));
    let claims = URL_SAFE_NO_PAD.decode(body.split_once('.')?.1).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let expired = claims["exp"]
        .as_u64()
        .is_some_and(|end| end <= clock::seconds());
    (signature == expected && !expired).then_some(claims)
}

/// RFC 2104 with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4231_case_2() {
        let digest = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(digest[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(digest[28..], [0x64, 0xec, 0x38, 0x43]);
    }

    #[test]
    fn a_token_is_valid_only_with_its_secret() {
        let token = sign(&json!({"a": 1}), "one");
        assert_eq!(verify(&token, "one"), Some(json!({"a": 1})));
        assert_eq!(verify(&token, "two"), None);
        assert_eq!(verify(&sign(&json!({"exp": 1}), "one"), "one"), None);
        assert_eq!(verify("nonsense", "one"), None);
    }
}
