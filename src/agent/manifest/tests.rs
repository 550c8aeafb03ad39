use super::*;

fn agent(options: Value) -> AgentSettings {
    let mut agent = json!({"queue": "default", "replicas": 2, "image": "python:3.11"});
    for (name, value) in options.as_object().unwrap() {
        agent[name] = value.clone();
    }
    serde_json::from_value(agent).unwrap()
}

fn rendered(is_local: bool, agent: &AgentSettings) -> Vec<Value> {
    let url = |port| format!("http://localhost:{port}");
    objects(&Inputs {
        instance: "demo",
        namespace: &Namespace::default(),
        is_local,
        agent,
        image: "python:3.11".to_owned(),
        identity: None,
        memory: Some("1Gi".to_owned()),
        at: &Endpoints {
            web: url(30080),
            api: url(30008),
            files: url(30081),
        },
        credentials: &Credentials {
            access_key: "the-access-key".to_owned(),
            secret_key: "the-secret-key".to_owned(),
        },
        routes: Routes {
            aliases: Vec::new(),
            forwards: vec!["127.0.0.1:30081=clearml-fileserver:8081".to_owned()],
        },
        names: vec![("api.corp.test".to_owned(), [10, 0, 0, 1].into())],
        certificates: "the certificates",
        proxies: vec![(
            "HTTPS_PROXY".to_owned(),
            "http://me:hidden@proxy".to_owned(),
        )],
        gpus: (agent.gpus > 0).then_some(match is_local {
            true => GpuSource::Node,
            false => GpuSource::Cluster,
        }),
        pull_secret: Some("clearml-registry"),
    })
}

fn of<'a>(kind: &str, objects: &'a [Value]) -> &'a Value {
    objects.iter().find(|one| one["kind"] == kind).unwrap()
}

#[test]
fn only_the_secret_contains_keys_and_passwords() {
    let objects = rendered(true, &agent(json!({"env": {"TOKEN": "hidden-too"}})));
    let token = &of("Secret", &objects)["stringData"]["TOKEN"];
    assert_eq!(token, "hidden-too");
    let conf = of("Secret", &objects)["stringData"]["clearml.conf"].as_str();
    crate::hocon::check(conf.unwrap()).unwrap();
    assert!(conf.unwrap().contains("the-secret-key"));
    for object in objects.iter().filter(|one| one["kind"] != "Secret") {
        let text = object.to_string();
        assert!(!text.contains("the-") && !text.contains("hidden"), "{text}");
    }
}

#[test]
fn no_object_is_pruned_and_pods_are_no_component() {
    for object in rendered(true, &agent(json!({}))) {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels[KEEP_LABEL], "true", "{object}");
        assert_eq!(labels[INSTANCE_LABEL], "demo", "{object}");
        let text = object.to_string();
        assert!(!text.contains(crate::kube::COMPONENT_LABEL), "{text}");
    }
}

#[test]
fn more_pods_do_not_restart_those_that_run() {
    let annotation = |objects: &[Value]| {
        let pod = &of("StatefulSet", objects)["spec"]["template"]["metadata"];
        pod["annotations"]["clearml-local.io/configuration"].clone()
    };
    let one = rendered(true, &agent(json!({})));
    let more = rendered(true, &agent(json!({"replicas": 3})));
    assert_eq!(annotation(&one), annotation(&more));
    assert!(annotation(&one).is_string());
}

/// Returns the variables of the agent's container, by name.
fn environment(objects: &[Value]) -> BTreeMap<String, Value> {
    let pod = &of("StatefulSet", objects)["spec"]["template"]["spec"];
    let env = pod["containers"][0]["env"].as_array().unwrap();
    let by_name = env
        .iter()
        .map(|one| (one["name"].as_str().unwrap().to_owned(), one.clone()));
    let by_name: BTreeMap<String, Value> = by_name.collect();
    assert_eq!(
        by_name.len(),
        env.len(),
        "Kubernetes refuses a name that occurs twice"
    );
    by_name
}

#[test]
fn variables_of_the_user_take_precedence_and_are_read_from_the_secret() {
    let own = json!({"PIP_CACHE_DIR": "/mine", "HTTPS_PROXY": "http://mine"});
    let objects = rendered(true, &agent(json!({"env": own})));
    let env = environment(&objects);
    for (name, value) in own.as_object().unwrap() {
        let key = json!({"name": "clearml-local-agent", "key": name});
        assert_eq!(env[name]["valueFrom"]["secretKeyRef"], key);
        assert_eq!(of("Secret", &objects)["stringData"][name], *value);
    }
}

#[test]
fn the_variables_that_lead_to_the_server_are_reserved() {
    for name in environment(&rendered(true, &agent(json!({})))).keys() {
        let option = [format!("{name}=x").parse().unwrap()];
        let refused = crate::settings::variables(&option, |_| None).is_err();
        assert_eq!(refused, name.starts_with("CLEARML_"), "{name}");
    }
}

#[test]
fn pods_pull_with_the_secret_of_the_components() {
    let objects = rendered(false, &agent(json!({})));
    let pod = &of("StatefulSet", &objects)["spec"]["template"]["spec"];
    assert_eq!(
        pod["imagePullSecrets"],
        json!([{"name": "clearml-registry"}])
    );
}

#[test]
fn another_home_reads_the_settings_from_the_secret() {
    let settings = agent(json!({"memory": "8Gi", "env": {"TOKEN": "hidden"}}));
    let objects = rendered(true, &settings);
    let record = of("Secret", &objects)["stringData"][AGENT_RECORD].as_str();
    let read: AgentSettings = serde_json::from_str(record.unwrap()).unwrap();
    assert_eq!(read, settings);
}

#[test]
fn amounts_of_the_user_are_reserved() {
    let resources = |options: Value| {
        let objects = rendered(true, &agent(options));
        of("StatefulSet", &objects)["spec"]["template"]["spec"]["containers"][0]["resources"]
            .clone()
    };
    let default = resources(json!({}));
    assert_eq!(default["limits"], json!({"memory": "1Gi"}));
    assert_eq!(default["requests"]["memory"], "256Mi");
    let given = resources(json!({"memory": "64Gi", "cpu": "2", "gpus": 1}));
    assert_eq!(given["requests"], json!({"cpu": "2", "memory": "64Gi"}));
    let limits = json!({"memory": "64Gi", "cpu": "2", "nvidia.com/gpu": 1});
    assert_eq!(given["limits"], limits);
}

#[test]
fn an_existing_cluster_provides_the_volume_of_the_cache() {
    let kinds = |is_local| {
        let objects = rendered(is_local, &agent(json!({"gpus": 1})));
        let command = of("StatefulSet", &objects).to_string();
        assert!(!command.contains("--cpu-only"), "{command}");
        objects.iter().any(|one| one["kind"] == "PersistentVolume")
    };
    assert!(kinds(true));
    assert!(!kinds(false));
}

#[test]
fn pods_get_the_names_and_certificates_of_the_server() {
    let objects = rendered(false, &agent(json!({})));
    let files = &of("ConfigMap", &objects)["data"];
    assert_eq!(files["hosts"], "10.0.0.1 api.corp.test\n");
    assert_eq!(files["ca.pem"], "the certificates");
}
