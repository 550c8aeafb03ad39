//! The checks of the proxies of a new node.

use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::preflight::Finding;
use crate::proxy::{Proxies, Proxy, ProxyUrl};

/// Returns findings about proxies with an invalid URL.
pub(super) fn unusable(proxies: &Proxies) -> Vec<Finding> {
    let broken = proxies.each().filter_map(|proxy| {
        let reason = proxy.url.as_ref().err()?;
        Some(Finding {
            what: format!("invalid proxy URL in {}: {reason}", proxy.variable),
            remedies: vec![match proxy.variable.split_once(' ') {
                None => Hint::run("run without it", ours!(Up).without(proxy.variable.clone())),
                Some(_) => {
                    Hint::text("set HTTPS_PROXY in your environment, which takes precedence")
                }
            }],
            failure: Failure::InvalidProxy,
        })
    });
    broken.collect()
}

/// Returns warnings about proxies that the node cannot use.
pub(super) fn warnings(proxies: &Proxies) -> Vec<String> {
    let mut warnings = proxies.unreachable_for("the node");
    let hides = |proxy: &&Proxy| proxy.url.as_ref().is_ok_and(ProxyUrl::has_hidden_login);
    warnings.extend(proxies.each().filter(hides).map(|proxy| {
        format!(
            "Docker hides the login of its proxy {proxy}: set HTTPS_PROXY with user and password \
             for the node"
        )
    }));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(name: &'static str, value: &str) -> Proxies {
        Proxies::of([(name, value.to_owned())])
    }

    #[test]
    fn an_invalid_url_is_reported_without_its_password() {
        let found = unusable(&proxies("HTTPS_PROXY", "ftp://jane:geheim@proxy:21"));
        let [finding] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(
            finding.what,
            "invalid proxy URL in HTTPS_PROXY: unsupported scheme `ftp`: expected http, https, socks5 or socks5h"
        );
        assert_eq!(
            finding.remedies,
            ["run without it: env -u HTTPS_PROXY clearml-local up"]
        );
        assert_eq!(
            unusable(&proxies("http_proxy", r"http://CORP\jane:x@host:3128 ")),
            []
        );
    }

    #[test]
    fn warns_about_a_proxy_on_a_loopback_address() {
        for url in ["localhost:3128", "http://jane:geheim@127.0.0.1:3128"] {
            let warnings = warnings(&proxies("https_proxy", url));
            assert_eq!(warnings.len(), 1, "{url}");
            assert!(warnings[0].contains("(https_proxy)"), "{warnings:?}");
            assert!(!warnings[0].contains("geheim"), "{warnings:?}");
        }
        assert!(warnings(&proxies("https_proxy", "http://proxy.corp:3128")).is_empty());
    }

    #[test]
    fn warns_about_a_login_that_docker_hides() {
        let hidden = proxies("HTTPS_PROXY", "http://xxxxx:xxxxx@proxy:3128");
        let warnings = warnings(&hidden.with_source("the Docker engine"));
        assert!(
            warnings[0].contains("HTTPS_PROXY of the Docker engine"),
            "{warnings:?}"
        );
    }
}
