//! The ingresses.

use super::{Context, Finding, Found};

pub(super) fn broken(context: &Context<'_>, found: &mut Found) {
    let mut earlier: Vec<(&str, &str)> = Vec::new();
    for (name, site) in context.values.ingress.sites.all() {
        if let Some((other, _)) = earlier.iter().find(|(_, host)| *host == site.host) {
            found.push(Finding::of(
                [name, other].map(|site| format!("ingress.{site}.hostName")),
                format!("`ingress.{name}` and `ingress.{other}` cannot both have the host name {}: none of them works below a path", site.host),
            ));
        }
        earlier.push((name, &site.host));
    }
}

pub(super) fn doubtful(context: &Context<'_>, found: &mut Found) {
    let sites = &context.values.ingress.sites;
    if let Some((site, _)) = sites.all().next() {
        let class = context.values.ingress.class.as_str();
        let key = format!("ingress.{site}.enabled");
        match context.controller {
            None => found.push(Finding::new(
                key.clone(),
                format!("`{key}` is true, but the node has no ingress controller: the servers are reached by their ports; add `--with-ingress` to have one"),
            )),
            Some(controller) if !["", controller.class].contains(&class) => {
                found.push(Finding::new(
                    "ingress.className",
                    format!("`ingress.className` is {class}, but the controller in the node serves only {}: the servers are reached by their ports", controller.class),
                ));
            }
            Some(_) => {}
        }
    }
    if !context.release.can_display_urls() && sites.app.is_some() && !sites.found_by_web_app() {
        found.push(Finding::new(
            "ingress.app.hostName",
            format!(
                "the web app of server {} finds the API by its host name only: its page may stay empty, and `create credentials` shows wrong URLs, unless the hosts are `app.`, `api.` and `files.` of one domain",
                context.release.server
            ),
        ));
    }
}
