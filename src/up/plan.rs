//! What `up` is to make, worked out before anything is touched; pure.

use std::collections::BTreeMap;

use super::preflight::Finding;
use super::{Request, ingress};
use crate::component::Component;
use crate::docker::{Container, Credentials, EngineInfo};
use crate::error::Result;
use crate::files;
use crate::images::{Identities, RequiredImage, Sources};
use crate::manifests::{self, INGRESS_CLASS, Object, TRAEFIK_IMAGE};
use crate::node::spec::{self, Difference, INGRESS_NODE_PORTS, NodeSpec};
use crate::path::HostPath;
use crate::ports::Ports;
use crate::probe::Endpoints;
use crate::profile::Profile;
use crate::proxy::Proxies;
use crate::release::{self, Catalogue, Release};
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::Marker;
use crate::values::{self, EffectiveValue, PullSecret, Resolved, Values};

/// Everything that the settings, the release and the engine's size decide.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: InstanceName,
    pub instance: Instance,
    /// Where its data were until now, if there was an `up` before.
    pub former_data_dir: Option<DataPlace>,
    pub release: Release,
    pub profile: Profile,
    pub values: Values,
    /// The same as one tree, for the history.
    pub tree: serde_json::Value,
    /// Every key, and where its value comes from.
    pub effective: Vec<EffectiveValue>,
    /// What a person should know of them.
    pub warnings: Vec<String>,
    /// The user's own login to the registry of `imageCredentials`, where the values
    /// ask for it.
    pub registry_login: Option<(String, String)>,
    /// What was found to be in the way before preflight.
    pub(super) in_the_way: Vec<Finding>,
}

impl Plan {
    /// Works out the plan.
    ///
    /// # Errors
    /// When the release is unknown or the values cannot be meant; all that is
    /// wrong with the values at once.
    pub fn new(
        name: InstanceName,
        instance: Instance,
        earlier: Option<&Instance>,
        engine: &EngineInfo,
    ) -> Result<Plan> {
        let release = find_release(&instance)?;
        let profile = Profile::for_memory(engine.memory);
        let Resolved {
            values,
            mut warnings,
            tree,
            effective,
        } = values::resolve(&values::Inputs {
            release: &release,
            profile: &profile,
            files: &instance.values,
            sets: &instance.sets,
            controller: instance.ingress.enabled.then_some(values::Controller {
                class: INGRESS_CLASS,
                node_ports: INGRESS_NODE_PORTS,
            }),
        })?;
        let instance = ingress::lead(instance, &values);
        warnings.extend(earlier.and_then(|earlier| moved_files(earlier, &instance)));
        Ok(Plan {
            name,
            instance,
            former_data_dir: earlier.map(|earlier| earlier.data_dir.clone()),
            release,
            profile,
            values,
            tree,
            effective,
            warnings,
            registry_login: None,
            in_the_way: Vec::new(),
        })
    }

    /// The node ports of the three services.
    pub fn node_ports(&self) -> Ports {
        self.values.node_ports()
    }

    /// The databases outside, in the order in which they are needed.
    pub fn outside(&self) -> Vec<Component> {
        let mut all = Component::ALL.to_vec();
        all.retain(|component| !self.values.installs(*component));
        all
    }

    pub fn images(&self) -> Vec<RequiredImage> {
        let mut images: Vec<RequiredImage> = Vec::new();
        for component in self.values.installed() {
            let reference = self.values.image(component);
            if images.iter().any(|image| image.reference == *reference) {
                continue;
            }
            let released = self.release.image(component);
            // A digest is of the release's own image, not of the user's.
            let digests = if *reference == released.reference {
                released.digests.clone()
            } else {
                BTreeMap::new()
            };
            images.push(RequiredImage {
                reference: reference.clone(),
                digests,
            });
        }
        if self.instance.ingress.enabled {
            images.push(RequiredImage::of(TRAEFIK_IMAGE.clone()));
        }
        images
    }

    /// Where images that the engine lacks are pulled from.
    pub(super) fn sources(&self, request: &Request) -> Sources {
        Sources {
            mirror: self.instance.registry_mirror.clone(),
            pull: self.instance.pull,
            docker_config: request.docker_config.clone(),
            from_values: match &self.values.pull_secret {
                Some(PullSecret::Created {
                    registry,
                    login: Some((user, password)),
                    ..
                }) => Some(Credentials::new(registry, user, password)),
                _ => None,
            },
        }
    }

    /// The marker that the data directory is to carry.
    pub fn marker(&self) -> Marker {
        let databases = self.release.databases.clone();
        let folders = manifests::data_dirs(&self.values);
        Marker::new(&self.name, &self.release.name, databases)
            .with_directories(folders.into_iter().map(|(folder, _)| folder))
    }

    /// What the node container is made from.
    pub fn node<'a>(
        &'a self,
        image_id: &'a str,
        proxies: &'a Proxies,
        engine: &EngineInfo,
    ) -> NodeSpec<'a> {
        NodeSpec {
            name: &self.name,
            instance: &self.instance,
            node_ports: self.node_ports(),
            image_id,
            proxies,
            api_server_port: 0,
            device_mapper: spec::needs_device_mapper(&engine.storage_driver),
        }
    }

    /// Why the node that is there must be recreated. Empty when it fits; proxies are
    /// not compared.
    pub fn differences(&self, node: &Container, engine: &EngineInfo) -> Vec<Difference> {
        self.node("", &Proxies::default(), engine).differences(node)
    }

    /// The objects that make the server.
    pub fn objects(&self, secrets: &Secrets, identities: &Identities) -> Result<Vec<Object>> {
        let name = self.name.as_str();
        let mut objects = manifests::render(&manifests::Inputs {
            instance: name,
            release: &self.release,
            values: &self.values,
            secrets: &secrets.clone().with(&self.values.chosen),
            endpoints: &Endpoints::of(&self.instance),
            identities,
            data_root: spec::DATA_ROOT,
            registry_login: self.registry_login.as_ref(),
        })?;
        if self.instance.ingress.enabled {
            let identity = identities.get(&*TRAEFIK_IMAGE);
            objects.extend(manifests::traefik(name, identity, INGRESS_NODE_PORTS)?);
        }
        Ok(objects)
    }
}

/// Warns of a file server with another URL than before: the SDK records URLs as they
/// were when an artifact was stored.
fn moved_files(earlier: &Instance, instance: &Instance) -> Option<String> {
    let (was, is) = (Endpoints::of(earlier).files, Endpoints::of(instance).files);
    (was != is).then(|| {
        format!(
            "the URL of the file server changes from {was} to {is}: artifacts and models recorded \
             so far use the old URL and cannot be downloaded until it is restored"
        )
    })
}

/// The release of an instance: the file that was kept with it, or the catalogue's. A
/// path without a kept file was written by a version up to 0.1.0.
fn find_release(instance: &Instance) -> Result<Release> {
    let wanted = &instance.release;
    if let Some(file) = &instance.release_file {
        return Ok(Release::from_file_text(&file.text, &file.path)?);
    }
    if !release::is_path(wanted) {
        return Ok(Catalogue::builtin().find(wanted)?);
    }
    let path: HostPath = wanted.parse().map_err(super::Error::ReleasePath)?;
    let text = files::read(&path)?.ok_or(super::Error::NoReleaseFile { path })?;
    Ok(Release::from_file_text(&text, wanted)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn defaults() -> Instance {
        Instance::with_defaults(std::path::PathBuf::from("/data").into())
    }

    fn plan(options: &Options, earlier: Option<&Instance>) -> Plan {
        let instance = options.apply(earlier.cloned().unwrap_or_else(defaults));
        let name = "demo".parse().unwrap();
        Plan::new(name, instance.unwrap(), earlier, &EngineInfo::default()).unwrap()
    }

    #[test]
    fn another_url_of_the_file_server_is_said() {
        let earlier = plan(&Options::default(), None).instance;
        let warnings = |options: &str| plan(&Options::of(options), Some(&earlier)).warnings;
        assert_eq!(warnings(""), [""; 0]);
        let web = "webPort: 31080";
        assert_eq!(warnings(web), [""; 0], "the file server stays where it is");
        let files = "filesPort: 31081";
        assert_eq!(
            warnings(files),
            [
                "the URL of the file server changes from http://localhost:30081 to http://localhost:31081: artifacts and models recorded so far use the old URL and cannot be downloaded until it is restored"
            ]
        );
        let host = "withIngress: true";
        assert!(
            warnings(host)[0].contains("to http://files.clearml."),
            "an ingress gives it another host"
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the user removes the file")]
    fn the_file_of_a_release_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.yaml");
        let text = crate::yaml::to_string(&Catalogue::builtin().find("2.3").unwrap());
        files::write(&path, &text.replace("2.3.0", "2.3.1")).unwrap();
        let release = |release: &str| Options::of(&format!("release: '{release}'"));
        let options = release(&path.display().to_string());
        let earlier = plan(&options, None).instance;
        // What a version up to 0.1.0 kept.
        let mut path_only = earlier.clone();
        path_only.release_file = None;
        let healed = plan(&Options::default(), Some(&path_only)).instance;
        assert_eq!(healed, earlier);
        std::fs::remove_file(&path).unwrap();
        let kept = plan(&Options::default(), Some(&earlier));
        assert_eq!(kept.release.server, "2.3.1");
        assert_eq!(kept.instance.release_name(), "2.3", "and not its path");
        let back = Instance {
            release: "1.5.0".into(),
            release_file: None,
            ..earlier.clone()
        };
        let back = plan(&Options::default(), Some(&back.with_choice_of(&earlier)));
        assert_eq!(back.release.server, "2.3.1", "a revision remembers it");
        let named = plan(&release("1.5.0"), Some(&earlier)).instance;
        assert_eq!(named.release_file, None);
        let gone = options.apply(named);
        assert_eq!(
            gone.unwrap_err().to_string(),
            format!("release file {} does not exist", path.display())
        );
    }
}
