//! The plan of `up`, created before anything is changed. Free of side effects.

mod error;
mod hosts;
mod request;
pub(crate) mod selectors;

use std::collections::BTreeMap;

use self::error::Error;
pub(crate) use self::request::{Request, RollbackTarget};
use crate::component::Component;
use crate::docker::Credentials;
use crate::error::Result;
use crate::files;
use crate::images::{Identities, RequiredImage, Sources};
use crate::manifests::{self, DATA_ROOT, INGRESS_CLASS, Object, TRAEFIK_IMAGE};
use crate::namespace::Namespace;
use crate::path::HostPath;
use crate::ports::{INGRESS_NODE_PORTS, NodePorts};
use crate::preflight::Finding;
use crate::probe::Endpoints;
use crate::profile::Profile;
use crate::release::{self, Catalogue, Release};
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::values::{self, AccessValues, EffectiveValue, PullSecret, Resolved, Values};

/// Everything that follows from the settings, the release and the size of the engine.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: InstanceName,
    pub instance: Instance,
    /// The data location of an earlier `up`, if any.
    pub former_data_dir: Option<DataPlace>,
    pub release: Release,
    /// The profile of the host, if the server runs in a node on it.
    pub profile: Option<Profile>,
    pub values: Values,
    /// The effective values as a tree, for the history.
    pub tree: serde_json::Value,
    /// Every key with its value and the source of the value.
    pub effective: Vec<EffectiveValue>,
    /// Warnings about the values.
    pub warnings: Vec<String>,
    /// The user's login to the registry of `imageCredentials`, if the values do not contain
    /// one.
    pub registry_login: Option<(String, String)>,
    /// Findings that precede the preflight checks.
    pub(crate) early_findings: Vec<Finding>,
}

impl Plan {
    /// Creates the plan.
    ///
    /// # Errors
    /// The release is unknown or the values are invalid. Problems of the values are reported
    /// together.
    pub fn new(
        name: InstanceName,
        instance: Instance,
        earlier: Option<&Instance>,
        memory: u64,
    ) -> Result<Plan> {
        let release = find_release(&instance)?;
        let host = Profile::for_memory(memory);
        let target = match &instance.cluster {
            Some(cluster) => values::Target::Cluster {
                namespace: cluster.namespace.get(),
            },
            None => values::Target::Node {
                profile: &host,
                controller: instance.ingress.enabled.then_some(values::Controller {
                    class: INGRESS_CLASS,
                    node_ports: INGRESS_NODE_PORTS,
                }),
            },
        };
        let Resolved {
            mut values,
            mut warnings,
            tree,
            effective,
        } = values::resolve(&values::Inputs {
            release: &release,
            target,
            files: &instance.values.files,
            sets: &instance.values.sets,
        })?;
        let profile = instance.cluster.is_none().then_some(host);
        let instance = match instance.cluster {
            None => hosts::with_hosts(instance, &values),
            // The cluster pulls the images, so the references name the mirror.
            Some(_) => {
                values.rewrite_images(|image| instance.node.registry_mirror.of(image));
                instance
            }
        };
        warnings.extend(earlier.and_then(|earlier| file_server_warning(earlier, &instance)));
        Ok(Plan {
            name,
            instance,
            former_data_dir: earlier.map(|earlier| earlier.node.data_dir.clone()),
            release,
            profile,
            values,
            tree,
            effective,
            warnings,
            registry_login: None,
            early_findings: Vec::new(),
        })
    }

    /// Returns the memory in bytes that the host of a local node must have.
    pub fn required_memory(&self) -> u64 {
        self.profile.as_ref().map_or(0, Profile::required_memory)
    }

    /// Returns the node ports of the three servers.
    pub fn node_ports(&self) -> NodePorts {
        self.values.node_ports()
    }

    /// Returns the external databases, in the order in which the server needs them.
    pub fn external(&self) -> Vec<Component> {
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
            // The digests belong to the release's own image.
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
        if self.has_controller() {
            images.push(RequiredImage::of(TRAEFIK_IMAGE.clone()));
        }
        images
    }

    /// Returns whether the instance has its own ingress controller.
    fn has_controller(&self) -> bool {
        self.instance.cluster.is_none() && self.instance.ingress.enabled
    }

    /// Returns where to pull images that the engine lacks.
    pub(crate) fn sources(&self, request: &Request) -> Sources {
        Sources {
            mirror: self.instance.node.registry_mirror.clone(),
            pull: self.instance.node.pull,
            docker_config: request.docker_config.clone(),
            from_values: self.values.pull_secret.as_ref().and_then(credentials),
        }
    }

    /// Renders the objects of the server.
    pub fn objects(&self, secrets: &Secrets, identities: &Identities) -> Result<Vec<Object>> {
        let name = self.name.as_str();
        let endpoints = Endpoints::of(&self.instance);
        let (namespace, target) = match &self.instance.cluster {
            Some(cluster) => (cluster.namespace.get().clone(), manifests::Target::Cluster),
            None => {
                let node = manifests::Target::Node {
                    data_root: DATA_ROOT,
                    endpoints: &endpoints,
                };
                (Namespace::default(), node)
            }
        };
        let mut objects = manifests::render(&manifests::Inputs {
            instance: name,
            namespace: &namespace,
            release: &self.release,
            values: &self.values,
            secrets: &secrets.clone().with(&self.values.chosen),
            identities,
            target,
            registry_login: self.registry_login.as_ref(),
        })?;
        if self.has_controller() {
            let identity = identities.get(&*TRAEFIK_IMAGE);
            objects.extend(manifests::traefik(name, identity, INGRESS_NODE_PORTS)?);
        }
        Ok(objects)
    }
}

/// Returns where to pull images for other pods than those of the server, which have the same
/// credentials.
pub(crate) fn sources_of(instance: &Instance, request: &Request) -> Sources {
    let values = AccessValues::of(&instance.values.files, &instance.values.sets);
    Sources {
        mirror: instance.node.registry_mirror.clone(),
        pull: instance.node.pull,
        docker_config: request.docker_config.clone(),
        from_values: values.pull_secret().and_then(credentials),
    }
}

/// Returns the credentials for a registry that the values contain.
fn credentials(secret: &PullSecret) -> Option<Credentials> {
    match secret {
        PullSecret::Created {
            registry,
            login: Some((user, password)),
            ..
        } => Some(Credentials::new(registry, user, password)),
        _ => None,
    }
}

/// Returns a warning if the URL of the file server changes: the SDK records the URL when it
/// stores an artifact.
fn file_server_warning(earlier: &Instance, instance: &Instance) -> Option<String> {
    let was = Endpoints::known(earlier)?.files;
    let is = Endpoints::known(instance)?.files;
    (was != is).then(|| {
        format!(
            "the URL of the file server changes from {was} to {is}: artifacts and models recorded \
             so far use the old URL and cannot be downloaded until it is restored"
        )
    })
}

/// Returns the release from the saved release file or from the catalogue. Versions up to 0.1.0
/// saved only the path of a release file.
fn find_release(instance: &Instance) -> Result<Release> {
    let wanted = &instance.values.release;
    if let Some(file) = &instance.values.release_file {
        return Ok(Release::from_file_text(&file.text, &file.path)?);
    }
    if !release::is_path(wanted) {
        return Ok(Catalogue::builtin().find(wanted)?);
    }
    let path: HostPath = wanted.parse().map_err(Error::ReleasePath)?;
    let text = files::read(&path)?.ok_or(Error::NoReleaseFile { path })?;
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
        Plan::new(name, instance.unwrap(), earlier, 0).unwrap()
    }

    #[test]
    fn warns_when_the_url_of_the_file_server_changes() {
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
    fn an_existing_cluster_pulls_all_images_from_the_mirror() {
        let options = Options::of("{registryMirror: mirror.corp/hub, withIngress: true}");
        let instance = Instance {
            cluster: Some(crate::settings::ClusterSettings {
                context: "production".parse().unwrap(),
                namespace: "team-a".parse().unwrap(),
                kubeconfig: Default::default(),
            }),
            ..options.apply(defaults()).unwrap()
        };
        let plan = Plan::new("demo".parse().unwrap(), instance, None, 0).unwrap();
        assert_eq!(plan.profile, None);
        let images = plan.images();
        assert!(images.len() >= 4, "{images:?}");
        for image in images {
            assert_eq!(image.reference.registry(), "mirror.corp");
        }
        let objects = plan
            .objects(&Secrets::generate(), &Identities::new())
            .unwrap();
        for object in &objects {
            assert_eq!(object.as_value()["metadata"]["namespace"], "team-a");
        }
        let text = manifests::to_yaml(&objects, true);
        assert!(text.contains("mirror.corp/hub/library/redis:6.2"));
        assert!(!text.contains("image: allegroai/"), "{text}");
        assert!(!text.contains("traefik"), "the cluster has its own");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the user removes the file")]
    fn the_release_file_is_saved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.yaml");
        let text = crate::yaml::to_string(&Catalogue::builtin().find("2.3").unwrap());
        files::write(&path, &text.replace("2.3.0", "2.3.1")).unwrap();
        let release = |release: &str| Options::of(&format!("release: '{release}'"));
        let options = release(&path.display().to_string());
        let earlier = plan(&options, None).instance;
        // Settings as versions up to 0.1.0 saved them.
        let mut path_only = earlier.clone();
        path_only.values.release_file = None;
        let completed = plan(&Options::default(), Some(&path_only)).instance;
        assert_eq!(completed, earlier);
        std::fs::remove_file(&path).unwrap();
        let kept = plan(&Options::default(), Some(&earlier));
        assert_eq!(kept.release.server, "2.3.1");
        assert_eq!(
            kept.instance.values.release_name(),
            "2.3",
            "the name, not the path"
        );
        let back = Instance {
            values: earlier.values.clone(),
            ..defaults()
        };
        let back = plan(&Options::default(), Some(&back));
        assert_eq!(back.release.server, "2.3.1", "a revision contains it");
        let named = plan(&release("1.5.0"), Some(&earlier)).instance;
        assert_eq!(named.values.release_file, None);
        let gone = options.apply(named);
        assert_eq!(
            gone.unwrap_err().to_string(),
            format!("release file {} does not exist", path.display())
        );
    }
}
