//! Images that are missing or cannot be pulled.

use super::finding::Draft;
use super::words::innermost;
use super::{ComponentObservation, ContainerObservation, ContainerState};
use crate::component::Component;
use crate::failures::Failure;
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
    observation: &ComponentObservation,
    container: &ContainerObservation,
) -> Option<Draft> {
    let ContainerState::Waiting { reason, message } = &container.state else {
        return None;
    };
    let image = &container.image;
    let component = observation.component;
    let mut draft = match reason.as_str() {
        "ErrImageNeverPull" => Draft::new(
            Failure::ImageMissing,
            format!(
                "does not start: {} ({image}), and its pull policy is Never",
                never_pulled(message)
            ),
            format!("{} ({image})", never_pulled(message)),
        ),
        "InvalidImageName" | "ErrInvalidImageName" => Draft::new(
            Failure::InvalidImageName,
            format!("does not start: invalid image name {image}"),
            format!("invalid image name {image}"),
        ),
        "ErrImagePull" | "ImagePullBackOff" => return pull(observation, container, message),
        _ => return None,
    };
    if observation.existing_cluster {
        draft.hint(another_image("use another image", component));
    } else {
        draft.hint(Hint::run("load the images again", ours!(Up)));
        draft.hint(another_image("or use another image", component));
    }
    Some(draft)
}

fn another_image(text: &'static str, component: Component) -> Hint {
    Hint::run(
        text,
        ours!(
            Up,
            "--set {component}.image.repository=… --set {component}.image.tag=…"
        ),
    )
}

fn pull(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    message: &str,
) -> Option<Draft> {
    let image = &container.image;
    // `ImagePullBackOff` may only report "Back-off pulling image"; the event has the reason.
    let failed = observation
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
    let what = match refusal {
        Refusal::NotFound => "it does not exist".to_owned(),
        Refusal::MissingOrPrivate => "it does not exist, or the registry needs a login".to_owned(),
        Refusal::NoPlatform => "it is not published for this platform".to_owned(),
        Refusal::Unauthorized => "the registry denied access".to_owned(),
        Refusal::RateLimited => "the registry's pull rate limit is reached".to_owned(),
        Refusal::Certificate => "the registry's certificate is not trusted in the node".to_owned(),
        Refusal::PlainHttp => "the registry does not speak TLS".to_owned(),
        Refusal::Proxy => format!("the node's proxy refused ({why})"),
        Refusal::DiskFull => "the node's disk is full".to_owned(),
        Refusal::Unreachable => format!("the node cannot reach the registry ({why})"),
        Refusal::WrongContent => "the registry sent other content than its digest names".to_owned(),
        Refusal::Other => why,
    };
    let failure = match refusal {
        // The network of the node is the problem, not that of Docker.
        Refusal::Proxy | Refusal::Unreachable => Failure::NodeCannotPull,
        other => other.failure(),
    };
    // containerd has already retried for a long time, and `up` loads the images itself:
    // waiting for a network that may never be available does not help.
    let may_recover = refusal.is_temporary() && refusal != Refusal::Unreachable && tries < 2;
    let because = match container.always_pulled {
        true => ", which its pull policy Always pulls at every start",
        false => "",
    };
    let mut draft = Draft::new(
        failure,
        format!("does not start: cannot pull its image {image}{because}: {what}"),
        format!("cannot pull image {image}: {what}"),
    );
    draft.may_recover = may_recover;
    let component = observation.component;
    if observation.existing_cluster {
        draft.hint(in_existing_cluster(refusal, component));
        return Some(draft);
    }
    if container.always_pulled {
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

/// Returns what helps where the nodes pull, and Docker is not involved.
fn in_existing_cluster(refusal: Refusal, component: Component) -> Hint {
    match refusal {
        Refusal::Unauthorized | Refusal::MissingOrPrivate | Refusal::RateLimited => Hint::run(
            "set `imageCredentials` in the values to a login for the registry, then run",
            ours!(Up, "-f FILE"),
        ),
        Refusal::Unreachable | Refusal::Proxy | Refusal::WrongContent => Hint::run(
            "pull from a mirror that the nodes can reach",
            ours!(Up, "--registry-mirror HOST"),
        ),
        Refusal::Certificate | Refusal::PlainHttp => Hint::run(
            "let the container runtime of every node trust the registry, then run",
            ours!(Up),
        ),
        Refusal::DiskFull => Hint::run("after freeing some space on the node", ours!(Up)),
        Refusal::NotFound | Refusal::NoPlatform => another_image("use another image", component),
        Refusal::Other => Hint::run("try again", ours!(Up)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::component::Component::{Apiserver, Webserver};
    use crate::component::StateKind;
    use crate::diagnose::describe;
    use crate::diagnose::fixtures::{
        assert_finding, find, observation, pod, waiting, warning, with_status,
    };

    #[test]
    fn a_missing_or_invalid_image_is_permanent() {
        let never = with_status(
            Webserver,
            waiting(
                "ErrImageNeverPull",
                "Container image \"nope:1\" is not present with pull policy of Never",
            ),
        );
        assert_finding(&find(&never), Failure::ImageMissing, false);
        let invalid = with_status(
            Webserver,
            waiting(
                "InvalidImageName",
                "couldn't parse image name \"Bad Name:1\"",
            ),
        );
        assert_finding(&find(&invalid), Failure::InvalidImageName, false);
    }

    #[test]
    fn the_answer_of_the_registry_gives_the_cause_of_a_failed_pull() {
        let prefix = "failed to pull and unpack image \"docker.io/a/b:1\": failed to resolve reference \"docker.io/a/b:1\": ";
        for (message, failure, may_recover) in [
            ("docker.io/a/b:1: not found", Failure::ImageNotFound, false),
            (
                "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                Failure::ImageUnauthorized,
                false,
            ),
            (
                "unexpected status from HEAD request: 401 Unauthorized",
                Failure::ImageUnauthorized,
                false,
            ),
            (
                "no match for platform in manifest: not found",
                Failure::ImagePlatform,
                false,
            ),
            (
                "429 Too Many Requests - Server message: toomanyrequests",
                Failure::ImageRateLimited,
                true,
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Failure::RegistryCertificate,
                false,
            ),
            (
                "dial tcp: lookup registry-1.docker.io on 172.18.0.1:53: read udp 172.18.0.2:41833->172.18.0.1:53: i/o timeout",
                Failure::NodeCannotPull,
                false,
            ),
            ("unexpected EOF", Failure::ImagePullFailed, true),
        ] {
            let observation = with_status(
                Apiserver,
                waiting("ErrImagePull", &format!("{prefix}{message}")),
            );
            let finding = find(&observation);
            assert_finding(&finding, failure, may_recover);
            assert_eq!(describe(&observation).kind, StateKind::Pulling);
        }
    }

    #[test]
    fn the_nodes_of_an_existing_cluster_pull_themselves() {
        for (message, hint) in [
            (
                "unexpected status from HEAD request: 401 Unauthorized",
                "set `imageCredentials` in the values to a login for the registry, then run: clearml-local up -f FILE",
            ),
            (
                "dial tcp: lookup registry-1.docker.io: no such host",
                "pull from a mirror that the nodes can reach: clearml-local up --registry-mirror HOST",
            ),
            (
                "registry/image:1: not found",
                "use another image: clearml-local up --set apiserver.image.repository=… --set apiserver.image.tag=…",
            ),
        ] {
            let observation = ComponentObservation {
                existing_cluster: true,
                ..with_status(Apiserver, waiting("ErrImagePull", message))
            };
            assert_eq!(find(&observation).hints, [hint]);
        }
    }

    #[test]
    fn the_pull_policy_always_is_named_with_its_key() {
        let no_route = waiting(
            "ErrImagePull",
            "failed to pull: dial tcp: lookup registry-1.docker.io: no such host",
        );
        let mut always = pod(no_route);
        always["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        let finding = find(&observation(Apiserver, vec![always], Vec::new()));
        assert!(
            finding.cause.contains("its pull policy Always"),
            "{}",
            finding.cause
        );
        assert_eq!(
            finding.hints,
            [
                "use the image in the node: clearml-local up --set apiserver.image.pullPolicy=IfNotPresent"
            ]
        );
    }

    #[test]
    fn the_event_gives_the_cause_of_a_pull_in_back_off() {
        let event = |count| {
            warning(
                "Failed",
                "Failed to pull image \"registry/image:1\": unexpected EOF",
                count,
            )
        };
        let back_off = || {
            vec![pod(waiting(
                "ImagePullBackOff",
                "Back-off pulling image \"registry/image:1\"",
            ))]
        };
        assert!(find(&observation(Apiserver, back_off(), vec![event(1)])).may_recover);
        let finding = find(&observation(Apiserver, back_off(), vec![event(2)]));
        assert_finding(&finding, Failure::ImagePullFailed, false);
        assert_eq!(
            finding.last_event.as_deref(),
            Some("Failed: Failed to pull image \"registry/image:1\": unexpected EOF (2 times)")
        );
    }
}
