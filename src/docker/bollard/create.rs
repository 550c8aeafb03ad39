//! Creation of containers, which is not repeated by mistake.

use bollard::query_parameters as query;

use super::{Docker, Error, convert};
use crate::docker::{ContainerSpec, Engine};

/// The label with which a creation recognizes its own container.
const CREATION: &str = "clearml-local.io/creation";

impl Docker {
    pub(super) async fn create_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        let options = query::CreateContainerOptionsBuilder::default()
            .name(&spec.name)
            .build();
        let mut body = convert::create_body(spec);
        if spec.image.digest().is_some() {
            let found = self.find_image(&spec.image).await?;
            body.image = found.map(|(name, _)| name).or(body.image);
        }
        let creation = format!("{:032x}", rand::random::<u128>());
        let labels = body.labels.get_or_insert_default();
        labels.insert(CREATION.to_owned(), creation.clone());
        let request = |client: bollard::Docker| {
            let (options, body) = (Some(options.clone()), body.clone());
            async move {
                let created = client.create_container(options, body).await?;
                Ok(created.id)
            }
        };
        let (name, creation) = (spec.name.as_str(), &creation);
        let done = || async move {
            let found = self.container(name).await?;
            let own = found.filter(|found| found.labels.get(CREATION) == Some(creation));
            Ok(own.map(|own| own.id))
        };
        let what = format!("create the container {name}");
        self.calls.unless_done(&what, request, done).await
    }
}
