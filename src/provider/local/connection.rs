//! The engine that the user's environment selects.

use std::path::Path;
use std::sync::Arc;

use super::look::RESPONSE_TIMEOUT;
use crate::docker::{self, ClientConfig, Docker, Endpoint, Engine, Limits, find_endpoint};
use crate::error::Result;
use crate::provider::NoAnswer;
use crate::proxy::Proxies;

/// How the environment and the configuration of the `docker` command select an engine.
pub(crate) struct Connection {
    environment: fn(&str) -> Option<String>,
    config: ClientConfig,
}

impl Connection {
    pub(crate) fn read(environment: fn(&str) -> Option<String>, home: Option<&Path>) -> Connection {
        Connection {
            environment,
            config: ClientConfig::read(environment, home),
        }
    }

    pub(crate) async fn connect(&self) -> Result<Arc<dyn Engine>> {
        Ok(Arc::new(
            Docker::connect(self.endpoint()?, self.limits()?).await?,
        ))
    }

    /// Connects for `status`, which reports an engine that cannot be reached: the inner error.
    ///
    /// # Errors
    /// Only the user can fix it: an unknown Docker context, or an invalid variable.
    pub(crate) async fn try_connect(&self) -> Result<Result<Arc<dyn Engine>>> {
        let connecting = Docker::connect(self.endpoint()?, self.limits()?);
        match tokio::time::timeout(RESPONSE_TIMEOUT, connecting).await {
            Ok(Ok(engine)) => Ok(Ok(Arc::new(engine))),
            Ok(Err(error @ docker::Error::Context { .. })) => Err(error.into()),
            Ok(Err(error)) => Ok(Err(error.into())),
            Err(_) => Ok(Err(NoAnswer.into())),
        }
    }

    fn endpoint(&self) -> Result<Endpoint, docker::Error> {
        find_endpoint(self.environment, &self.config)
    }

    fn limits(&self) -> Result<Limits, docker::Error> {
        Limits::read(self.environment)
    }

    /// Returns the proxies in Docker's configuration.
    pub(crate) fn proxies(&self) -> Proxies {
        let address = self.endpoint().map(|endpoint| endpoint.address.to_string());
        self.config.proxies(&address.unwrap_or_default())
    }

    /// Returns the directory of Docker's configuration.
    pub(crate) fn config_dir(&self) -> Option<&Path> {
        self.config.dir.as_deref()
    }
}
