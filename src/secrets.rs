//! stub
use serde::*;
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Creds {
    pub tests: Credentials,
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    pub credentials: Creds,
}
impl Secrets {
    pub fn generate() -> Secrets {
        Secrets {
            credentials: Creds {
                tests: Credentials {
                    access_key: "A".into(),
                    secret_key: "B".into(),
                },
            },
        }
    }
}
