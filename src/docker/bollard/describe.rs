//! Descriptions as the engine sends them, for people.

use serde_json::Value;

use super::Docker;
use super::calls::Call;
use crate::docker::{Error, Subject};

impl Docker {
    pub(super) async fn describe_as_json(&self, subject: Subject<'_>) -> Result<Value, Error> {
        let value = match subject {
            Subject::Engine => {
                let call = Call::read("return its information");
                let request = |client: bollard::Docker| async move { client.info().await };
                serde_json::to_value(self.calls.answer(call, request).await?)
            }
            Subject::Container(name) => {
                let call = Call::read(format!("inspect {name}"));
                let request = |client: bollard::Docker| async move {
                    client.inspect_container(name, None).await
                };
                serde_json::to_value(self.calls.answer(call, request).await?)
            }
        };
        Ok(value.unwrap_or_default())
    }
}
