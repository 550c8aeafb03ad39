//! Whether the options have a meaning for the place where the server runs: a node in Docker
//! or an existing cluster.

use super::Options;
use crate::path::quoted;
use crate::settings::{ClusterSettings, Error, Instance};

impl Options {
    /// Checks the options against the place where the instance runs, and that it does not
    /// move to another one. `earlier` are its settings, if it exists.
    pub fn check_place(&self, earlier: Option<&Instance>) -> Result<(), Error> {
        if let Some(earlier) = earlier {
            self.check_stays(earlier.cluster.as_ref())?;
        }
        let earlier = earlier.and_then(|earlier| earlier.cluster.as_ref());
        let context = self.cluster.context.as_ref();
        let context = context.or(earlier.map(|earlier| &earlier.context));
        let Some(context) = context else {
            return match self.cluster.given() {
                options if options.is_empty() => Ok(()),
                options => Err(Error::NeedsContext { options }),
            };
        };
        let mut options = self.network.given();
        options.extend(self.ports.given());
        options.extend(self.ingress.given());
        options.extend(self.node.given());
        // References to images are rewritten, and the pods of agents trust the certificates.
        options.retain(|option| !["--registry-mirror", "--ca-file"].contains(&option.as_str()));
        match options.is_empty() {
            true => Ok(()),
            false => Err(Error::OnlyLocal {
                options,
                context: context.to_string(),
            }),
        }
    }

    /// Checks that the options name no other cluster than that of the instance; `None` is
    /// the local node.
    fn check_stays(&self, cluster: Option<&ClusterSettings>) -> Result<(), Error> {
        let wanted = self.cluster.context.as_ref();
        let wanted = wanted.filter(|wanted| cluster.map(|it| &it.context) != Some(wanted));
        if let Some(context) = wanted {
            let here = cluster.map_or_else(
                || "in a node in Docker".to_owned(),
                |cluster| format!("in the cluster of the context `{}`", cluster.context),
            );
            let rename = cluster.map(|cluster| {
                let (new, old) = (quoted(context.as_str()), quoted(cluster.context.as_str()));
                format!("kubectl config rename-context {new} {old}")
            });
            return Err(Error::Moved {
                here,
                there: format!("the context `{context}`"),
                options: format!("--context {}", quoted(context.as_str())),
                rename,
            });
        }
        let Some((cluster, wanted)) = cluster.zip(self.cluster.namespace.as_ref()) else {
            return Ok(());
        };
        if cluster.namespace == *wanted {
            return Ok(());
        }
        let context = quoted(cluster.context.as_str());
        Err(Error::Moved {
            here: format!("in the namespace `{}`", cluster.namespace),
            there: format!("the namespace `{wanted}`"),
            options: format!("--context {context} --namespace {wanted}"),
            rename: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::Explain;

    fn local() -> Instance {
        Instance::with_defaults(Path::new("/data").to_owned().into())
    }

    /// An instance in the context `production`.
    fn existing() -> Instance {
        Options::of("context: production").apply(local()).unwrap()
    }

    /// Returns the message and the hints of a refusal.
    fn refused(file: &str, earlier: Option<&Instance>) -> Vec<String> {
        let Err(error) = Options::of(file).check_place(earlier) else {
            return Vec::new();
        };
        let hints = error.hints().into_iter().map(|hint| hint.to_string());
        std::iter::once(error.to_string()).chain(hints).collect()
    }

    #[test]
    fn keeps_the_context_and_the_namespace() {
        let instance = existing();
        let cluster = instance.cluster.as_ref().unwrap();
        assert_eq!(cluster.context.as_str(), "production");
        assert_eq!(cluster.namespace.as_str(), "clearml");
        let file = "{context: production, namespace: clearml, kubeconfig: /corp/config}";
        assert_eq!(refused(file, Some(&instance)), [""; 0]);
        let now = Options::of(file).apply(instance).unwrap().cluster.unwrap();
        assert_eq!(now.kubeconfig.path().unwrap().to_string(), "/corp/config");
        assert_eq!(Options::default().apply(local()).unwrap().cluster, None);
    }

    #[test]
    fn an_instance_does_not_move() {
        assert_eq!(
            refused("context: production", Some(&local())),
            [
                "the server runs in a node in Docker, and cannot move to the context `production`: its data would stay behind",
                "create another instance there: clearml-local up --name NAME --context production",
            ]
        );
        assert_eq!(
            refused("context: my staging", Some(&existing())),
            [
                "the server runs in the cluster of the context `production`, and cannot move to the context `my staging`: its data would stay behind",
                "create another instance there: clearml-local up --name NAME --context 'my staging'",
                "if it is the same cluster, rename the context: kubectl config rename-context 'my staging' production",
            ]
        );
        assert_eq!(
            refused("namespace: ml", Some(&existing())),
            [
                "the server runs in the namespace `clearml`, and cannot move to the namespace `ml`: its data would stay behind",
                "create another instance there: clearml-local up --name NAME --context production --namespace ml",
            ]
        );
    }

    #[test]
    fn options_of_the_node_have_no_effect_in_an_existing_cluster() {
        let all = "{context: c, listen: 0.0.0.0, webPort: 1, apiPort: 2, filesPort: 3, \
            withIngress: true, httpPort: 4, httpsPort: 5, caFile: /ca.pem, dataDir: /data, \
            nodeImage: 'node:1', pull: node, autostart: false, mergeKubeconfig: true, \
            gpus: all, registryMirror: mirror.corp, release: '2.3', timeout: 1m, set: [a=1]}";
        assert_eq!(
            refused(all, None)[0],
            "`--listen`, `--web-port`, `--api-port`, `--files-port`, `--with-ingress`, \
             `--http-port`, `--https-port`, `--data-dir`, `--gpus`, `--node-image`, `--pull`, \
             `--autostart` and `--merge-kubeconfig` have no effect in the existing cluster of the \
             context `c`: they are options of the node in Docker"
        );
        assert_eq!(
            refused("webPort: 8080", Some(&existing())),
            [
                "`--web-port` has no effect in the existing cluster of the context `production`: it is an option of the node in Docker",
                "leave `--web-port` out",
                "set `service` and `ingress` of the servers in the values instead",
            ]
        );
        let others = "{context: c, registryMirror: mirror.corp, caFile: /ca.pem, release: '2.3'}";
        assert_eq!(refused(others, None), [""; 0]);
        assert_eq!(refused("webPort: 8080", None), [""; 0]);
    }

    #[test]
    fn options_of_an_existing_cluster_need_a_context() {
        for earlier in [None, Some(&local())] {
            assert_eq!(
                refused("{namespace: ml, kubeconfig: /corp/config}", earlier),
                [
                    "`--namespace` and `--kubeconfig` have no effect: no context is set, and the server runs in a node in Docker",
                    "name the context of the cluster: clearml-local up --context CONTEXT",
                ]
            );
        }
    }
}
