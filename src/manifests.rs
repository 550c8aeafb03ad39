//! stub
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct Error;
impl crate::error::Explain for Error {
    fn code(&self) -> crate::error::Code {
        crate::error::Code::Usage
    }
}
#[derive(Debug, Clone)]
pub struct Object(serde_json::Value);
impl Object {
    pub fn as_value(&self) -> &serde_json::Value {
        &self.0
    }
}
pub struct Inputs<'a> {
    pub instance: &'a str,
    pub release: &'a crate::release::Release,
    pub values: &'a crate::values::Values,
    pub secrets: &'a crate::secrets::Secrets,
    pub endpoints: &'a crate::probe::Endpoints,
    pub identities: &'a crate::images::Identities,
    pub data_root: &'a str,
}
pub fn render(_: &Inputs<'_>) -> Result<Vec<Object>, Error> {
    Ok(vec![])
}
pub fn to_yaml(_: &[Object], _: bool) -> String {
    String::new()
}
