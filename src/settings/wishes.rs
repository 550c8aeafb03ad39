//! What was asked for, and what becomes of it with the past and the defaults.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::{
    DEFAULT_NODE_IMAGE, DataPlace, Error, Ingress, InputFile, Instance, InstanceName, KeptFile,
    Listen, Mirror, Ports, Pull, SETTINGS_FILE, SetArgument, SetKind, kept, starts_again,
};
use crate::image_ref::ImageRef;
use crate::path::HostPath;
use crate::{files, yaml};

/// What was asked for by flags, environment or file; `None` is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Wishes {
    /// The instance's name.
    pub name: Option<InstanceName>,
    /// Address to publish the ports on.
    pub listen: Option<Listen>,
    /// Host port of the web app.
    pub web_port: Option<u16>,
    /// Host port of the API server.
    pub api_port: Option<u16>,
    /// Host port of the file server.
    pub files_port: Option<u16>,
    /// Release name or file.
    pub release: Option<String>,
    /// Node image.
    pub node_image: Option<ImageRef>,
    /// Where to keep the data.
    pub data_dir: Option<DataPlace>,
    /// Values files.
    pub values: Vec<InputFile>,
    /// `KEY=VALUE`.
    pub set: Vec<String>,
    /// `KEY=TEXT`.
    pub set_string: Vec<String>,
    /// `KEY=FILE`.
    pub set_file: Vec<String>,
    /// `KEY=JSON`, or a JSON object.
    pub set_json: Vec<String>,
    /// Whether values that were chosen before are forgotten.
    #[serde(skip)]
    pub reset_values: bool,
    /// Certificates, as a PEM file.
    pub ca_file: Option<HostPath>,
    /// Where to pull images from.
    pub registry_mirror: Option<Mirror>,
    /// Where images are pulled that the node lacks.
    pub pull: Option<Pull>,
    /// Whether the server comes back after a reboot.
    pub autostart: Option<bool>,
    /// Whether to put a context into the user's kubeconfig.
    pub merge_kubeconfig: Option<bool>,
    /// Whether to put an ingress controller into the node.
    pub with_ingress: Option<bool>,
    /// Its host port of HTTP.
    pub http_port: Option<u16>,
    /// Its host port of HTTPS.
    pub https_port: Option<u16>,
    /// How long `up` may wait for the server, such as `15m`.
    pub timeout: Option<String>,
}

impl Wishes {
    /// These wishes, and where they are silent the weaker ones.
    #[must_use]
    pub fn or(self, weaker: Wishes) -> Wishes {
        let stronger = if self.says_values() { &self } else { &weaker };
        let (values, set, set_string, set_file, set_json) = (
            stronger.values.clone(),
            stronger.set.clone(),
            stronger.set_string.clone(),
            stronger.set_file.clone(),
            stronger.set_json.clone(),
        );
        Wishes {
            name: self.name.or(weaker.name),
            listen: self.listen.or(weaker.listen),
            web_port: self.web_port.or(weaker.web_port),
            api_port: self.api_port.or(weaker.api_port),
            files_port: self.files_port.or(weaker.files_port),
            release: self.release.or(weaker.release),
            node_image: self.node_image.or(weaker.node_image),
            data_dir: self.data_dir.or(weaker.data_dir),
            values,
            set,
            set_string,
            set_file,
            set_json,
            reset_values: self.reset_values,
            ca_file: self.ca_file.or(weaker.ca_file),
            registry_mirror: self.registry_mirror.or(weaker.registry_mirror),
            pull: self.pull.or(weaker.pull),
            autostart: self.autostart.or(weaker.autostart),
            merge_kubeconfig: self.merge_kubeconfig.or(weaker.merge_kubeconfig),
            with_ingress: self.with_ingress.or(weaker.with_ingress),
            http_port: self.http_port.or(weaker.http_port),
            https_port: self.https_port.or(weaker.https_port),
            timeout: self.timeout.or(weaker.timeout),
        }
    }

    /// Whether anything is said of the chart's values, if only that they are reset.
    pub fn says_values(&self) -> bool {
        let said = [&self.set, &self.set_string, &self.set_file, &self.set_json];
        let said = !self.values.is_empty() || said.iter().any(|said| !said.is_empty());
        said || self.reset_values
    }

    /// The wishes in `clearml-local.yaml` of the working directory, if it is there:
    /// what its relative paths start from.
    ///
    /// # Errors
    /// When the file cannot be read or says something unknown.
    pub fn from_file(dir: &Path) -> Result<Wishes, Error> {
        let path = dir.join(SETTINGS_FILE);
        let Some(text) = files::read(&path)? else {
            return Ok(Wishes::default());
        };
        let broken = |reason: String| Error::File {
            path: path.clone(),
            reason,
        };
        yaml::one(&text).map_err(|error| broken(error.to_string()))
    }

    /// The wait's bound.
    ///
    /// # Errors
    /// When it is not a duration such as `15m`.
    pub fn timeout(&self) -> Result<Duration, Error> {
        let Some(text) = &self.timeout else {
            return Ok(Duration::from_secs(15 * 60));
        };
        let wrong = || Error::Timeout { text: text.clone() };
        let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        let duration = Duration::try_from(parsed).map_err(|_| wrong())?;
        if duration.is_zero() {
            return Err(wrong());
        }
        Ok(duration)
    }

    /// What the instance is to be: the wishes, else what it was, else defaults.
    /// `default_data_dir` holds where nothing else is said.
    ///
    /// # Errors
    /// When a values file cannot be read or two ports are the same.
    pub fn instance(
        &self,
        earlier: Option<&Instance>,
        default_data_dir: DataPlace,
    ) -> Result<Instance, Error> {
        let was = earlier.cloned().unwrap_or_else(|| Instance {
            listen: Listen::LOOPBACK,
            ports: Ports::default(),
            release: crate::release::DEFAULT.to_owned(),
            release_file: None,
            node_image: DEFAULT_NODE_IMAGE.clone(),
            data_dir: default_data_dir,
            values: Vec::new(),
            sets: Vec::new(),
            ca: None,
            registry_mirror: None,
            pull: Pull::default(),
            autostart: starts_again(),
            merge_kubeconfig: false,
            ingress: Ingress::default(),
        });
        let ports = Ports {
            web: self.web_port.unwrap_or(was.ports.web),
            api: self.api_port.unwrap_or(was.ports.api),
            files: self.files_port.unwrap_or(was.ports.files),
        };
        if ports.web == ports.api || ports.api == ports.files || ports.web == ports.files {
            return Err(Error::SamePort { ports });
        }
        let ingress = self.ingress(was.ingress);
        ingress.apart(ports)?;
        let told = self.says_values();
        Ok(Instance {
            listen: self.listen.unwrap_or(was.listen),
            ports,
            release_file: match &self.release {
                Some(release) => kept::read_release(release)?,
                // What an earlier version did not keep is kept from now on.
                None => match was.release_file {
                    None => kept::read_release(&was.release).ok().flatten(),
                    kept => kept,
                },
            },
            release: self.release.clone().unwrap_or(was.release),
            node_image: self.node_image.clone().unwrap_or(was.node_image),
            data_dir: self.data_dir.clone().unwrap_or(was.data_dir),
            values: if told {
                kept::read_values(&self.values)?
            } else {
                was.values
            },
            sets: if told { self.read_sets()? } else { was.sets },
            ca: match &self.ca_file {
                Some(path) => read_certificates(path)?,
                None => was.ca,
            },
            registry_mirror: match &self.registry_mirror {
                Some(mirror) => Some(mirror.clone()).filter(|mirror| !mirror.is_none()),
                None => was.registry_mirror,
            },
            pull: self.pull.unwrap_or(was.pull),
            autostart: self.autostart.unwrap_or(was.autostart),
            merge_kubeconfig: self.merge_kubeconfig.unwrap_or(was.merge_kubeconfig),
            ingress,
        })
    }

    /// The ingress; who is reached through it is in the values.
    fn ingress(&self, was: Ingress) -> Ingress {
        Ingress {
            enabled: self.with_ingress.unwrap_or(was.enabled),
            http_port: self.http_port.unwrap_or(was.http_port),
            https_port: self.https_port.unwrap_or(was.https_port),
            ..was
        }
    }

    /// The arguments of all flags, weakest first.
    fn read_sets(&self) -> Result<Vec<SetArgument>, Error> {
        let mut sets = Vec::new();
        for kind in SetKind::ALL {
            let texts = match kind {
                SetKind::Json => &self.set_json,
                SetKind::Set => &self.set,
                SetKind::String => &self.set_string,
                SetKind::File => &self.set_file,
            };
            sets.extend(kept::read_sets(kind, texts)?);
        }
        Ok(sets)
    }
}

/// The certificates of a PEM file; an empty file is how they are taken back.
fn read_certificates(path: &Path) -> Result<Option<KeptFile>, Error> {
    let wrong = |reason: &'static str| Error::Certificates {
        path: path.to_owned(),
        reason,
    };
    let text = files::read(path)?.ok_or_else(|| wrong("the file does not exist"))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    if text.contains("PRIVATE KEY") {
        return Err(wrong("it contains a private key"));
    }
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong("it contains no certificate in PEM format"));
    }
    Ok(Some(KeptFile {
        path: path.display().to_string(),
        text,
    }))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn flags_win_over_the_file_and_both_over_the_past() {
        let file: Wishes = yaml::one("webPort: 8080\napiPort: 8008\n").unwrap();
        let flags = Wishes {
            web_port: Some(9090),
            ..Wishes::default()
        };
        let earlier = Wishes::default()
            .instance(None, PathBuf::from("/data").into())
            .map(|was| Instance {
                release: "2.3".into(),
                ..was
            })
            .unwrap();
        let now = flags
            .or(file)
            .instance(Some(&earlier), PathBuf::from("/other").into())
            .unwrap();
        assert_eq!(
            (now.ports.web, now.ports.api, now.ports.files),
            (9090, 8008, 30081)
        );
        assert_eq!(now.release, "2.3");
        assert_eq!(now.data_dir, PathBuf::from("/data").into());
    }

    #[test]
    fn values_are_kept_until_others_are_said_or_they_are_reset() {
        let earlier = Wishes {
            set: vec!["a=1".into()],
            release: Some("2.3".into()),
            ..Wishes::default()
        };
        let place = || PathBuf::from("/data").into();
        let earlier = earlier.instance(None, place()).unwrap();
        let then = |set: &[&str], reset_values| {
            let wishes = Wishes {
                set: set.iter().map(|set| (*set).to_owned()).collect(),
                reset_values,
                ..Wishes::default()
            };
            let then = wishes.instance(Some(&earlier), place()).unwrap();
            let sets = then.sets.iter().map(|set| set.text.clone());
            (sets.collect::<Vec<String>>(), then.release)
        };
        assert_eq!(then(&[], false).0, ["a=1"]);
        assert_eq!(then(&["b=2"], false).0, ["b=2"]);
        assert_eq!(then(&[], true).0, [""; 0]);
        assert_eq!(then(&["b=2"], true).0, ["b=2"]);
        assert_eq!(then(&[], true).1, "2.3");
        // Also those of the settings file, which are a standing wish.
        let file: Wishes = yaml::one("set: [c=3]\n").unwrap();
        let reset = Wishes {
            reset_values: true,
            ..Wishes::default()
        };
        assert_eq!(reset.or(file).set, [""; 0]);
    }

    #[test]
    fn unknown_settings_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        files::write(&dir.path().join(SETTINGS_FILE), "webport: 8080\n").unwrap();
        let error = Wishes::from_file(dir.path()).unwrap_err().to_string();
        assert!(error.contains("webport"), "{error}");
    }

    #[test]
    fn paths_of_the_file_are_clean_and_know_the_home() {
        let file = "dataDir: ~/data/\ncaFile: ./ca.pem\nvalues: [a//values.yaml, '-']\n";
        let wishes: Wishes = yaml::one(file).unwrap();
        let home = dirs::home_dir().unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(wishes.data_dir, Some(home.join("data").into()));
        assert_eq!(wishes.ca_file.as_deref(), Some(&*here.join("ca.pem")));
        assert_eq!(wishes.values[0].path(), here.join("a/values.yaml"));
        assert_eq!(wishes.values[1].path(), Path::new("/dev/stdin"));
        let error = yaml::one::<Wishes>("webPort: 1\ndataDir: ~bob/data\n").unwrap_err();
        let told = error.to_string();
        assert!(told.contains("line 2") && told.contains("`~bob`"), "{told}");
    }

    #[test]
    fn values_of_flags_replace_those_of_the_file_whole() {
        let file: Wishes = yaml::one("setString: [a=1]\nset: [b=1]\nsetJson: ['c=1']\n").unwrap();
        let sets = |wishes: Wishes| {
            let instance = wishes.instance(None, PathBuf::from("/data").into());
            instance.unwrap().sets
        };
        assert_eq!(
            sets(Wishes::default().or(file.clone())),
            [
                SetArgument::new(SetKind::Json, "c=1"),
                SetArgument::new(SetKind::Set, "b=1"),
                SetArgument::new(SetKind::String, "a=1"),
            ]
        );
        let flags = Wishes {
            set_json: vec!["d=1".into()],
            ..Wishes::default()
        };
        assert_eq!(
            sets(flags.or(file)),
            [SetArgument::new(SetKind::Json, "d=1")]
        );
    }

    #[test]
    fn one_port_for_two_services_is_refused() {
        let wishes = Wishes {
            web_port: Some(30008),
            ..Wishes::default()
        };
        let error = wishes
            .instance(None, PathBuf::from("/data").into())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the ports of web, API and files must be different, got 30008, 30008 and 30081"
        );
    }

    #[test]
    fn the_ports_of_an_ingress_are_its_own() {
        let wishes = Wishes {
            web_port: Some(80),
            ..Wishes::default()
        };
        let made = |wishes: Wishes| wishes.instance(None, PathBuf::from("/data").into());
        assert!(made(wishes.clone()).is_ok(), "nothing else wants it");
        let with = wishes.or(yaml::one("withIngress: true\nhttpsPort: 443\n").unwrap());
        let error = made(with.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--http-port and --web-port cannot both be 80"
        );
        let other = Wishes {
            http_port: Some(443),
            ..with
        };
        let error = made(other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--https-port and --http-port cannot both be 443"
        );
    }

    #[test]
    fn timeouts_are_durations() {
        let with = |text: &str| {
            Wishes {
                timeout: Some(text.into()),
                ..Wishes::default()
            }
            .timeout()
        };
        assert_eq!(with("90s").unwrap(), Duration::from_secs(90));
        assert!(with("5").is_err());
        assert!(with("-5m").is_err());
    }
}
