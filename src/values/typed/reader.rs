//! Values by their key, out of a tree whose values were checked: what is not there
//! is empty.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Files;
use crate::component::Component;
use crate::image_ref::ImageRef;
use crate::release::Release;
use crate::values::kind;

/// A tree whose values fit their kinds.
pub(in crate::values) struct Reader<'a> {
    tree: &'a Value,
    release: &'a Release,
}

impl<'a> Reader<'a> {
    pub(in crate::values) fn new(tree: &'a Value, release: &'a Release) -> Self {
        Reader { tree, release }
    }

    pub(super) fn get(&self, key: &str) -> &'a Value {
        key.split('.').fold(self.tree, |tree, name| &tree[name])
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        kind::flag(self.get(key)).unwrap_or_default()
    }

    pub(super) fn text(&self, key: &str) -> String {
        kind::text(self.get(key)).unwrap_or_default()
    }

    /// The text, where there is one that is not empty.
    pub(super) fn some(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// The image of a component with the tag of a key; the release's where the values
    /// have none.
    pub(super) fn image(&self, component: Component, tag: &str) -> ImageRef {
        let default = &self.release.image(component).reference;
        let repository = self.some(&format!("{component}.image.repository"));
        let repository = repository.as_deref().unwrap_or(default.repository());
        let tag = self.some(tag);
        let tag = tag.as_deref().unwrap_or(default.tag_or_default());
        ImageRef::tagged(repository, tag).unwrap_or_else(|_| default.clone())
    }

    pub(super) fn filled(&self, key: &str) -> String {
        kind::fill(&self.text(key)).unwrap_or_default()
    }

    pub(super) fn whole(&self, key: &str) -> u64 {
        kind::whole(self.get(key)).unwrap_or_default()
    }

    pub(super) fn count(&self, key: &str) -> u32 {
        u32::try_from(self.whole(key)).unwrap_or(u32::MAX)
    }

    pub(super) fn port(&self, key: &str) -> u16 {
        u16::try_from(self.whole(key)).unwrap_or_default()
    }

    /// A map, as Kubernetes takes it; empty where there is none.
    pub(super) fn map(&self, key: &str) -> Value {
        match self.get(key) {
            Value::Object(map) => Value::Object(map.clone()),
            _ => Value::Object(Map::new()),
        }
    }

    /// A list, as Kubernetes takes it; empty where there is none.
    pub(super) fn list(&self, key: &str) -> Vec<Value> {
        self.get(key).as_array().cloned().unwrap_or_default()
    }

    /// Names and texts.
    pub(super) fn texts(&self, key: &str) -> BTreeMap<String, String> {
        let map = self.get(key).as_object().into_iter().flatten();
        map.filter_map(|(name, value)| Some((name.clone(), kind::text(value)?)))
            .collect()
    }

    pub(super) fn files(&self, key: &str) -> Files {
        self.texts(key)
    }

    pub(super) fn arguments(&self, key: &str) -> Vec<String> {
        self.list(key).iter().filter_map(kind::text).collect()
    }

    pub(super) fn environment(&self, key: &str) -> Vec<Value> {
        kind::environment_of(self.get(key))
    }
}
