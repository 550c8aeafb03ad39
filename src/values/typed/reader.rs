//! Reads values by key from a tree with valid values.

use serde_json::Value;

use crate::component::Component;
use crate::image_ref::ImageRef;
use crate::release::Release;
use crate::values::keys::{self, Key};
use crate::values::kind;

/// A tree with valid values.
pub(super) struct Reader<'a> {
    tree: &'a Value,
    release: &'a Release,
    /// The namespace in templates.
    namespace: &'a str,
    /// The keys that were read.
    #[cfg(test)]
    pub(super) read: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a Value, release: &'a Release, namespace: &'a str) -> Self {
        Reader {
            tree,
            release,
            namespace,
            #[cfg(test)]
            read: std::cell::RefCell::default(),
        }
    }

    pub(super) fn get<T>(&self, key: &Key<T>) -> T {
        #[cfg(test)]
        self.read.borrow_mut().insert(key.to_string());
        key.read(self.tree)
    }

    /// Returns the text of a template, expanded.
    pub(super) fn expanded(&self, key: &Key<String>) -> String {
        kind::expand(&self.get(key), self.namespace).unwrap_or_default()
    }

    /// Returns the image of a component with the tag of a key. Missing parts are those of the
    /// release.
    pub(super) fn image(&self, component: Component, tag: &Key<Option<String>>) -> ImageRef {
        let default = &self.release.image(component).reference;
        let repository = self.get(&keys::pods(component).image_repository);
        let repository = repository.as_deref().unwrap_or(default.repository());
        let tag = self.get(tag);
        let tag = tag.as_deref().unwrap_or(default.tag_or_default());
        ImageRef::tagged(repository, tag).unwrap_or_else(|_| default.clone())
    }
}
