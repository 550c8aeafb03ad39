//! Images that do not come.

use super::finding::{Cause, Draft};
use super::words::innermost;
use super::{ComponentObservation, ContainerObservation, ContainerState};
use crate::error::Code;

/// What a pull's error message says, from the registries' and containerd's own words.
enum Pull {
    NotFound,
    Unauthorized,
    Platform,
    RateLimit,
    Certificate,
    NoRoute,
    Other,
}

impl Pull {
    fn of(message: &str) -> Pull {
        let text = message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["toomanyrequests", "too many requests", "429"]) {
            Pull::RateLimit
        } else if has(&[
            "no matching manifest",
            "no match for platform",
            "exec format error",
        ]) {
            Pull::Platform
        } else if has(&[
            "unauthorized",
            "authorization failed",
            "access denied",
            "denied:",
            "403 forbidden",
            "no basic auth",
        ]) {
            Pull::Unauthorized
        } else if has(&[
            "x509",
            "certificate signed by unknown",
            "certificate is not valid",
        ]) {
            Pull::Certificate
        } else if has(&[
            "no such host",
            "network is unreachable",
            "no route to host",
            "i/o timeout",
            "connection refused",
            "deadline exceeded",
            "temporary failure in name resolution",
            "server misbehaving",
        ]) {
            Pull::NoRoute
        } else if has(&["not found", "manifest unknown", "name unknown", "404"]) {
            Pull::NotFound
        } else {
            Pull::Other
        }
    }
}

/// A container whose image is not there.
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
                "does not start: its image {image} is not in the node, and its pull policy is Never"
            ),
            format!("image {image} is not in the node"),
        ),
        "InvalidImageName" | "ErrInvalidImageName" => Draft::new(
            Cause::ImageName,
            Code::ComponentImage,
            format!("does not start: {image} is no image name"),
            format!("{image} is no image name"),
        ),
        "ErrImagePull" | "ImagePullBackOff" => return pull(seen, container, message),
        _ => return None,
    };
    draft.hint("bring the images again: clearml-local up".to_owned());
    draft.hint(format!(
        "or name another: clearml-local up --set {component}.image.repository=… --set {component}.image.tag=…"
    ));
    Some(draft)
}

fn pull(
    seen: &ComponentObservation,
    container: &ContainerObservation,
    message: &str,
) -> Option<Draft> {
    let image = &container.image;
    // `ImagePullBackOff` may only say "Back-off pulling image"; the event says why.
    let failed = seen
        .events_of("Failed")
        .find(|event| event.message.contains("pull") && event.message.contains(image.as_str()));
    let told = failed.map_or(message, |event| {
        if event.message.len() > message.len() {
            event.message.as_str()
        } else {
            message
        }
    });
    let tries = failed.map_or(1, |event| event.count);
    let why = innermost(told);
    let (code, what, heals) = match Pull::of(told) {
        Pull::NotFound => (Code::ImageNotFound, "it does not exist".to_owned(), false),
        Pull::Platform => (
            Code::ImageNotFound,
            "it is not published for this platform".to_owned(),
            false,
        ),
        Pull::Unauthorized => (
            Code::ImageUnauthorized,
            "the registry wants other credentials".to_owned(),
            false,
        ),
        Pull::RateLimit => (
            Code::ImageFailed,
            "the registry's limit of pulls is reached".to_owned(),
            tries < 2,
        ),
        Pull::Certificate => (
            Code::ImageFailed,
            "the registry's certificate is not trusted in the node".to_owned(),
            false,
        ),
        // containerd has tried for long already, and images are our step's business,
        // not the node's: waiting for a network that may never come helps nobody.
        Pull::NoRoute => (
            Code::ComponentImage,
            format!("the node does not reach the registry ({why})"),
            false,
        ),
        Pull::Other => (Code::ImageFailed, why.clone(), tries < 2),
    };
    let because = match container.always_pulled {
        true => "cannot be pulled, as its pull policy Always asks for at every start",
        false => "is not in the node and cannot be pulled",
    };
    let mut draft = Draft::new(
        Cause::ImagePull,
        code,
        format!("does not start: its image {image} {because}: {what}"),
        format!("image {image} cannot be pulled: {what}"),
    );
    draft.heals = heals;
    if container.always_pulled {
        let component = seen.component;
        draft.hint(format!(
            "use the image in the node: clearml-local up --set {component}.image.pullPolicy=IfNotPresent"
        ));
        return Some(draft);
    }
    if code == Code::ImageUnauthorized || matches!(Pull::of(told), Pull::RateLimit) {
        draft.hint("log in, then try again: docker login && clearml-local up".to_owned());
    }
    draft.hint(format!(
        "bring it into the Docker engine: docker pull {image} && clearml-local up"
    ));
    Some(draft)
}
