//! The flags that take a change of settings back.

use super::Instance;
use crate::path::quoted;

impl Instance {
    /// Returns the flags of `up` with which these settings become `before` again, but for
    /// values and release: a rollback brings those back.
    pub fn flags_back_to(&self, before: &Instance) -> Vec<String> {
        let mut flags = Vec::new();
        let mut add = |flag: &str, now: String, was: String| {
            if now != was {
                flags.push(format!("{flag}{}", quoted(was)));
            }
        };
        let ports = |instance: &Instance| instance.ports;
        let (now, was) = (ports(self), ports(before));
        add(
            "--listen ",
            self.listen.to_string(),
            before.listen.to_string(),
        );
        add("--web-port ", now.web.to_string(), was.web.to_string());
        add("--api-port ", now.api.to_string(), was.api.to_string());
        add(
            "--files-port ",
            now.files.to_string(),
            was.files.to_string(),
        );
        let ingress = |instance: &Instance| instance.ingress.enabled.to_string();
        add("--with-ingress=", ingress(self), ingress(before));
        if before.ingress.enabled {
            let (now, was) = (&self.ingress, &before.ingress);
            add(
                "--http-port ",
                now.http_port.to_string(),
                was.http_port.to_string(),
            );
            add(
                "--https-port ",
                now.https_port.to_string(),
                was.https_port.to_string(),
            );
        }
        add(
            "--node-image ",
            self.node_image.to_string(),
            before.node_image.to_string(),
        );
        add(
            "--data-dir ",
            self.data_dir.to_string(),
            before.data_dir.to_string(),
        );
        let mirror = |instance: &Instance| match &instance.registry_mirror {
            Some(mirror) => mirror.to_string(),
            None => "none".to_owned(),
        };
        add("--registry-mirror ", mirror(self), mirror(before));
        // An empty file takes certificates back.
        let ca = |instance: &Instance| match &instance.ca {
            Some(file) => file.path.clone(),
            None => "/dev/null".to_owned(),
        };
        add("--ca-file ", ca(self), ca(before));
        flags
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Wishes;

    #[test]
    fn only_what_changed_is_taken_back() {
        let made = |wishes: Wishes| {
            wishes
                .instance(None, PathBuf::from("/data").into())
                .unwrap()
        };
        let before = made(Wishes::default());
        assert_eq!(before.flags_back_to(&before), [""; 0]);
        let now = made(Wishes {
            web_port: Some(9090),
            with_ingress: Some(true),
            http_port: Some(8080),
            registry_mirror: Some("mirror.corp".parse().unwrap()),
            ..Wishes::default()
        });
        assert_eq!(
            now.flags_back_to(&before),
            [
                "--web-port 30080",
                "--with-ingress=false",
                "--registry-mirror none"
            ]
        );
        assert_eq!(
            before.flags_back_to(&now).last().map(String::as_str),
            Some("--registry-mirror mirror.corp")
        );
    }
}
