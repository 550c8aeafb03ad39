//! What `up` is to make, worked out before anything is touched; pure.

use std::collections::BTreeMap;
use std::path::Path;

use super::preflight::Finding;
use super::{Request, ingress};
use crate::component::Component;
use crate::docker::{Container, Credentials, EngineInfo};
use crate::error::Result;
use crate::files;
use crate::images::{Identities, Sources, Wanted};
use crate::manifests::{self, Object, TRAEFIK_IMAGE};
use crate::node::spec::{self, Difference, INGRESS_NODE_PORTS, NodeSpec};
use crate::path::HostPath;
use crate::probe::Endpoints;
use crate::profile::Profile;
use crate::proxy::Proxies;
use crate::release::{Catalogue, Release};
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName, Ports};
use crate::state::Marker;
use crate::values::{self, InForce, PullSecret, Resolved, Values};

/// Everything that the settings, the release and the engine's size decide.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The instance's name.
    pub name: InstanceName,
    /// Its settings.
    pub instance: Instance,
    /// Where its data were until now, if there was an `up` before.
    pub former_data_dir: Option<DataPlace>,
    /// The release.
    pub release: Release,
    /// What the components may use.
    pub profile: Profile,
    /// The values in force.
    pub values: Values,
    /// The same as one tree, for the history.
    pub tree: serde_json::Value,
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
        let release = find_release(&instance.release)?;
        let profile = Profile::for_machine(engine.memory);
        let Resolved {
            values,
            warnings,
            tree,
            ..
        } = ingress::values(&instance, &release, &profile)?;
        let instance = ingress::lead(instance, &values);
        Ok(Plan {
            name,
            instance,
            former_data_dir: earlier.map(|earlier| earlier.data_dir.clone()),
            release,
            profile,
            values,
            tree,
            warnings,
            registry_login: None,
            in_the_way: Vec::new(),
        })
    }

    /// Every key in force, and where its value comes from.
    ///
    /// # Errors
    /// None where there is a plan: its values were read before.
    pub fn in_force(&self) -> Result<Vec<InForce>> {
        let inputs = ingress::inputs(&self.instance, &self.release, &self.profile);
        Ok(values::resolve(&inputs)?.in_force(&inputs))
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

    /// The images that the node needs, each once.
    pub fn images(&self) -> Vec<Wanted> {
        let mut images: Vec<Wanted> = Vec::new();
        for component in self.values.installed() {
            let reference = self.values.image(component);
            if images.iter().any(|image| image.reference == reference) {
                continue;
            }
            let released = self.release.image(component);
            // A digest is of the release's own image, not of the user's.
            let digests = if reference == released.reference() {
                released.digests.clone()
            } else {
                BTreeMap::new()
            };
            images.push(Wanted { reference, digests });
        }
        if self.instance.ingress.enabled {
            images.push(Wanted::of(TRAEFIK_IMAGE));
        }
        images
    }

    /// Where images that the engine lacks are pulled from.
    pub(super) fn sources(&self, request: &Request) -> Sources {
        Sources {
            mirror: self.instance.registry_mirror.clone(),
            docker_config: request.docker_config.clone(),
            given: match &self.values.pull_secret {
                Some(PullSecret::Made {
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
        let folders = manifests::folders(&self.values);
        Marker::new(&self.name, &self.release.name, databases)
            .with(folders.into_iter().map(|(folder, _)| folder))
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
    ///
    /// # Errors
    /// When the values do not fit together.
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
            let identity = identities.get(TRAEFIK_IMAGE);
            objects.extend(manifests::traefik(name, identity, INGRESS_NODE_PORTS)?);
        }
        Ok(objects)
    }
}

/// A release by its name, or from the file at that path.
fn find_release(wanted: &str) -> Result<Release> {
    let extension = extension(Path::new(wanted));
    if wanted.contains('/') || matches!(extension, Some("yaml" | "yml")) {
        let path: HostPath = wanted.parse().map_err(super::Error::ReleasePath)?;
        let text = files::read(&path)?.ok_or(super::Error::NoReleaseFile { path })?;
        return Ok(Release::from_file_text(&text, wanted)?);
    }
    Ok(Catalogue::builtin().find(wanted)?)
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}
