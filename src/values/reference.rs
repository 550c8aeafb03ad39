//! Generates `docs/values.md`: all keys, and how to set values.

use serde_json::Value;

use super::keys::{self, Effect, Key};
use helm_values::Difference;

const BEGIN: &str = "\
# Values

This file is made from the table of keys in `src/values/keys`. Do not edit it: change the
table and run `UPDATE_DOCS=1 cargo test --test docs`.

Values are those of the `clearml` Helm chart 4.0.0: the same names, the same defaults, the
same meaning. Bring your `values.yaml` and give it to `up`:

```
clearml-local values check values.yaml
clearml-local up -f values.yaml --set apiserver.replicaCount=2
```

`clearml-local values` shows what is in force and where each value comes from,
`clearml-local values --defaults` writes a commented file with every key, and
`clearml-local values schema` the JSON Schema for editors.

## Which value wins

From the weakest to the strongest:

1. the chart's default;
2. the release (`--release`): images;
3. the memory of the machine (profiles small, standard and large): `resources` and
   `elasticsearch.esJavaOpts`;
4. your files (`-f`), the later over the earlier;
5. `--set-json`, then `--set`, then `--set-string`, then `--set-file`, whatever their order
   on the command line; of one kind the later over the earlier.

Maps are merged key by key; lists and everything else are replaced whole. `null` takes a
default away. `up` without value flags keeps what the last `up` was told; any value flag
replaces all of it, and `--reset-values` returns to the defaults.

A copy of the chart's own `values.yaml` works. What such a copy says without meaning it is
left out, with a warning: published secrets, and 4Gi for Elasticsearch on a machine that has
less.

All problems of all files and arguments are told at once, each with its file and line. Values
of secrets are never printed: not in messages, not from `--set`, not by `values`, `diff` and
`history`.

## What the local node does with them

- **Service types.** The node publishes the node ports of the three servers. A type `ClusterIP`
  or `LoadBalancer` is taken, its port is published all the same, and a warning says what the
  type would do in another cluster. `service.port` can be any port.
- **Images.** An empty `image.repository` or `image.tag` is the release's. Images are loaded
  into the node by their tag: a digest is refused.
- **Limits.** A heap, request or limit of yours that does not fit what the profile of the
  machine chose changes the profile's, not yours. A heap beside a limit of the profile makes
  the limit twice the heap.
- **Elasticsearch's settings.** A list in `elasticsearch.extraEnvs` replaces the chart's nine
  settings. What a single node needs beside them (`discovery.type`, no memory maps, no machine
  learning, no download of GeoIP databases, no security) is set where neither the list nor
  `elasticsearch.yml` says something else. For Elasticsearch 8 the chart's list is without
  `xpack.monitoring.enabled`, and a value that begins with `*` is quoted.
- **Secrets.** The server reads the keys below `secret` as HOCON. Letters, digits and `-_./~`
  come back unchanged unless the text is a number, or begins with a duration (`30s`) or with
  `true`, `false` or `null`: what would be changed is refused. `openssl rand -hex 32` makes one that
  works. Keys, secrets and tokens that any version of the chart or the server publishes count
  as none; in `extraEnvs` and `additionalConfigs` they are refused.
- **Fixed users.** With `apiserver.fixedUsers.passHashed` each password must be base64 of a
  bcrypt hash: `htpasswd -nbBC 12 '' 'PASSWORD' | tr -d ':\\n' | base64 -w0`. In
  `additionalConfigs` they belong into `auth { fixed_users { … } }` of `apiserver.conf`: the
  server takes the name of a file for the first part of its paths.
- **Values without effect** because of another key, such as a host name of an ingress that is
  not enabled, are told with that key.
- **Node selectors.** A label that the node does not have is reported before anything is applied,
  with the command that sets it on the node.
- **Annotations of ingresses** for another controller, or for cert-manager and ExternalDNS, warn
  where the node has a controller: it has only Traefik.

## Files of other charts

A file of the charts 5 to 7, of an umbrella chart (everything below `clearml:`), or of the
Redis, MongoDB and Elasticsearch charts is recognised as such, once, with a table of its keys:
what to write instead, what is not supported, and what has no effect here. Nothing is
translated by itself. Other unknown keys are looked up in the whole tree. Top-level keys that
only hold an anchor (`x-common: &common`) are accepted. `values check -v` and
`values check -o json` show all findings where there are more than twenty.

## The grammar of `--set`

It is Helm's.

| Written | Means |
| --- | --- |
| `a.b=c` | the key `b` below `a` |
| `a=1,b=2` | two values |
| `a={x,y}` | a list |
| `a[0].b=c` | the key `b` of the first item |
| `a=null` | no value: the default is taken away |
| `a=1`, `a=true` | a number, a flag; everything else is text |
| `a\\.b=c\\,d` | a dot in a key, a comma in a value |
| `--set-string a=1` | text, whatever it looks like |
| `--set-file a=path` | the text of a file, read now and kept |
| `--set-json 'a={\"b\":[1]}'` | JSON; or a whole object: `'{\"a\":1}'` |

## What differs from Helm

Everything else means what it means to Helm 4; the tests compare it with recorded answers of
Helm itself.

";

/// The sections: a title, and how the keys in it begin.
const SECTIONS: [(&str, &[&str]); 11] = [
    ("Names", &["nameOverride", "fullnameOverride", "clearml"]),
    ("Registry", &["imageCredentials"]),
    ("Ingress", &["ingress"]),
    ("Secrets", &["secret"]),
    ("Databases outside", &["externalServices"]),
    ("API server", &["apiserver"]),
    ("File server", &["fileserver"]),
    ("Web app", &["webserver"]),
    ("Redis", &["redis"]),
    ("MongoDB", &["mongodb"]),
    ("Elasticsearch", &["elasticsearch"]),
];

/// The text of `docs/values.md`.
pub fn reference() -> String {
    let mut text = BEGIN.to_owned();
    text.push_str("| | Why |\n| --- | --- |\n");
    for difference in Difference::ALL {
        let (id, reason) = (difference.id(), difference.reason());
        text.push_str(&format!("| {id} | {} |\n", cell(reason)));
    }
    text.push_str(
        "\n## Keys\n\nA key marked with \\* is not of the chart 4.0.0: it is a sub-chart's, or ours.\n",
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
    let told = |text: &mut String, title: &str, why: &dyn Fn(&Key) -> Option<&'static str>| {
        text.push_str(title);
        for key in keys::all() {
            if let Some(why) = why(key) {
                text.push_str(&format!("- `{}`: {why}.\n", key.path));
            }
        }
    };
    told(
        &mut text,
        "\n## Keys without effect\n\nThey are accepted, and do nothing in chart 4.0.0 either. Another value than the default\nwarns.\n\n",
        &|key| match key.effect {
            Effect::Nothing(why) => Some(why),
            _ => None,
        },
    );
    told(
        &mut text,
        "\n## Keys that are refused\n\nAnother value than the default is an error that says what to use instead.\n\n",
        &|key| match key.effect {
            Effect::Refused(instead) => Some(instead),
            _ => None,
        },
    );
    text
}

fn row(key: &Key) -> String {
    let own = if key.chart.is_none() { " \\*" } else { "" };
    let default = match (key.default_depends(), &key.default) {
        (Some(by), _) => by.to_owned(),
        (None, Value::String(text)) if text.is_empty() => String::new(),
        (None, Value::String(text)) => format!("`{text}`"),
        // A list of the chart's that says what is said anyway.
        (None, value) => match value.to_string() {
            long if long.chars().count() > 80 => "see `values --defaults`".into(),
            short => format!("`{short}`"),
        },
    };
    let doc = match key.effect {
        Effect::Works => key.doc.clone(),
        Effect::Nothing(_) => format!("{} *No effect.*", key.doc),
        Effect::Refused(_) => format!("{} *Only the default.*", key.doc),
    };
    format!(
        "| `{}`{own} | {} | {} | {} |\n",
        key.path,
        cell(&key.kind.expected()),
        cell(&default),
        cell(&doc)
    )
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
