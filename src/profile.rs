//! stub
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: &'static str,
}
impl Profile {
    pub fn for_machine(_: u64, _: u32) -> Profile {
        Profile { name: "small" }
    }
    pub fn memory_needed(&self) -> u64 {
        1
    }
}
