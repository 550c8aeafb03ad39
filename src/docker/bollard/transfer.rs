//! Bulk transfers: pulls, exports, and archives of files.

use bollard::query_parameters as query;
use futures_util::TryStreamExt;

use super::calls::Call;
use super::layers::Layers;
use super::{ByteStream, Docker, Error, convert};
use crate::docker::{Credentials, PullProgress};
use crate::image_ref::ImageRef;

impl Docker {
    pub(super) async fn pull_image(
        &self,
        reference: &ImageRef,
        platform: &str,
        credentials: Option<&Credentials>,
        progress: PullProgress<'_>,
    ) -> Result<(), Error> {
        let options = query::CreateImageOptionsBuilder::default()
            .from_image(&reference.to_string())
            .platform(platform)
            .build();
        let header = credentials.map(Credentials::header);
        let request = move |mut client: bollard::Docker| {
            // bollard does not encode its header with the URL-safe alphabet that engines
            // expect.
            if let Some(header) = header.clone() {
                client = client
                    .with_request_modifier(move |request| convert::with_auth(request, &header));
            }
            Box::pin(client.create_image(Some(options.clone()), None, None))
        };
        let call = Call::idempotent(format!("pull {reference}"));
        let mut parts = self.calls.stream(call, self.calls.limits.idle, request);
        let mut layers = Layers::default();
        while let Some(item) = parts.try_next().await? {
            let detail = item.progress_detail.unwrap_or_default();
            if let (Some(layer), Some(done), Some(total)) = (item.id, detail.current, detail.total)
                && item.status.as_deref() == Some("Downloading")
            {
                progress(layers.add(layer, done, total));
            }
        }
        Ok(())
    }

    pub(super) fn export_images(&self, references: &[&ImageRef], platform: &str) -> ByteStream {
        // Engines with the containerd store export an index of all platforms with the
        // blobs of only one, unless the request names a platform
        // (kubernetes-sigs/kind#3795). API 1.48 and later support that.
        let query = (self.calls.api() >= (1, 48)).then(|| convert::platform_query(platform));
        let names: Vec<String> = references.iter().map(ToString::to_string).collect();
        let call = Call::read(format!("export {}", names.join(" ")));
        let request = move |mut client: bollard::Docker| {
            if let Some(query) = query.clone() {
                client = client
                    .with_request_modifier(move |request| convert::with_query(request, &query));
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            // The stream owns its client.
            Box::pin(client.export_images(&names))
        };
        self.calls.stream(call, self.calls.limits.idle, request)
    }

    pub(super) fn download(&self, name: &str, path: &str) -> ByteStream {
        let options = query::DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let call = Call::read(format!("read {path} of {name}"));
        let name = name.to_owned();
        let request = move |client: bollard::Docker| {
            Box::pin(client.download_from_container(&name, Some(options.clone())))
        };
        self.calls.stream(call, self.calls.limits.answer, request)
    }
}
