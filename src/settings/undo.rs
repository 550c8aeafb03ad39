//! The options that undo a change of settings.

use super::Instance;
use crate::path::quoted;

impl Instance {
    /// Returns the options of `up` that restore the settings `before`, except values and
    /// release, which a rollback restores.
    pub fn options_to_restore(&self, before: &Instance) -> Vec<String> {
        fn back(flag: &str, now: &impl ToString, was: &impl ToString) -> Option<String> {
            let (now, was) = (now.to_string(), was.to_string());
            (now != was).then(|| format!("{flag}{}", quoted(was)))
        }
        let ingress = (&self.ingress, &before.ingress);
        let ports = |flag, now: &u16, was: &u16| {
            let served = before.ingress.enabled;
            back(flag, now, was).filter(|_| served)
        };
        let mirror = |instance: &Instance| match &instance.registry_mirror {
            Some(mirror) => mirror.to_string(),
            None => "none".to_owned(),
        };
        // An empty file removes the certificates.
        let ca = |instance: &Instance| match &instance.ca {
            Some(file) => file.path.clone(),
            None => "/dev/null".to_owned(),
        };
        [
            back("--listen ", &self.listen, &before.listen),
            back("--web-port ", &self.ports.web, &before.ports.web),
            back("--api-port ", &self.ports.api, &before.ports.api),
            back("--files-port ", &self.ports.files, &before.ports.files),
            back("--with-ingress=", &ingress.0.enabled, &ingress.1.enabled),
            ports("--http-port ", &ingress.0.http_port, &ingress.1.http_port),
            ports(
                "--https-port ",
                &ingress.0.https_port,
                &ingress.1.https_port,
            ),
            back("--node-image ", &self.node_image, &before.node_image),
            back("--data-dir ", &self.data_dir, &before.data_dir),
            back("--registry-mirror ", &mirror(self), &mirror(before)),
            back("--pull ", &self.pull, &before.pull),
            back("--ca-file ", &ca(self), &ca(before)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Ingress, Pull};
    use super::*;

    #[test]
    fn returns_only_options_of_changed_settings() {
        let before = Instance::with_defaults(PathBuf::from("/data").into());
        assert_eq!(before.options_to_restore(&before), [""; 0]);
        let mut now = before.clone();
        now.ports.web = 9090;
        now.ingress = Ingress {
            enabled: true,
            http_port: 8080,
            ..now.ingress
        };
        now.registry_mirror = Some("mirror.corp".parse().unwrap());
        now.pull = Pull::Engine;
        assert_eq!(
            now.options_to_restore(&before),
            [
                "--web-port 30080",
                "--with-ingress=false",
                "--registry-mirror none",
                "--pull auto"
            ]
        );
        assert_eq!(
            before.options_to_restore(&now)[3..],
            ["--registry-mirror mirror.corp", "--pull engine"]
        );
    }
}
