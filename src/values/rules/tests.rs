use crate::inputs::{KeptFile, SetArgument, SetKind};
use crate::profile::Profile;
use crate::release::{Catalogue, DEFAULT};
use crate::values::{Controller, Error, Inputs, Resolved, resolve};

/// A machine of 16 GB, with or without an ingress controller.
fn resolve_on(
    release: &str,
    text: &str,
    sets: &[&str],
    controller: bool,
) -> Result<Resolved, Error> {
    let sets: Vec<SetArgument> = sets
        .iter()
        .map(|text| SetArgument::new(SetKind::Set, *text))
        .collect();
    resolve(&Inputs {
        release: &Catalogue::builtin().find(release).unwrap(),
        profile: &Profile::for_machine(16_000_000_000),
        files: &[KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        }],
        sets: &sets,
        controller: controller.then_some(Controller {
            class: "traefik",
            node_ports: [30082, 30443],
        }),
    })
}

fn refused(text: &str, sets: &[&str]) -> Vec<String> {
    let error = resolve_on(DEFAULT, text, sets, false).err();
    let problems = error.expect("it is refused").problems;
    problems.iter().map(ToString::to_string).collect()
}

fn warned(text: &str) -> Vec<String> {
    match resolve_on(DEFAULT, text, &[], false) {
        Ok(resolved) => resolved.warnings,
        Err(error) => panic!("{:?}", error.problems),
    }
}

#[test]
fn every_problem_is_told_at_once_whatever_kind_it_is_of() {
    let text = "\
apiserver:
  replicas: 2
  replicaCount: many
  service: {nodePort: 30080}
fileserver: text
mongodb: {persistence: {size: 5g}}
elasticsearch: {roles: {data: false}}
";
    let told = refused(text, &["redis.usePassword=perhaps"]);
    assert!(told[0].starts_with("values.yaml:2: ") && told[0].contains("`apiserver.replicas`"));
    assert_eq!(
        told[1..],
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
fn each_part_of_a_value_is_told() {
    let text = "\
apiserver:
  resources: {requests: {cpu: lots}, limits: {memory: 2GB}}
  extraEnvs: [text, {value: a}, {name: A}, {name: A}]
  fixedUsers: {enabled: true, users: [text, {username: ann}]}
";
    let told = refused(text, &[]);
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[test]
fn a_rule_is_silent_about_a_value_that_is_invalid_already() {
    let text = "apiserver: {service: {nodePort: 80}}\nwebserver: {service: {nodePort: 30008}}\n";
    assert_eq!(refused(text, &[]).len(), 1);
}

#[test]
fn service_types_of_production_are_published_with_a_word_about_it() {
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
fn a_node_port_of_none_is_the_usual_one() {
    let text = "apiserver: {service: {type: ClusterIP, nodePort: null}}\nwebserver: {service: {nodePort: ''}}\n";
    let values = resolve_on(DEFAULT, text, &[], false).ok().unwrap().values;
    let ports = values.node_ports();
    assert_eq!((ports.api, ports.web), (30008, 30080));
}

#[test]
fn node_ports_of_all_types_must_differ_also_from_the_controllers() {
    let text = "apiserver: {service: {type: ClusterIP, nodePort: 30082}}\nwebserver: {service: {nodePort: 30082}}\n";
    let told = |controller| {
        let error = resolve_on(DEFAULT, text, &[], controller).err().unwrap();
        error.problems.len()
    };
    assert_eq!((told(false), told(true)), (1, 3));
}

#[test]
fn a_limit_of_the_profile_gives_way_to_a_heap_or_a_request() {
    let of = |text: &str| {
        let resolved = resolve_on(DEFAULT, text, &[], false).ok().unwrap();
        let elastic = &resolved.values.elasticsearch;
        let memory = |kind: &str| elastic.base.pods.resources[kind]["memory"].clone();
        (
            elastic.java_options.clone(),
            memory("requests"),
            memory("limits"),
        )
    };
    let (_, request, limit) = of("elasticsearch: {esJavaOpts: -Xmx3g}\n");
    assert_eq!(
        (request.as_str(), limit.as_str()),
        (Some("512Mi"), Some("6144Mi"))
    );
    let (_, request, limit) = of("elasticsearch: {resources: {requests: {memory: 3Gi}}}\n");
    assert_eq!(
        (request.as_str(), limit.as_str()),
        (Some("3Gi"), Some("3Gi"))
    );
    let (options, request, limit) = of("elasticsearch: {resources: {limits: {memory: 500Mi}}}\n");
    assert_eq!(options, "-Xmx250m -Xms250m");
    assert_eq!(
        (request.as_str(), limit.as_str()),
        (Some("500Mi"), Some("500Mi"))
    );
}

#[test]
fn what_does_nothing_because_of_another_key_is_said() {
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
    let opened = resolve_on(
        DEFAULT,
        "ingress: {app: {hostName: app.a.test}}\n",
        &[],
        true,
    );
    let warnings = opened.ok().unwrap().warnings;
    assert!(
        !warnings.join("\n").contains("has no effect"),
        "{warnings:?}"
    );
}

#[test]
fn published_secrets_count_as_none_in_any_secret_key() {
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
            resolved.values.chosen == crate::secrets::Chosen::default(),
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
        let told = refused(&text, &[]);
        assert!(told[0].contains("contains a published secret"), "{told:?}");
        assert!(!told[0].contains("ymLh"), "{told:?}");
    }
}

#[test]
fn no_message_holds_the_value_of_a_secret() {
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
        let told = refused(text, &sets).join("\n");
        assert!(!told.contains(SECRET), "{text} {set}: {told}");
    }
}

#[test]
fn secrets_that_begin_with_a_digit_are_taken() {
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
fn an_image_without_a_tag_or_a_name_is_the_releases() {
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
fn users_in_a_file_that_the_server_does_not_read_are_refused() {
    const USERS: &str = "fixed_users { enabled: true, users: [] }";
    let told = |name: &str, text: &str| {
        let file = serde_json::json!({"apiserver": {"additionalConfigs": {name: text}}});
        let text = crate::yaml::to_string(&file);
        match resolve_on(DEFAULT, &text, &[], false) {
            Ok(resolved) => resolved.warnings.join("\n"),
            Err(error) => format!("refused: {}", error.problems[0]),
        }
    };
    assert_eq!(told("apiserver.conf", &format!("auth {{ {USERS} }}")), "");
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
        let told = told(name, &text);
        assert!(
            told.contains("anyone could log in without a password"),
            "{name} {text}: {told}"
        );
    }
    assert!(told("extra.conf", "a: 1").contains("ignores the file `extra.conf`"));
    assert!(told("services.conf", "services { a: 1 }").contains("does not read `services`"));
    assert_eq!(told("services.conf", "# fixed_users\ntasks { a: 1 }"), "");
}

#[test]
fn the_users_own_list_of_elasticsearchs_settings_counts() {
    let envs = |release: &str, text: &str| -> Vec<(String, String)> {
        let resolved = resolve_on(release, text, &[], false).ok().unwrap();
        let envs = resolved.values.elasticsearch.base.pods.extra_envs;
        let text = |env: &serde_json::Value, field: &str| env[field].as_str().unwrap().to_owned();
        envs.iter()
            .map(|env| (text(env, "name"), text(env, "value")))
            .collect()
    };
    let whitelist = |release| {
        let envs = envs(release, "");
        let found = envs
            .iter()
            .find(|(name, _)| name == "reindex.remote.whitelist");
        (envs.len(), found.unwrap().1.clone())
    };
    assert_eq!(whitelist(DEFAULT), (9, "*.*".to_owned()));
    assert_eq!(whitelist("2.3"), (8, "'*.*'".to_owned()));
    let own = "elasticsearch:\n  extraEnvs:\n  - {name: cluster.routing.allocation.disk.watermark.low, value: 85%}\n";
    assert_eq!(
        envs(DEFAULT, own),
        [(
            "cluster.routing.allocation.disk.watermark.low".to_owned(),
            "85%".to_owned()
        )]
    );
    assert_eq!(envs(DEFAULT, "elasticsearch: {extraEnvs: []}\n"), []);
    let copied = "elasticsearch:\n  extraEnvs:\n  - {name: reindex.remote.whitelist, value: '*.*'}\n  - {name: xpack.monitoring.enabled, value: 'false'}\n";
    assert_eq!(envs("2.3", copied).len(), 1);
    let warnings = resolve_on("2.3", copied, &[], false).ok().unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "values.yaml:4: Elasticsearch 8 does not support the setting `xpack.monitoring.enabled`: it is ignored"
        ]
    );
    let error = resolve_on(
        "2.3",
        "elasticsearch: {extraEnvs: [{name: node.master, value: 'true'}]}\n",
        &[],
        false,
    );
    let told = error.err().unwrap().problems[0].to_string();
    assert!(
        told.contains("does not start with the unknown setting `node.master`"),
        "{told}"
    );
}

#[test]
fn a_cookie_without_an_age_is_legal() {
    assert_eq!(warned("apiserver: {authCookiesMaxAge: 0}\n"), [""; 0]);
}

#[test]
fn annotations_of_another_controller_are_said_once_for_each() {
    let text = "\
ingress:
  annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 10g, example.com/team: ml}
  app:
    enabled: true
    annotations: {cert-manager.io/cluster-issuer: staging, kubernetes.io/ingress.class: nginx}
  api: {enabled: true, annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: '600'}}
  files: {enabled: true, annotations: {traefik.ingress.kubernetes.io/router.priority: '1'}}
";
    let told = |controller| {
        let resolved = resolve_on(DEFAULT, text, &[], controller).ok().unwrap();
        let about = ["of ingress-nginx", "cert-manager", "ingress.class"];
        let told = resolved.warnings.into_iter();
        let told = told.filter(|line| about.iter().any(|word| line.contains(word)));
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        told(true),
        [
            "values.yaml:5: `kubernetes.io/ingress.class: nginx` in `ingress.app.annotations` gives the ingress of `app` to another controller: the one in the node serves only traefik",
            "values.yaml:5: `cert-manager.io/cluster-issuer` of cert-manager has no effect: the node has only Traefik",
            "values.yaml:5: `nginx.ingress.kubernetes.io/proxy-body-size`, `nginx.ingress.kubernetes.io/proxy-read-timeout` of ingress-nginx have no effect: the node has only Traefik",
        ]
    );
    assert_eq!(
        told(false),
        [""; 0],
        "without a controller no ingress has an effect"
    );
}
