//! Image references.

use clearml_local::testing::images::ImageRef;

use crate::bounds;
use crate::mutations::Mutations;
use crate::runner::{self, Outcome};

const REFERENCES: [&str; 7] = [
    "redis",
    "mongo:4.4.29",
    "docker.io/library/redis:6.2",
    "docker.elastic.co/elasticsearch/elasticsearch:7.17.29",
    "localhost:5000/team/x_y.z--w:1.2-a_b",
    "[::1]:5000/x:1",
    "r.corp/x:1@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
];

#[test]
fn random_image_references_cause_no_panic() {
    bounds::run("images::random_references", 60 + runner::cases() / 1000);
}

#[test]
#[ignore = "runs as a child process"]
fn random_references() {
    runner::run(10, read);
}

fn read(mutations: &mut Mutations, number: usize) -> Outcome {
    let mut text = REFERENCES[number % REFERENCES.len()].as_bytes().to_vec();
    if !mutations.one_in(20) {
        mutations.bytes(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let parsed = text.parse::<ImageRef>();
    match &parsed {
        Ok(image) => {
            // What is shown is what was written, and means the same when it is read again.
            assert_eq!(image.to_string(), text);
            let full: ImageRef = image.canonical().parse().unwrap();
            assert_eq!(full.canonical(), image.canonical());
            let parts = [image.registry(), image.short_name(), image.tag_or_default()];
            assert!(parts.iter().all(|part| !part.is_empty()), "{text}");
            let plain = image.without_digest();
            assert_eq!(plain.digest(), None);
        }
        Err(reason) => assert!(reason.to_string().len() < 300 + text.len(), "{reason}"),
    }
    Outcome::of(&parsed)
}
