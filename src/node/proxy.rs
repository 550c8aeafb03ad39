//! The user's proxies, as the node is told of them.

use super::spec::{POD_SUBNET, SERVICE_SUBNET};

/// The proxy variables for the node: both spellings, with what must never go
/// through a proxy added to `NO_PROXY`.
pub(super) fn environment(proxy: &[(String, String)], node: &str) -> Vec<String> {
    let value = |name: &str| {
        let found = proxy.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.clone())
            .filter(|v| !v.is_empty())
    };
    if value("HTTP_PROXY").is_none() && value("HTTPS_PROXY").is_none() {
        return Vec::new();
    }
    let local = [
        POD_SUBNET,
        SERVICE_SUBNET,
        node,
        "localhost",
        "127.0.0.1",
        ".svc",
        ".cluster.local",
    ];
    let mut no_proxy = value("NO_PROXY").unwrap_or_default();
    for name in local {
        if !no_proxy.split(',').any(|part| part == name) {
            if !no_proxy.is_empty() {
                no_proxy.push(',');
            }
            no_proxy.push_str(name);
        }
    }
    let mut env = Vec::new();
    let all = [
        ("HTTP_PROXY", value("HTTP_PROXY")),
        ("HTTPS_PROXY", value("HTTPS_PROXY")),
        ("NO_PROXY", Some(no_proxy)),
    ];
    for (name, value) in all {
        if let Some(value) = value {
            env.push(format!("{name}={value}"));
            env.push(format!("{}={value}", name.to_lowercase()));
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_reach_the_node_and_never_its_own_addresses() {
        let proxy = [
            ("https_proxy".to_owned(), "http://proxy:3128".to_owned()),
            ("NO_PROXY".to_owned(), "corp".to_owned()),
        ];
        let env = environment(&proxy, "demo-control-plane");
        assert_eq!(
            env,
            [
                "HTTPS_PROXY=http://proxy:3128",
                "https_proxy=http://proxy:3128",
                "NO_PROXY=corp,10.244.0.0/16,10.96.0.0/16,demo-control-plane,localhost,127.0.0.1,.svc,.cluster.local",
                "no_proxy=corp,10.244.0.0/16,10.96.0.0/16,demo-control-plane,localhost,127.0.0.1,.svc,.cluster.local",
            ]
        );
        assert!(environment(&[], "demo-control-plane").is_empty());
    }
}
