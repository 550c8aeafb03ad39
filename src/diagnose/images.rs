//! Images that are missing or cannot be pulled.

use super::finding::{Cause, Draft};
use super::words::innermost;
use super::{ComponentObservation, ContainerObservation, ContainerState};
use crate::error::Code;
use crate::hint::{Hint, ours};
use crate::images::Refusal;

/// Returns why an image with the pull policy `Never` is not used. The kubelet may have the
/// image and still require credentials for it.
pub(super) fn never_pulled(message: &str) -> &'static str {
    if message.contains("is present") {
        "the kubelet refuses to use its image without credentials"
    } else {
        "its image is missing in the node"
    }
}

/// A container whose image is missing or cannot be pulled.
pub(crate) fn image(
    seen: &ComponentObservation,
    container: &ContainerObservation,
) -> Option<Draft> {
    let ContainerState::Waiting { reason, message } = &container.state else {
        return None;
    };
    let image = &container.image;
    let component = seen.component;
    let mut draft = match reason.as_str() {
        "ErrImageNeverPull" => Draft::new(
            Cause::ImageMissing,
            Code::ComponentImage,
            format!(
                "does not start: {} ({image}), and its pull policy is Never",
                never_pulled(message)
            ),
            format!("{} ({image})", never_pulled(message)),
        ),
        "InvalidImageName" | "ErrInvalidImageName" => Draft::new(
            Cause::ImageName,
            Code::ComponentImage,
            format!("does not start: invalid image name {image}"),
            format!("invalid image name {image}"),
        ),
        "ErrImagePull" | "ImagePullBackOff" => return pull(seen, container, message),
        _ => return None,
    };
    draft.hint(Hint::run("load the images again", ours!(Up)));
    draft.hint(Hint::run(
        "or use another image",
        ours!(
            Up,
            "--set {component}.image.repository=… --set {component}.image.tag=…"
        ),
    ));
    Some(draft)
}

fn pull(
    seen: &ComponentObservation,
    container: &ContainerObservation,
    message: &str,
) -> Option<Draft> {
    let image = &container.image;
    // `ImagePullBackOff` may only report "Back-off pulling image"; the event has the reason.
    let failed = seen
        .events_of("Failed")
        .find(|event| event.message.contains("pull") && event.message.contains(&image.to_string()));
    let text = failed.map_or(message, |event| {
        if event.message.len() > message.len() {
            event.message.as_str()
        } else {
            message
        }
    });
    let tries = failed.map_or(1, |event| event.count);
    let why = innermost(text);
    let refusal = Refusal::of(text, image.reference());
    let (code, what) = match refusal {
        Refusal::NotFound => (Code::ImageNotFound, "it does not exist".to_owned()),
        Refusal::MissingOrPrivate => (
            Code::ImageNotFound,
            "it does not exist, or the registry needs a login".to_owned(),
        ),
        Refusal::NoPlatform => (
            Code::ImageNotFound,
            "it is not published for this platform".to_owned(),
        ),
        Refusal::Unauthorized => (
            Code::ImageUnauthorized,
            "the registry denied access".to_owned(),
        ),
        Refusal::RateLimited => (
            Code::ImageFailed,
            "the registry's pull rate limit is reached".to_owned(),
        ),
        Refusal::Certificate => (
            Code::ImageFailed,
            "the registry's certificate is not trusted in the node".to_owned(),
        ),
        Refusal::PlainHttp => (
            Code::ImageFailed,
            "the registry does not speak TLS".to_owned(),
        ),
        Refusal::Proxy => (
            Code::ComponentImage,
            format!("the node's proxy refused ({why})"),
        ),
        Refusal::DiskFull => (Code::DiskFull, "the node's disk is full".to_owned()),
        Refusal::Unreachable => (
            Code::ComponentImage,
            format!("the node cannot reach the registry ({why})"),
        ),
        Refusal::Other => (Code::ImageFailed, why.clone()),
    };
    // containerd has already retried for a long time, and `up` loads the images itself:
    // waiting for a network that may never be available does not help.
    let heals = refusal.is_temporary() && refusal != Refusal::Unreachable && tries < 2;
    let because = match container.always_pulled {
        true => ", which its pull policy Always pulls at every start",
        false => "",
    };
    let mut draft = Draft::new(
        Cause::ImagePull,
        code,
        format!("does not start: cannot pull its image {image}{because}: {what}"),
        format!("cannot pull image {image}: {what}"),
    );
    draft.heals = heals;
    if container.always_pulled {
        let component = seen.component;
        draft.hint(Hint::run(
            "use the image in the node",
            ours!(Up, "--set {component}.image.pullPolicy=IfNotPresent"),
        ));
        return Some(draft);
    }
    if matches!(
        refusal,
        Refusal::Unauthorized | Refusal::MissingOrPrivate | Refusal::RateLimited
    ) {
        draft.hint(Hint::run("log in, then try again", "docker login").then(ours!(Up)));
    }
    draft.hint(Hint::run("pull it with Docker", format!("docker pull {image}")).then(ours!(Up)));
    Some(draft)
}
