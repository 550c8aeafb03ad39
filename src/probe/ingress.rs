//! Checks of the ingress controller: requests by host name, as from a browser.

use super::{Check, Probe};
use crate::hint::Hint;
use crate::kubectl::Kubectl;

pub(super) const NAME: &str = "ingress";

impl Probe {
    /// Checks each service that has a host name. `token` comes from a login and is needed
    /// for the file server.
    pub(super) async fn through_ingress(&self, token: Option<&str>) -> Result<(), String> {
        for (service, url) in &self.targets.by_name {
            let answer = match (*service, token) {
                ("app", _) => self.web_page(url).await,
                ("api", _) => self.ping(url).await,
                // The token is sent only to this host.
                (_, Some(token)) if self.targets.is_local => self.file_round_trip(url, token).await,
                _ => continue,
            };
            answer.map_err(|why| format!("{url}: {why}"))?;
        }
        Ok(())
    }
}

/// Returns the hint for a server on which only the ingress fails.
pub(crate) fn ingress_hint(checks: &[Check], kubectl: &Kubectl) -> Option<Hint> {
    let mut failed = checks.iter().filter(|check| check.failure.is_some());
    let only_ingress =
        failed.next().is_some_and(|check| check.name == NAME) && failed.next().is_none();
    only_ingress.then(|| {
        Hint::run(
            "see the logs of the ingress controller",
            kubectl.run("logs deployment/clearml-traefik"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::probe::Targets;
    use crate::secrets::Credentials;
    use crate::settings::{Host, Ingress, Instance};

    /// A controller with a route for one host name.
    fn controller(name: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let host = format!("host: {name}:{port}");
                let answer = match head.iter().any(|line| line.to_lowercase() == host) {
                    true => "200 OK\r\ncontent-length: 6",
                    false => "404 Not Found\r\ncontent-length: 6",
                };
                let close = "connection: close\r\n\r\n<html>";
                let _ = write!(stream, "HTTP/1.1 {answer}\r\n{close}");
            }
        });
        port
    }

    #[tokio::test]
    async fn host_names_are_requested_at_the_listen_address() {
        crate::kube::install_crypto();
        let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        instance.ingress = Ingress {
            enabled: true,
            http_port: controller("app.here.invalid"),
            ..Ingress::default()
        };
        let host = |name: &str| {
            Some(Host {
                name: name.into(),
                tls_secret: None,
            })
        };
        let credentials = Credentials {
            access_key: "key".into(),
            secret_key: "secret".into(),
        };
        instance.ingress.hosts.web = host("app.here.invalid");
        let probe = Probe::new(Targets::of(&instance), credentials.clone());
        assert_eq!(probe.through_ingress(None).await, Ok(()));
        instance.ingress.hosts.api = host("api.here.invalid");
        let why = Probe::new(Targets::of(&instance), credentials)
            .through_ingress(None)
            .await
            .unwrap_err();
        let port = instance.ingress.http_port;
        assert_eq!(
            why,
            format!("http://api.here.invalid:{port}: HTTP status 404")
        );
    }
}
