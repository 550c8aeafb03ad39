//! The values in force, with their types.

use serde_json::Value;

use super::Problem;
use super::quantity::{bytes, java_bytes};
use crate::component::Component;
use crate::settings::Ports;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Such as `mongo`.
    pub repository: String,
    /// Such as `4.4.29`.
    pub tag: String,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
}

/// How a service is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceType {
    /// On a port of the node.
    NodePort,
    /// Inside the cluster alone.
    ClusterIp,
    /// Through a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// Kubernetes' word.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceType::NodePort => "NodePort",
            ServiceType::ClusterIp => "ClusterIP",
            ServiceType::LoadBalancer => "LoadBalancer",
        }
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// How it is reached.
    pub kind: ServiceType,
    /// Its port in the cluster.
    pub port: u16,
    /// Its port on the node.
    pub node_port: u16,
}

/// One of the three ClearML servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its image.
    pub image: Image,
    /// Its service.
    pub service: Service,
    /// How many pods.
    pub replicas: u32,
    /// Requests and limits, as Kubernetes takes them.
    pub resources: Value,
    /// Environment beside our own, as Kubernetes takes it.
    pub extra_envs: Vec<Value>,
}

/// One of the three databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its image.
    pub image: Image,
    /// Requests and limits, as Kubernetes takes them.
    pub resources: Value,
    /// Environment beside our own, as Kubernetes takes it.
    pub extra_envs: Vec<Value>,
    /// The claim's size, a quantity.
    pub size: String,
}

/// The values in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    /// API server.
    pub apiserver: Server,
    /// Web app.
    pub webserver: Server,
    /// File server.
    pub fileserver: Server,
    /// The file server's claim: a quantity.
    pub fileserver_size: String,
    /// MongoDB.
    pub mongodb: Database,
    /// Redis.
    pub redis: Database,
    /// Elasticsearch.
    pub elasticsearch: Database,
    /// Elasticsearch's Java options.
    pub java_options: String,
}

impl Values {
    fn image_of(&self, component: Component) -> &Image {
        match component {
            Component::Redis => &self.redis.image,
            Component::Mongodb => &self.mongodb.image,
            Component::Elasticsearch => &self.elasticsearch.image,
            Component::Apiserver => &self.apiserver.image,
            Component::Fileserver => &self.fileserver.image,
            Component::Webserver => &self.webserver.image,
        }
    }

    /// The full reference of a component's image.
    pub fn image(&self, component: Component) -> String {
        let image = self.image_of(component);
        format!("{}:{}", image.repository, image.tag)
    }

    /// The three servers, by the first word of their keys.
    pub fn servers(&self) -> [(&'static str, &Server); 3] {
        [
            ("apiserver", &self.apiserver),
            ("webserver", &self.webserver),
            ("fileserver", &self.fileserver),
        ]
    }

    /// The node ports of the three servers.
    pub fn node_ports(&self) -> Ports {
        Ports {
            web: self.webserver.service.node_port,
            api: self.apiserver.service.node_port,
            files: self.fileserver.service.node_port,
        }
    }
}

/// Reads typed values out of a tree and collects what does not fit.
struct Reader<'a> {
    tree: &'a Value,
    place: &'a dyn Fn(&[&str]) -> String,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn get(&self, key: &str) -> &Value {
        key.split('.').fold(self.tree, |tree, name| &tree[name])
    }

    fn problem(&mut self, key: &str, what: impl Into<String>) {
        let path: Vec<&str> = key.split('.').collect();
        self.problems.push(Problem::new((self.place)(&path), what));
    }

    /// The value, if `read` understands it; else a problem.
    fn typed<T: Default>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> T {
        let value = self.get(key).clone();
        read(&value).unwrap_or_else(|| {
            self.problem(key, format!("`{key}` is to be {expected}, not `{value}`"));
            T::default()
        })
    }

    fn text(&mut self, key: &str) -> String {
        self.typed(key, "a text", |value| match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn quantity(&mut self, key: &str) -> String {
        self.typed(key, "a quantity such as 50Gi", |value| {
            let text = value.as_str()?;
            bytes(text).map(|_| text.to_owned())
        })
    }

    fn port(&mut self, key: &str, range: std::ops::RangeInclusive<u16>) -> u16 {
        let expected = format!("a port from {} to {}", range.start(), range.end());
        self.typed(key, &expected, |value| {
            let port = u16::try_from(value.as_u64()?).ok()?;
            range.contains(&port).then_some(port)
        })
    }

    fn image(&mut self, component: Component) -> Image {
        let repository = self.text(&format!("{component}.image.repository"));
        let tag = self.text(&format!("{component}.image.tag"));
        let pull_policy = self.typed(
            &format!("{component}.image.pullPolicy"),
            "Always, IfNotPresent or Never",
            |value| {
                let policy = value.as_str()?;
                ["Always", "IfNotPresent", "Never"]
                    .contains(&policy)
                    .then(|| policy.to_owned())
            },
        );
        Image {
            repository,
            tag,
            pull_policy,
        }
    }

    fn resources(&mut self, component: Component) -> Value {
        let key = format!("{component}.resources");
        let value = self.get(&key).clone();
        let value = if value.is_null() {
            Value::Object(serde_json::Map::new())
        } else {
            value
        };
        let Some(map) = value.as_object() else {
            self.problem(
                &key,
                format!("`{key}` is to hold `requests` and `limits`, not `{value}`"),
            );
            return value;
        };
        for (kind, amounts) in map {
            let below = format!("{key}.{kind}");
            if !["requests", "limits"].contains(&kind.as_str()) || !amounts.is_object() {
                self.problem(
                    &below,
                    format!("`{key}` is to hold `requests` and `limits`, not `{kind}`"),
                );
                continue;
            }
            for (what, amount) in amounts.as_object().into_iter().flatten() {
                let text = match amount {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                if bytes(&text).is_none() {
                    let what = format!(
                        "`{below}.{what}` is to be a quantity such as 2Gi or 500m, not `{amount}`"
                    );
                    self.problem(&below, what);
                }
            }
        }
        value
    }

    fn extra_envs(&mut self, component: Component) -> Vec<Value> {
        let key = format!("{component}.extraEnvs");
        let expected = "a list of name and value";
        let mut list = self.typed(&key, expected, |value| match value {
            Value::Null => Some(Vec::new()),
            Value::Array(list) => {
                let fine =
                    |item: &Value| item["name"].as_str().is_some_and(|name| !name.is_empty());
                list.iter().all(fine).then(|| list.clone())
            }
            _ => None,
        });
        for item in &mut list {
            // Kubernetes takes texts alone; `--set` guesses numbers.
            if let Some(value) = item.get_mut("value").filter(|v| !v.is_string()) {
                *value = Value::String(value.to_string());
            }
        }
        list
    }

    fn server(&mut self, component: Component) -> Server {
        let key = |name: &str| format!("{component}.{name}");
        let kind = self.typed(
            &key("service.type"),
            "NodePort, ClusterIP or LoadBalancer",
            |value| match value.as_str()? {
                "NodePort" => Some(Some(ServiceType::NodePort)),
                "ClusterIP" => Some(Some(ServiceType::ClusterIp)),
                "LoadBalancer" => Some(Some(ServiceType::LoadBalancer)),
                _ => None,
            },
        );
        let replicas = self.typed(&key("replicaCount"), "a whole number from 0 on", |value| {
            u32::try_from(value.as_u64()?).ok()
        });
        Server {
            image: self.image(component),
            service: Service {
                kind: kind.unwrap_or(ServiceType::NodePort),
                port: self.port(&key("service.port"), 1..=u16::MAX),
                node_port: self.port(&key("service.nodePort"), 30000..=32767),
            },
            replicas,
            resources: self.resources(component),
            extra_envs: self.extra_envs(component),
        }
    }

    fn database(&mut self, component: Component, size: &str) -> Database {
        Database {
            image: self.image(component),
            resources: self.resources(component),
            extra_envs: self.extra_envs(component),
            size: self.quantity(size),
        }
    }
}

/// Reads all values, and tells what does not fit; `place` says where the user said
/// what stands at a path.
pub(super) fn from_tree(tree: &Value, place: &dyn Fn(&[&str]) -> String) -> (Values, Vec<Problem>) {
    let mut reader = Reader {
        tree,
        place,
        problems: Vec::new(),
    };
    let storage = "elasticsearch.volumeClaimTemplate.resources.requests.storage";
    let mut values = Values {
        apiserver: reader.server(Component::Apiserver),
        webserver: reader.server(Component::Webserver),
        fileserver: reader.server(Component::Fileserver),
        fileserver_size: reader.quantity("fileserver.storage.data.size"),
        mongodb: reader.database(Component::Mongodb, "mongodb.persistence.size"),
        redis: reader.database(Component::Redis, "redis.master.persistence.size"),
        elasticsearch: reader.database(Component::Elasticsearch, storage),
        java_options: reader.text("elasticsearch.esJavaOpts"),
    };
    // The Elastic chart's own way of naming the tag.
    if !reader.get("elasticsearch.imageTag").is_null() {
        values.elasticsearch.image.tag = reader.text("elasticsearch.imageTag");
    }
    if reader.problems.is_empty() {
        one_node_port_each(&values, &mut reader);
        heap_fits(&values, &mut reader);
    }
    (values, reader.problems)
}

fn one_node_port_each(values: &Values, reader: &mut Reader<'_>) {
    let servers = values.servers();
    for (index, (name, server)) in servers.iter().enumerate() {
        for (other, earlier) in &servers[..index] {
            let port = server.service.node_port;
            if port == earlier.service.node_port {
                reader.problem(
                    &format!("{name}.service.nodePort"),
                    format!("`{name}` and `{other}` cannot both have node port {port}"),
                );
            }
        }
    }
}

fn heap_fits(values: &Values, reader: &mut Reader<'_>) {
    let options = values.java_options.split_whitespace();
    let Some(heap) = options
        .filter_map(|option| option.strip_prefix("-Xmx"))
        .next_back()
    else {
        return;
    };
    let Some(limit) = values.elasticsearch.resources["limits"]["memory"].as_str() else {
        return;
    };
    if let (Some(heap_bytes), Some(limit_bytes)) = (java_bytes(heap), bytes(limit))
        && heap_bytes >= limit_bytes
    {
        reader.problem(
            "elasticsearch.esJavaOpts",
            format!("Elasticsearch's heap of {heap} does not fit its memory limit of {limit}"),
        );
    }
}
