//! stub
use serde::de::DeserializeOwned;
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);
pub fn one<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_saphyr::from_str(text).map_err(|e| Error(e.to_string()))
}
pub fn documents(text: &str) -> Result<Vec<serde_json::Value>, Error> {
    serde_saphyr::from_multiple(text).map_err(|e| Error(e.to_string()))
}
