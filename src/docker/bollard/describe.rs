//! Descriptions as the engine sends them, for people.

use serde_json::Value;

use super::Docker;
use crate::docker::{Error, Subject};

impl Docker {
    pub(super) async fn describe_as_json(&self, subject: Subject<'_>) -> Result<Value, Error> {
        let value = match subject {
            Subject::Engine => {
                let info = self.client.info().await;
                serde_json::to_value(info.map_err(Docker::failed("return its information"))?)
            }
            Subject::Container(name) => {
                let found = self.client.inspect_container(name, None).await;
                serde_json::to_value(found.map_err(Docker::failed(format!("inspect {name}")))?)
            }
        };
        Ok(value.unwrap_or_default())
    }
}
