//! The ingresses.

use std::collections::BTreeMap;

use super::{Context, Finding, Found};
use crate::values::keys::ingress as keys;
use crate::values::{Site, Target};

/// The programs that read annotations with a prefix. Traefik reads only its own.
const READERS: [(&str, &str); 9] = [
    ("nginx.ingress.kubernetes.io/", "ingress-nginx"),
    ("nginx.org/", "the NGINX Ingress Controller"),
    (
        "alb.ingress.kubernetes.io/",
        "the AWS Load Balancer Controller",
    ),
    ("haproxy.org/", "the HAProxy Ingress Controller"),
    ("haproxy-ingress.github.io/", "HAProxy Ingress"),
    ("konghq.com/", "Kong"),
    ("cert-manager.io/", "cert-manager"),
    ("acme.cert-manager.io/", "cert-manager"),
    ("external-dns.alpha.kubernetes.io/", "ExternalDNS"),
];
/// The annotation for the class from before ingresses had a field for it.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

pub(super) fn errors(context: &Context<'_>, found: &mut Found) {
    let mut earlier: Vec<(&str, &str, &keys::Site)> = Vec::new();
    for (name, site, keys) in enabled(context) {
        let same = earlier.iter().find(|(_, host, _)| *host == site.host);
        if let Some((other, _, others)) = same {
            found.push(Finding::of(
                [keys, others].map(|keys| keys.host_name.to_string()),
                format!(
                    "`ingress.{name}` and `ingress.{other}` cannot both have the host name {}: \
                    neither of them works below a path",
                    site.host
                ),
            ));
        }
        earlier.push((name, &site.host, keys));
    }
}

/// The enabled ingresses, each with its name and its keys.
fn enabled<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'static str, &'a Site, &'static keys::Site)> {
    let sites = &context.values.ingress.sites;
    let sites = [&sites.app, &sites.api, &sites.files].into_iter();
    let sites = sites.zip(keys::SITES);
    sites.filter_map(|(site, (name, keys))| Some((name, site.as_ref()?, keys)))
}

pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    let sites = &context.values.ingress.sites;
    if let Some((_, _, keys)) = enabled(context).next()
        && let Target::Node { controller, .. } = context.target
    {
        let class = context.values.ingress.class.as_str();
        let key = &keys.enabled;
        match controller {
            None => found.push(Finding::new(
                key,
                format!(
                    "`{key}` is true, but the node has no ingress controller: the servers are \
                    only reachable by their ports; add `--with-ingress` to install one"
                ),
            )),
            Some(controller) if !["", controller.class].contains(&class) => {
                found.push(Finding::new(
                    &keys::CLASS_NAME,
                    format!(
                        "`{}` is {class}, but the controller in the node serves \
                        only {}: the servers are only reachable by their ports",
                        keys::CLASS_NAME,
                        controller.class
                    ),
                ));
            }
            Some(controller) => annotations(context, controller.class, found),
        }
    }
    if !context.release.can_display_urls() && sites.app.is_some() && !sites.known_to_web_app() {
        found.push(Finding::new(
            &keys::APP.host_name,
            format!(
                "the web app of server {} finds the API by its host name only: its page may stay empty, and `create credentials` shows wrong URLs, unless the hosts are `app.`, `api.` and `files.` of one domain",
                context.release.server
            ),
        ));
    }
}

/// Warns about annotations for a program that the node does not have.
fn annotations(context: &Context<'_>, class: &str, found: &mut Found) {
    let mut unread: BTreeMap<&str, Vec<(String, &str)>> = BTreeMap::new();
    for (name, site, keys) in enabled(context) {
        let place = match context.overrides(&keys.annotations.definition) {
            true => &keys.annotations,
            false => &keys::ANNOTATIONS,
        };
        for (annotation, value) in &site.annotations {
            let reader = READERS
                .iter()
                .find(|(prefix, _)| annotation.starts_with(prefix));
            if let Some((_, reader)) = reader {
                let of_reader = unread.entry(reader).or_default();
                of_reader.push((place.to_string(), annotation));
            }
            if annotation == CLASS_ANNOTATION && value != class {
                found.push(Finding::new(
                    place,
                    format!("`{annotation}: {value}` in `{place}` gives the ingress of `{name}` to another controller: the one in the node serves only {class}"),
                ));
            }
        }
    }
    for (reader, annotations) in unread {
        let mut names: Vec<&str> = annotations.iter().map(|(_, name)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        found.push(Finding::of(
            annotations.iter().map(|(place, _)| place.clone()),
            format!(
                "{} of {reader} {} no effect: the node has only Traefik",
                names.join(", "),
                if names.len() == 1 { "has" } else { "have" }
            ),
        ));
    }
}
