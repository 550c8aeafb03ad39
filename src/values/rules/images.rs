//! Checks that the images match the release.

use super::{Context, Finding, Found, keys_listed};
use crate::component::Component;
use crate::release::{Catalogue, Release};
use crate::values::keys;

/// The last parts of the names of the release's images, also in private registries. The tags
/// of other images are not versions.
const KNOWN_IMAGES: [&str; 6] = [
    "clearml",
    "server",
    "redis",
    "mongo",
    "mongodb",
    "elasticsearch",
];

/// Refuses tags of another version than the release's, which may not support the settings or
/// may be unable to read the data.
pub(super) fn errors(context: &Context<'_>, found: &mut Found) {
    let (values, release) = (context.values, context.release);
    for component in values.installed() {
        let image = values.image(component);
        let (repository, tag) = (image.repository(), image.tag_or_default());
        if component.is_database() && repository.contains("bitnami") {
            found.push(Finding::new(
                &keys::pods(component).image_repository,
                format!(
                    "`{repository}` keeps its data elsewhere and runs as another user than the \
                     official images that are installed here: remove `{component}.image`"
                ),
            ));
            continue;
        }
        let known = KNOWN_IMAGES.contains(&image.short_name());
        if !known || release.is_database_version(component, tag) != Some(false) {
            continue;
        }
        let key = match component {
            Component::Elasticsearch if values.elasticsearch.uses_elastic_image_tag => {
                &keys::elasticsearch::IMAGE_TAG
            }
            _ => &keys::pods(component).image_tag,
        };
        let expected = release.image(component);
        let fits = |other: &Release| other.is_database_version(component, tag) == Some(true);
        let instead = match Catalogue::builtin().all().iter().find(|other| fits(other)) {
            Some(other) => format!(
                "remove it, or use the release that has it: --release {}",
                other.name
            ),
            None => "remove it: no release has that version".to_owned(),
        };
        found.push(Finding::new(
            key,
            format!(
                "`{key}` is {tag}, but release {} has {}: {instead}",
                release.name,
                expected.reference.tag_or_default()
            ),
        ));
    }
}

/// Warns about the pull policy `Always`, which does not use the images in a local node.
pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    if context.target.is_cluster() {
        return;
    }
    let installed = context.values.installed();
    let always = installed
        .into_iter()
        .filter(|component| context.values.pods(*component).image.pull_policy == "Always");
    let keys: Vec<String> = always
        .map(|component| keys::pods(component).image_pull_policy.to_string())
        .collect();
    if keys.is_empty() {
        return;
    }
    let is = if keys.len() == 1 { "is" } else { "are" };
    let what = format!(
        "{} {is} Always: pods start only while the registry is reachable from the node, although the image is loaded into it; IfNotPresent needs no registry",
        keys_listed(&keys)
    );
    found.push(Finding::of(keys, what));
}
