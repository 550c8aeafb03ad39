//! Finding an image by its reference or its digest.

use super::calls::Call;
use super::{Docker, Error, optional};
use crate::image_ref::ImageRef;

type Inspected = bollard::models::ImageInspect;

impl Docker {
    /// Returns an image and the name that the engine has for it. The engine records a
    /// digest only for the registry that the image was pulled from. So an image that was
    /// pulled from a mirror is found by its tag, and matches if any of its digests does.
    pub(super) async fn find_image(
        &self,
        reference: &ImageRef,
    ) -> Result<Option<(String, Inspected)>, Error> {
        let name = reference.to_string();
        if let Some(found) = self.inspect_image(&name).await? {
            return Ok(Some((name, found)));
        }
        if reference.digest().is_none() {
            return Ok(None);
        }
        let name = reference.without_digest().to_string();
        let found = self.inspect_image(&name).await?;
        let same = |found: &Inspected| has_digest(found, reference);
        Ok(found.filter(same).map(|found| (name, found)))
    }

    async fn inspect_image(&self, name: &str) -> Result<Option<Inspected>, Error> {
        let call = Call::read(format!("inspect {name}"));
        let request = |client: bollard::Docker| async move { client.inspect_image(name).await };
        optional(self.calls.answer(call, request).await)
    }
}

fn has_digest(found: &Inspected, reference: &ImageRef) -> bool {
    let digests = found.repo_digests.iter().flatten();
    let mut images = digests.filter_map(|text| text.parse::<ImageRef>().ok());
    images.any(|image| image.digest() == reference.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_from_a_mirror_is_identified_by_its_digest() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        let found = Inspected {
            repo_digests: Some(vec![format!("mirror.corp/hub/kindest/node@{digest}")]),
            ..Inspected::default()
        };
        let reference = |digest: &str| format!("kindest/node:v1@{digest}").parse().unwrap();
        assert!(has_digest(&found, &reference(&digest)));
        let other = digest.replace("a1", "b2");
        assert!(!has_digest(&found, &reference(&other)));
        assert!(!has_digest(&Inspected::default(), &reference(&digest)));
    }
}
