//! The named layers of values below those of the user: the chart, this program, the release,
//! the memory of the host of a local node, and `--with-ingress`.

use helm_values::{has_value, merge_maps};
use serde_json::{Map, Value};

use super::keys::{self, Definition, Origin, elasticsearch, ingress};
use super::{Inputs, elastic, kind, limits};
use crate::component::Component;
use crate::profile::Profile;
use crate::release::Release;

/// Values from one source.
struct Layer {
    /// The source as shown to users.
    name: String,
    tree: Value,
}

impl Layer {
    fn empty(name: impl Into<String>) -> Layer {
        Layer {
            name: name.into(),
            tree: Value::Object(Map::new()),
        }
    }
}

/// Layers, lowest precedence first.
pub(super) struct Layers(Vec<Layer>);

impl Layers {
    /// The defaults for a release and a host.
    pub(super) fn defaults(release: &Release, profile: Option<&Profile>) -> Layers {
        Layers::new(release, profile.map(of_profile))
    }

    /// Without a profile, memory sizes are those of the chart.
    fn new(release: &Release, profile: Option<Layer>) -> Layers {
        let [chart, ours] = constant(profile.is_none());
        let mut layers = vec![chart, ours, of_release(release)];
        layers.extend(profile);
        Layers(layers)
    }

    /// The layers below the values of a user. The user's values determine which limits of the
    /// profile are adjusted, and whether `--with-ingress` enables ingresses.
    pub(super) fn below(user: &Value, inputs: &Inputs<'_>) -> Layers {
        let profile = inputs.target.profile().map(|profile| {
            let mut layer = of_profile(profile);
            limits::adjust(&mut layer.tree, user, profile);
            layer
        });
        let mut layers = Layers::new(inputs.release, profile);
        if enables_ingresses(user, inputs) {
            layers.0.push(of_ingress());
        }
        layers
    }

    pub(super) fn merged(&self) -> Value {
        let mut tree = Map::new();
        for layer in &self.0 {
            if let Value::Object(map) = &layer.tree {
                merge_maps(&mut tree, map.clone());
            }
        }
        Value::Object(tree)
    }

    /// Returns the name of the layer with the highest precedence that has a key.
    pub(super) fn source(&self, key: &Definition) -> Option<&str> {
        let path: Vec<&str> = key.steps().collect();
        let mut layers = self.0.iter().rev();
        let layer = layers.find(|layer| has_value(&layer.tree, &path))?;
        Some(&layer.name)
    }
}

/// The constant defaults: those of the chart, with or without its memory sizes, and those of
/// this program.
fn constant(with_memory: bool) -> [Layer; 2] {
    let (mut chart, mut ours) = (Layer::empty("chart"), Layer::empty("clearml-local"));
    for key in keys::all() {
        let layer = match key.definition.origin {
            Origin::Release => continue,
            Origin::Profile if !with_memory => continue,
            _ if key.chart == Some(&key.default) => &mut chart,
            _ => &mut ours,
        };
        keys::put(&mut layer.tree, &keys::path(&key.path), key.default.clone());
    }
    [chart, ours]
}

fn of_release(release: &Release) -> Layer {
    let mut layer = Layer::empty(format!("release {}", release.name));
    for component in Component::ALL {
        let image = &release.image(component).reference;
        let pods = keys::pods(component);
        pods.image_repository
            .set(&mut layer.tree, image.repository().into());
        pods.image_tag.set(&mut layer.tree, image.tag().into());
    }
    if let Some(settings) = elastic::defaults(release) {
        let key = &elasticsearch::PODS.extra_envs;
        key.set(&mut layer.tree, settings.into());
    }
    layer
}

fn of_profile(profile: &Profile) -> Layer {
    let mut layer = Layer::empty(format!("host (profile {})", profile.name));
    for component in Component::ALL {
        let resources = &keys::pods(component).resources;
        resources.set(&mut layer.tree, profile.resources(component));
    }
    let java_options = profile.java_options().into();
    elasticsearch::ES_JAVA_OPTS.set(&mut layer.tree, java_options);
    layer
}

/// Enables the ingress of each server, with the chart's host name.
fn of_ingress() -> Layer {
    let mut layer = Layer::empty("--with-ingress");
    for (_, site) in ingress::SITES {
        site.enabled.set(&mut layer.tree, Value::Bool(true));
    }
    layer
}

/// Reports whether `--with-ingress` enables the ingresses: there is an ingress controller,
/// and the values of the user enable none.
pub(super) fn enables_ingresses(user: &Value, inputs: &Inputs<'_>) -> bool {
    let has_some = ingress::SITES.iter().any(|(_, site)| {
        let enabled = site.enabled.at(user);
        // Invalid values are reported later.
        !enabled.is_null() && kind::flag(enabled) != Some(false)
    });
    inputs.target.controller().is_some() && !has_some
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Catalogue;

    #[test]
    fn each_default_comes_from_the_origin_of_its_key() {
        let profile = Profile::for_memory(8_000_000_000);
        let layers = Layers::defaults(&Catalogue::default_release(), Some(&profile));
        for key in keys::all() {
            let from = layers.source(key.definition);
            let expected = match key.definition.origin {
                Origin::Release => "release 1.5.0",
                Origin::Profile => "host (profile standard)",
                _ if key.chart == Some(&key.default) => "chart",
                _ => "clearml-local",
            };
            assert_eq!(from, Some(expected), "{}", key.path);
        }
    }
}
