//! Which server the SDK of this user uses.

use std::path::Path;

use serde::Serialize;

use super::{API_HOST, Conf, conf_path};
use crate::files;
use crate::probe::Endpoints;
use crate::words;

/// Which server the SDK uses, compared with the one of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "state",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Uses {
    ThisServer {
        /// What says so: a variable, or a file.
        source: String,
    },
    AnotherServer {
        source: String,
        api_server: String,
    },
    /// Nothing names a server.
    NotConfigured,
}

impl Uses {
    /// Reads the configuration as the SDK does: the environment comes before the file.
    pub(crate) fn read(
        environment: impl Fn(&str) -> Option<String>,
        home: Option<&Path>,
        server: &Endpoints,
    ) -> Uses {
        match configured(environment, home) {
            None => Uses::NotConfigured,
            Some((source, api)) if is_same(&api, &server.api) => Uses::ThisServer { source },
            Some((source, api_server)) => Uses::AnotherServer { source, api_server },
        }
    }
}

/// Returns what names the API server for the SDK, and its URL.
pub(crate) fn configured(
    environment: impl Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> Option<(String, String)> {
    if let Some(api) = environment(API_HOST) {
        return Some((API_HOST.to_owned(), api));
    }
    let path = conf_path(environment, home)?;
    let text = files::read(&path).ok()??;
    let api = Conf::read(&text).ok()?.api_server()?.to_owned();
    Some((words::path(&path, home), api))
}

/// Whether two URLs lead to the same server, as far as their text tells.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let normal = |url: &str| {
        let url = url.trim_end_matches('/').to_ascii_lowercase();
        url.replace("//127.0.0.1:", "//localhost:")
    };
    normal(one) == normal(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_file() {
        let home = tempfile::tempdir().unwrap();
        let server = Endpoints {
            web: "http://localhost:30080".into(),
            api: "http://localhost:30008".into(),
            files: "http://localhost:30081".into(),
        };
        let uses = |host: Option<&str>| {
            let environment = |name: &str| host.filter(|_| name == API_HOST).map(str::to_owned);
            Uses::read(environment, Some(home.path()), &server)
        };
        assert_eq!(uses(None), Uses::NotConfigured);
        let write =
            |text: &str| files::write_private(&home.path().join("clearml.conf"), text).unwrap();
        write("api.api_server: http://127.0.0.1:30008/");
        let source = "~/clearml.conf".to_owned();
        assert_eq!(
            uses(None),
            Uses::ThisServer {
                source: source.clone()
            }
        );
        write("api.api_server: https://api.clear.ml");
        let api_server = "https://api.clear.ml".to_owned();
        assert_eq!(uses(None), Uses::AnotherServer { source, api_server });
        let source = API_HOST.to_owned();
        assert_eq!(
            uses(Some("http://localhost:30008")),
            Uses::ThisServer { source }
        );
        write("api {");
        assert_eq!(uses(None), Uses::NotConfigured);
    }
}
