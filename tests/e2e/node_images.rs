//! Node images made from that of the tests: those that cannot be used, and another one for an
//! instance that exists.

use crate::harness::{Instance, run};

/// The exit code for a node that does not work.
const NODE_FAILED: i32 = 40;

/// An image that is removed at the end.
pub struct Image(String);

impl Image {
    /// Creates one from the node image, with the files and the changes that `prepare` makes in
    /// a container.
    pub fn of_node(name: &str, change: &[&str], prepare: impl Fn(&str)) -> Image {
        let node_image = std::env::var("CLEARML_LOCAL_NODE_IMAGE").unwrap();
        let name = format!("e2e-{name}:{}", std::process::id());
        let created = run("docker", &["create", &node_image]).expect(0).stdout;
        let container = created.trim();
        prepare(container);
        let commit = [&["commit"], change, &[container, &name]].concat();
        let committed = run("docker", &commit);
        run("docker", &["rm", "-v", container]).expect(0);
        committed.expect(0);
        Image(name)
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        run("docker", &["rmi", &self.0]);
    }
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn unsuitable_node_images_are_named_one_after_the_other() {
    let instance = Instance::new("node-image");
    let data = format!("--data-dir={}", instance.path("data").display());
    let refused = |image: &Image, failure: &str, words: &[&str]| {
        let up = instance.up(&[&data, "--node-image", &image.0]);
        let text = up.expect(NODE_FAILED).stderr;
        for word in words.iter().chain([&failure]) {
            assert!(text.contains(word), "{text}");
        }
    };
    let entrypoint = r#"ENTRYPOINT ["sh", "-c", "echo the first process ends; exit 3"]"#;
    let ends = Image::of_node("ends", &["--change", entrypoint], |_| {});
    refused(
        &ends,
        "[node-exited]",
        &["exit code 3", "the first process ends"],
    );
    let version = instance.write("version", "v1.30.4\n");
    let old = Image::of_node("old", &[], |container| {
        let target = format!("{container}:/kind/version");
        run("docker", &["cp", &version, &target]).expect(0);
    });
    refused(&old, "[node-image-unsuitable]", &["1.30.4", "1.31"]);
}
