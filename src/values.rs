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
pub struct Values;
impl Values {
    pub fn node_ports(&self) -> crate::settings::Ports {
        Default::default()
    }
    pub fn image(&self, _: crate::component::Component) -> String {
        String::new()
    }
}
pub struct Inputs<'a> {
    pub release: &'a crate::release::Release,
    pub profile: &'a crate::profile::Profile,
    pub files: &'a [crate::settings::ValuesFile],
    pub sets: &'a [String],
}
pub fn resolve(_: &Inputs<'_>) -> Result<Values, Error> {
    Ok(Values)
}
