use crate::release::DEFAULT;
use crate::values::fixtures::{resolve_for_cluster, resolve_text};
use crate::values::{Controller, Error, Resolved};

/// Resolves values for a host with 16 GB, with or without an ingress controller.
fn resolve_on(
    release: &str,
    text: &str,
    sets: &[&str],
    controller: bool,
) -> Result<Resolved, Error> {
    let controller = controller.then_some(Controller {
        class: "traefik",
        node_ports: [30082, 30443],
    });
    resolve_text(release, 16, controller, text, sets)
}

fn refused(text: &str, sets: &[&str]) -> Vec<String> {
    let error = resolve_on(DEFAULT, text, sets, false).err();
    let problems = error.expect("an error").problems;
    problems.iter().map(ToString::to_string).collect()
}

fn warned(text: &str) -> Vec<String> {
    match resolve_on(DEFAULT, text, &[], false) {
        Ok(resolved) => resolved.warnings,
        Err(error) => panic!("{:?}", error.problems),
    }
}

#[test]
fn problems_of_all_kinds_are_reported_together() {
    let text = "\
apiserver:
  replicas: 2
  replicaCount: many
  service: {nodePort: 30080}
fileserver: text
mongodb: {persistence: {size: 5g}}
elasticsearch: {roles: {data: false}}
";
    let messages = refused(text, &["redis.usePassword=perhaps"]);
    assert!(
        messages[0].starts_with("values.yaml:2: ") && messages[0].contains("`apiserver.replicas`")
    );
    assert_eq!(
        messages[1..],
        [
            "values.yaml:5: invalid value for `fileserver`: expected a map of keys, got a string",
            "values.yaml:4: `webserver` and `apiserver` cannot both have node port 30080",
            "values.yaml:7: Elasticsearch does not start if no node holds data, and all nodes have the same roles",
            "values.yaml:3: invalid value for `apiserver.replicaCount`: expected a whole number from 0 to 1000, got `many`",
            "--set redis.usePassword=…: invalid value for `redis.usePassword`: expected true or false, got `perhaps`",
            "values.yaml:6: invalid value for `mongodb.persistence.size`: expected a quantity such as 50Gi, got `5g`; did you mean `5Gi`?",
        ]
    );
}

#[test]
fn each_invalid_part_of_a_value_is_reported() {
    let text = "\
apiserver:
  resources: {requests: {cpu: lots}, limits: {memory: 2GB}}
  extraEnvs: [text, {value: a}, {name: A}, {name: A}]
  fixedUsers: {enabled: true, users: [text, {username: ann}]}
";
    let messages = refused(text, &[]);
    assert_eq!(messages.len(), 7, "{messages:#?}");
}

#[test]
fn rules_ignore_invalid_values() {
    let text = "apiserver: {service: {nodePort: 80}}\nwebserver: {service: {nodePort: 30008}}\n";
    assert_eq!(refused(text, &[]).len(), 1);
}

#[test]
fn other_service_types_are_published_with_a_warning() {
    let text = "\
webserver: {service: {type: LoadBalancer, port: 80}}
apiserver: {service: {type: LoadBalancer, port: 80}}
fileserver: {service: {type: ClusterIP}}
";
    assert_eq!(
        warned(text),
        [
            "values.yaml:3: `fileserver.service.type` is ClusterIP: this node publishes its node port anyway; in another cluster it would be reachable only inside it",
            "values.yaml:2: `apiserver.service.type` and `webserver.service.type` are LoadBalancer: this node publishes their node ports anyway; in another cluster each would get the address of a load balancer",
        ]
    );
    let mongodb = warned("mongodb: {service: {type: NodePort}}\n");
    assert!(mongodb[0].contains("MongoDB is reachable only inside the cluster"));
}

#[test]
fn an_empty_node_port_is_the_default_one() {
    let text = "apiserver: {service: {type: ClusterIP, nodePort: null}}\nwebserver: {service: {nodePort: ''}}\n";
    let values = resolve_on(DEFAULT, text, &[], false).ok().unwrap().values;
    let ports = values.node_ports();
    assert_eq!((ports.api, ports.web), (30008, 30080));
}

#[test]
fn node_ports_must_differ_from_each_other_and_from_the_controllers() {
    let text = "apiserver: {service: {type: ClusterIP, nodePort: 30082}}\nwebserver: {service: {nodePort: 30082}}\n";
    let messages = |controller| {
        let error = resolve_on(DEFAULT, text, &[], controller).err().unwrap();
        error.problems.len()
    };
    assert_eq!((messages(false), messages(true)), (1, 3));
}

#[test]
fn warns_about_values_without_effect_because_of_another_key() {
    let text = "\
ingress:
  app: {hostName: app.example.com}
mongodb: {replicaCount: 3, auth: {rootPassword: word}}
redis: {enabled: false, resources: {limits: {memory: 1Gi}}, master: {persistence: {size: 1Gi}}, usePassword: true, extraFlags: [a]}
externalServices: {redisHost: redis.example.com, mongodbPort: 27018}
imageCredentials: {existingSecret: mine}
apiserver: {fixedUsers: {passHashed: true}, watchdog: {enabled: false, thresholdSeconds: 60}}
elasticsearch: {imageTag: 7.17.28, image: {tag: 7.17.29}}
";
    assert_eq!(
        warned(text),
        [
            "values.yaml:4: `redis.usePassword`, `redis.extraFlags`, `redis.master.persistence.size` and 1 more have no effect: `redis.enabled` is false",
            "values.yaml:5: `externalServices.mongodbPort` has no effect: `mongodb.enabled` is true",
            "values.yaml:3: `mongodb.replicaCount` has no effect: `mongodb.architecture` is standalone",
            "values.yaml:3: `mongodb.auth.rootPassword` has no effect: `mongodb.auth.enabled` is false",
            "values.yaml:7: `apiserver.fixedUsers.passHashed` has no effect: `apiserver.fixedUsers.enabled` is false",
            "values.yaml:6: `imageCredentials.existingSecret` has no effect: `imageCredentials.enabled` is false",
            "values.yaml:2: `ingress.app.hostName` has no effect: `ingress.app.enabled` is false",
            "values.yaml:7: `apiserver.watchdog.thresholdSeconds` has no effect: `apiserver.watchdog.enabled` is false",
        ]
    );
    let with_controller = resolve_on(
        DEFAULT,
        "ingress: {app: {hostName: app.a.test}}\n",
        &[],
        true,
    );
    let warnings = with_controller.ok().unwrap().warnings;
    assert!(
        !warnings.join("\n").contains("has no effect"),
        "{warnings:?}"
    );
}

#[test]
fn published_secrets_count_as_not_set() {
    const CHART_7: &str = "ymLh1ok5k5xNUQfS944Xdx9xjf0wueokqKM2dMZfHuH9ayItG2";
    for key in [
        "secret.authToken",
        "secret.credentials.tests.secretKey",
        "redis.password",
    ] {
        let sets = [&format!("{key}={CHART_7}")[..], "redis.usePassword=true"];
        let resolved = resolve_on(DEFAULT, "", &sets, false).ok().unwrap();
        assert_eq!(
            resolved.warnings,
            [format!(
                "--set {key}=…: `{key}` is a published value: the instance's own is used instead"
            )]
        );
        assert!(
            resolved.values.chosen == crate::secrets::UserSecrets::default(),
            "{key}"
        );
    }
    let env = format!(
        "apiserver:\n  extraEnvs:\n  - {{name: CLEARML__SECURE__AUTH__TOKEN_SECRET, value: {CHART_7}}}\n"
    );
    let file = format!(
        "apiserver: {{additionalConfigs: {{secure.conf: 'auth {{ token_secret: {CHART_7} }}'}}}}\n"
    );
    for text in [env, file] {
        let messages = refused(&text, &[]);
        assert!(
            messages[0].contains("contains a published secret"),
            "{messages:?}"
        );
        assert!(!messages[0].contains("ymLh"), "{messages:?}");
    }
}

#[test]
fn no_message_contains_a_secret() {
    const SECRET: &str = "hunter2";
    for (text, set) in [
        ("secret: {authToken: 'hunter2+hunter2'}", ""),
        ("secret: {authToken: hunter2}", ""),
        ("secret: {authToken: [hunter2]}", ""),
        ("secret: hunter2", ""),
        ("redis: {password: 'hunter2 x'}", ""),
        ("imageCredentials: {password: {hunter2: hunter2}}", ""),
        ("externalServices: {redisPassword: [hunter2]}", ""),
        ("apiserver: {fixedUsers: {users: 'ann:hunter2'}}", ""),
        (
            "apiserver: {fixedUsers: {users: [{username: a, password: [hunter2]}]}}",
            "",
        ),
        (
            "apiserver: {fixedUsers: {enabled: true, passHashed: true, users: [{username: a, password: hunter2}]}}",
            "",
        ),
        ("apiserver: {fixedUsers: 'ann:hunter2'}", ""),
        ("apiserver: {extraEnvs: {CLEARML__SECURE: hunter2}}", ""),
        ("apiserver: {extraEnvs: ['A=hunter2']}", ""),
        (
            "apiserver: {extraEnvs: [{name: A, valueFrom: hunter2}]}",
            "",
        ),
        ("apiserver: {extraEnvs: [{name: A, value: [hunter2]}]}", ""),
        (
            "apiserver: {additionalConfigs: {apiserver.conf: {auth: hunter2}}}",
            "",
        ),
        ("", "secret.authToken=hunter2"),
        ("", "secret.authToken=a,hunter2"),
        ("", "secret.authToken={hunter2"),
        ("", "secret.authToken=a,hunter2[x]=1"),
        ("", "redis.password=hunter2 x"),
    ] {
        let sets: Vec<&str> = [set].into_iter().filter(|set| !set.is_empty()).collect();
        let messages = refused(text, &sets).join("\n");
        assert!(!messages.contains(SECRET), "{text} {set}: {messages}");
    }
}

#[test]
fn accepts_secrets_that_start_with_a_digit() {
    let secret = "7f3c0a51e2b94d6688f0c1d2e3f4a5b6";
    let sets = [
        &format!("secret.authToken={secret}")[..],
        "redis.password=123456,redis.usePassword=true",
    ];
    let chosen = resolve_on(DEFAULT, "", &sets, false)
        .ok()
        .unwrap()
        .values
        .chosen;
    assert_eq!(chosen.auth_token.as_deref(), Some(secret));
    assert_eq!(chosen.redis.as_deref(), Some("123456"));
    assert_eq!(
        refused("secret: {httpSession: 12345678901234567890}\n", &[]),
        [
            "values.yaml:1: invalid value for `secret.httpSession`: the server would read it as a number; for a random one: openssl rand -hex 32"
        ]
    );
}

#[test]
fn an_empty_image_name_or_tag_is_that_of_the_release() {
    for text in [
        "apiserver: {image: {repository: '', tag: ''}}\n",
        "apiserver: {image: {tag: null}}\n",
        "apiserver: {image: null}\n",
    ] {
        let resolved = resolve_on("2.3", text, &[], false).ok().unwrap();
        let image = resolved
            .values
            .image(crate::component::Component::Apiserver);
        assert_eq!(image.to_string(), "clearml/server:2.3.0", "{text}");
    }
}

#[test]
fn refuses_users_in_a_file_that_the_server_does_not_read() {
    const USERS: &str = "fixed_users { enabled: true, users: [] }";
    let messages = |name: &str, text: &str| {
        let file = serde_json::json!({"apiserver": {"additionalConfigs": {name: text}}});
        let text = crate::yaml::to_string(&file);
        match resolve_on(DEFAULT, &text, &[], false) {
            Ok(resolved) => resolved.warnings.join("\n"),
            Err(error) => format!("refused: {}", error.problems[0]),
        }
    };
    assert_eq!(
        messages("apiserver.conf", &format!("auth {{ {USERS} }}")),
        ""
    );
    for (name, text) in [
        ("auth.conf", format!("auth {{ {USERS} }}")),
        ("auth.conf", USERS.to_owned()),
        ("services.conf", format!("auth {{ {USERS} }}")),
        (
            "apiserver.conf",
            format!("apiserver {{ auth {{ {USERS} }} }}"),
        ),
        ("apiserver.conf", "fixed_users.enabled = true".to_owned()),
    ] {
        let messages = messages(name, &text);
        assert!(
            messages.contains("anyone could log in without a password"),
            "{name} {text}: {messages}"
        );
    }
    assert!(messages("extra.conf", "a: 1").contains("ignores the file `extra.conf`"));
    assert!(messages("services.conf", "services { a: 1 }").contains("does not read `services`"));
    assert_eq!(
        messages("services.conf", "# fixed_users\ntasks { a: 1 }"),
        ""
    );
}

#[test]
fn a_cookie_age_of_zero_is_valid() {
    assert_eq!(warned("apiserver: {authCookiesMaxAge: 0}\n"), [""; 0]);
}

#[test]
fn warns_once_about_the_annotations_of_each_other_controller() {
    let text = "\
ingress:
  annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 10g, example.com/team: ml}
  app:
    enabled: true
    annotations: {cert-manager.io/cluster-issuer: staging, kubernetes.io/ingress.class: nginx}
  api: {enabled: true, annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: '600'}}
  files: {enabled: true, annotations: {traefik.ingress.kubernetes.io/router.priority: '1'}}
";
    let messages = |controller| {
        let resolved = resolve_on(DEFAULT, text, &[], controller).ok().unwrap();
        let about = ["of ingress-nginx", "cert-manager", "ingress.class"];
        let messages = resolved.warnings.into_iter();
        let messages = messages.filter(|line| about.iter().any(|word| line.contains(word)));
        messages.collect::<Vec<_>>()
    };
    assert_eq!(
        messages(true),
        [
            "values.yaml:5: `kubernetes.io/ingress.class: nginx` in `ingress.app.annotations` gives the ingress of `app` to another controller: the one in the node serves only traefik",
            "values.yaml:5: `cert-manager.io/cluster-issuer` of cert-manager has no effect: the node has only Traefik",
            "values.yaml:5: `nginx.ingress.kubernetes.io/proxy-body-size`, `nginx.ingress.kubernetes.io/proxy-read-timeout` of ingress-nginx have no effect: the node has only Traefik",
        ]
    );
    assert_eq!(
        messages(false),
        [""; 0],
        "without a controller no ingress has an effect"
    );
}

#[test]
fn an_existing_cluster_has_the_values_as_they_are() {
    let resolved = resolve_for_cluster("").unwrap();
    assert_eq!(resolved.warnings, [""; 0]);
    let elastic = &resolved.values.elasticsearch;
    assert_eq!(elastic.java_options, "-Xmx2g -Xms2g");
    let memory = serde_json::json!({"requests": {"memory": "4Gi"}, "limits": {"memory": "4Gi"}});
    assert_eq!(elastic.base.pods.resources, memory);
    let nothing = serde_json::json!({});
    assert_eq!(resolved.values.apiserver.pods.resources, nothing);
    // The chart's own values are not too much for a cluster.
    let copied = "elasticsearch:\n  esJavaOpts: -Xmx2g -Xms2g\n  resources: {requests: {memory: 4Gi}, limits: {memory: 4Gi}}\n";
    assert_eq!(resolve_for_cluster(copied).unwrap().warnings, [""; 0]);
    // Without a node port, equal numbers are no conflict.
    let services = "apiserver:\n  service: {type: ClusterIP, nodePort: 30100}\nwebserver:\n  service: {type: LoadBalancer, nodePort: 30100}\n";
    assert_eq!(
        resolve_for_cluster(services).unwrap().warnings,
        [
            "values.yaml:2: `apiserver.service.nodePort` has no effect: `apiserver.service.type` is ClusterIP",
            "values.yaml:4: `webserver.service.nodePort` has no effect: `webserver.service.type` is LoadBalancer",
        ]
    );
    let both =
        "apiserver:\n  service: {nodePort: 30100}\nwebserver:\n  service: {nodePort: 30100}\n";
    assert!(resolve_for_cluster(both).is_err());
    let ingress = "ingress:\n  className: nginx\n  annotations: {cert-manager.io/cluster-issuer: corp}\n  app: {enabled: true, hostName: app.example.com}\n  api: {enabled: true, hostName: api.example.com}\n  files: {enabled: true, hostName: files.example.com}\n";
    assert_eq!(resolve_for_cluster(ingress).unwrap().warnings, [""; 0]);
    assert_eq!(
        resolve_for_cluster("fileserver:\n  replicaCount: 2\n")
            .unwrap()
            .warnings,
        [
            "values.yaml:2: `fileserver.replicaCount` is 2, but the pods share a volume that only one node can mount: all of them must run on that node"
        ]
    );
}
