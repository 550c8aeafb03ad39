//! Generates `docs/values.md`: all keys, and how to set values.

use serde_json::Value;

use super::keys::{self, Effect, Entry};
use helm_values::Difference;

const BEGIN: &str = "\
# Values

This file is generated from `src/values/keys`. Do not edit it: change the table of keys and
run `UPDATE_DOCS=1 cargo test --test docs`. The guide [Use your values](guides/values.md)
shows how to work with values.

clearml-local takes the values of the `clearml` Helm chart 4.0.0: the same names, the same
defaults, the same meaning. Pass your `values.yaml` to `up`:

```
clearml-local values check values.yaml
clearml-local up -f values.yaml --set apiserver.replicaCount=2
```

`clearml-local values` shows all values and where each comes from,
`clearml-local values --defaults` prints a commented file with every key, and
`clearml-local values schema` prints the JSON Schema for editors.

## Precedence

From the lowest to the highest:

1. the chart's default;
2. the release (`--release`): images, and which of the chart's settings its Elasticsearch
   accepts;
3. on a local node, the memory of the machine (profiles small, standard and large): `resources`
   and `elasticsearch.esJavaOpts`;
4. on a local node, `--with-ingress`: the three ingresses, if your values enable none;
5. your files (`-f`); later ones take precedence;
6. `--set-json`, then `--set`, then `--set-string`, then `--set-file`, regardless of their order
   on the command line; of one option, later ones take precedence.

Maps are merged key by key; lists and everything else are replaced. `null` removes a
default. `up` without these options keeps the values of the last `up`; with any of them, it
uses only the values of the command line. `--reset-values` returns to the defaults.

A copy of the chart's own `values.yaml` works. Two things in it are ignored, with a warning:
the published secrets, and the 4Gi for Elasticsearch if a local node has less.

All problems of all files and arguments are reported at once, each with its file and line.
Values of secrets are never printed: not in messages, not from `--set`, and not by `values`,
`diff` and `history`.

## What is special on the local node

- **Service types.** The node publishes the node ports of the three servers. `ClusterIP` and
  `LoadBalancer` are accepted; the port is published anyway, and a warning says what the type
  would do in another cluster. `service.port` can be any port.
- **Images.** Images are loaded into the node by their tag: a digest is refused.
- **Volumes.** Sizes, access modes and storage classes are set in the objects, but the volumes are
  directories of the machine, whose size nothing limits.
- **Limits.** If your heap, request or limit does not fit the profile of the machine, the values
  of the profile are adjusted. If you set a heap only, the limit becomes twice the heap.
- **Node selectors.** A label that the node does not have is reported before anything is applied,
  with the command that sets it on the node.
- **Annotations of ingresses** for another controller, or for cert-manager and ExternalDNS, cause
  a warning if the node has a controller: it has only Traefik.

## What is special in an existing cluster

- **Service types** are those of the values. `service.nodePort` has an effect only for the type
  NodePort.
- **Volumes** come from the storage class of the values, or from the default class of the
  cluster. All pods of the file server share a volume with the access mode ReadWriteOnce.
- **Requests, limits and the heap of Elasticsearch** are only those of the values: the chart has
  4Gi and a heap of 2 GB for Elasticsearch, and nothing for the others. Nothing is adjusted.
- **Several pods.** With a `replicaCount` above 1, the pods of the API server and of the web app
  are spread over the nodes, unless the values have an affinity. Workloads with several pods have
  a PodDisruptionBudget. In an update, a new pod responds before an old one stops; the pods of
  the file server are replaced at once, because only one node can mount their volume.
- **Images** are pulled by the cluster. With `--registry-mirror`, the references name the mirror,
  and `imageCredentials.registry` must name it too if it requires a login.
- **Pods** satisfy the pod security standard `baseline`.
- **Ingresses** are for the controller of the cluster: `ingress.className` selects it, and
  annotations are not checked.

## What is special everywhere

- **Images.** If `image.repository` or `image.tag` is empty, the one of the release is used.
- **Settings of Elasticsearch.** A list in `elasticsearch.extraEnvs` replaces the chart's nine
  settings. What a single node needs besides (`discovery.type`, no memory maps, no machine
  learning, no download of GeoIP databases, no security) is set unless the list or
  `elasticsearch.yml` sets it. For Elasticsearch 8, `xpack.monitoring.enabled` is removed from
  the chart's list, and a value that begins with `*` is quoted.
- **Secrets.** The server reads the keys below `secret` as HOCON. Letters, digits and `-_./~`
  are read unchanged, unless the text is a number, or begins with a duration (`30s`) or with
  `true`, `false` or `null`. Values that would be changed are refused. `openssl rand -hex 32`
  prints a secret that works. Keys, secrets and tokens that any version of the chart or the
  server publishes count as not set; in `extraEnvs` and `additionalConfigs` they are refused.
- **Fixed users.** With `apiserver.fixedUsers.passHashed` each password must be a base64-encoded
  bcrypt hash: `htpasswd -nbBC 12 '' 'PASSWORD' | tr -d ':\\n' | base64 -w0`. In
  `additionalConfigs`, put them in `auth { fixed_users { … } }` of `apiserver.conf`: for the
  server, the name of the file is the first part of the path.
- **Values without effect** because of another key, such as a host name of an ingress that is
  not enabled, are reported with that key.

## What differs from the chart

With the defaults, the chart installs 22 objects. `clearml-local render` prints those that `up`
applies instead. Names, ports, labels for selectors and environment variables are the chart's;
this differs:

| Object | In the chart | Here |
| --- | --- | --- |
| all | one namespace for everything, names prefixed with the release of Helm | a namespace for each instance, on a local node `clearml` in its own cluster; names never depend on the instance |
| all pods | | `enableServiceLinks: false`, no token of a ServiceAccount; on a local node, memory limits and requests from the profile of the machine |
| Deployment `clearml-apiserver` | starts at once; liveness and readiness probes after 60 s | an init container waits for the databases; a startup probe of ten minutes; a `preStop` that ends the server in order; the keys of the web app too |
| Deployment `clearml-webserver` | probes accept any answer | an init container waits until the names of the other servers resolve; HTTP probes; a generated key pair |
| Deployment `clearml-fileserver` | probes accept any answer | TCP probes; `preStop` |
| Services of the three servers | `targetPort` follows `service.port`, so that other ports do not work | `targetPort` is the port of the container |
| Services of the databases | lead to a pod that is ready | lead to the only pod also before it is ready (`publishNotReadyAddresses`): the init containers of the servers notice sooner that it is |
| Secret `clearml-conf` | published constants | generated secrets, and the key pairs of the web app and, for newer servers, of the file server and the services agent |
| StatefulSet `clearml-redis-master` | Bitnami's image, user 1001, configuration in two ConfigMaps | the official image, user 999, configuration in its arguments |
| Deployment `clearml-mongodb` | Bitnami's image, user 1001, `RollingUpdate`, data in `/bitnami/mongodb` | the official image, user 999, `Recreate` (two pods on one volume wait for each other's lock), data in `/data/db` |
| ServiceAccount `clearml-mongodb` | refers to a Secret that does not exist | none |
| StatefulSet `clearml-elastic-master` | a privileged init container that sets `vm.max_map_count`; 1 CPU, 4Gi and a heap of 2 GB; strict anti-affinity | no privileged container and no memory maps; on a local node, limits and heap from the profile; `discovery.type: single-node`, no machine learning, no download of GeoIP databases |
| ConfigMap `clearml-elastic-master-config` | `xpack.security.enabled: false` | none, unless `elasticsearch.esConfig` sets other settings: the setting is in the environment |
| PodDisruptionBudget `clearml-elastic-master-pdb` | `policy/v1beta1`, which Kubernetes has removed | `policy/v1`, only with several nodes; in an existing cluster, other workloads with several pods have one too |
| PersistentVolumeClaims | created by the storage class | on a local node, bound to PersistentVolumes with fixed names and paths in the data directory, so that data outlive the cluster; in an existing cluster, provided by the storage class |
| ConfigMaps of `additionalConfigs` | a change restarts nothing | a change restarts the pods that read it |
| Ingresses | annotations of one leak into another; no class | each has its own annotations, one of which lifts the limit of nginx for uploads; `ingress.className` |
| `imageCredentials` | refers to a Secret that nothing creates | creates the Secret, or uses the existing one |

## Files of other charts

Files of the charts 5 to 7, of umbrella charts (everything below `clearml:`), and of the
Redis, MongoDB and Elasticsearch charts are recognised. The error has a table of their keys:
what to write instead, what is not supported, and what has no effect here. Nothing is
translated automatically. Other unknown keys are looked up in the whole tree. Top-level keys
that only hold an anchor (`x-common: &common`) are accepted. `values check -v` and
`values check -o json` show all findings if there are more than twenty.

## Syntax of `--set`

The syntax is Helm's.

| Written | Means |
| --- | --- |
| `a.b=c` | the key `b` below `a` |
| `a=1,b=2` | two values |
| `a={x,y}` | a list |
| `a[0].b=c` | the key `b` of the first item |
| `a=null` | no value: removes the default |
| `a=1`, `a=true` | a number, a boolean; everything else is text |
| `a\\.b=c\\,d` | a dot in a key, a comma in a value |
| `--set-string a=1` | always text |
| `--set-file a=path` | the content of a file, which is read now and kept |
| `--set-json 'a={\"b\":[1]}'` | JSON; or an object with several keys: `'{\"a\":1}'` |

## What differs from Helm

Everything else works as in Helm 4; the tests compare it with recorded output of Helm.

";

/// The sections, each with a title and the top-level names of its keys.
const SECTIONS: [(&str, &[&str]); 11] = [
    ("Names", &["nameOverride", "fullnameOverride", "clearml"]),
    ("Registry", &["imageCredentials"]),
    ("Ingress", &["ingress"]),
    ("Secrets", &["secret"]),
    ("External databases", &["externalServices"]),
    ("API server", &["apiserver"]),
    ("File server", &["fileserver"]),
    ("Web app", &["webserver"]),
    ("Redis", &["redis"]),
    ("MongoDB", &["mongodb"]),
    ("Elasticsearch", &["elasticsearch"]),
];

pub fn reference() -> String {
    let mut text = BEGIN.to_owned();
    text.push_str("| | Why |\n| --- | --- |\n");
    for difference in Difference::ALL {
        let (id, reason) = (difference.id(), difference.reason());
        text.push_str(&format!("| {id} | {} |\n", cell(reason)));
    }
    text.push_str(
        "\n## Keys\n\nKeys marked with \\* are not in the chart 4.0.0: they come from its sub-charts or from clearml-local.\n",
    );
    for (title, roots) in SECTIONS {
        text.push_str(&format!(
            "\n### {title}\n\n| Key | Type | Default | What it does |\n| --- | --- | --- | --- |\n"
        ));
        for key in keys::all() {
            let root = key.path.split('.').next().unwrap_or_default();
            if roots.contains(&root) {
                text.push_str(&row(key));
            }
        }
    }
    let list = |text: &mut String, title: &str, why: &dyn Fn(&Entry) -> Option<&'static str>| {
        text.push_str(title);
        for key in keys::all() {
            if let Some(why) = why(key) {
                text.push_str(&format!("- `{}`: {why}.\n", key.path));
            }
        }
    };
    list(
        &mut text,
        "\n## Keys without effect\n\nThey are accepted, and have no effect in chart 4.0.0 either. Any other value than the default\ncauses a warning.\n\n",
        &|key| match key.definition.effect {
            Effect::None(why) => Some(why),
            _ => None,
        },
    );
    list(
        &mut text,
        "\n## Keys that are refused\n\nAny other value than the default is an error that says what to use instead.\n\n",
        &|key| match key.definition.effect {
            Effect::Unsupported(instead) => Some(instead),
            _ => None,
        },
    );
    text
}

fn row(key: &Entry) -> String {
    let marker = if key.chart.is_none() { " \\*" } else { "" };
    let default = match (key.definition.origin.varies(), &key.default) {
        (Some(by), _) => by.to_owned(),
        (None, Value::String(text)) if text.is_empty() => String::new(),
        (None, Value::String(text)) => format!("`{text}`"),
        // The chart's list of Elasticsearch settings is too long for a cell.
        (None, value) => match value.to_string() {
            long if long.chars().count() > 80 => "see `values --defaults`".into(),
            short => format!("`{short}`"),
        },
    };
    let doc = match key.definition.effect {
        Effect::Supported => key.doc.clone(),
        Effect::None(_) => format!("{} *No effect.*", key.doc),
        Effect::Unsupported(_) => format!("{} *Only the default.*", key.doc),
    };
    format!(
        "| `{}`{marker} | {} | {} | {} |\n",
        key.path,
        cell(&key.definition.kind.expected()),
        cell(&default),
        cell(&doc)
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
