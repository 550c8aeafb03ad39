//! Disks that are full while a command writes.

use std::path::{Path, PathBuf};

use crate::harness::{Instance, Output, run};

/// The exit code for too little disk space.
const DISK_FULL: i32 = 22;
/// More than the number of files in a state directory.
const STEPS: u64 = 40;
/// The pages and inodes of a disk that is large enough for the checks of `up`.
const LARGE: u64 = 4 << 20;
const INODES: u64 = 1 << 20;
/// The pages of an image store besides those for the content of the node image: less than the
/// images of a release need.
const SPARE: u64 = (30 << 20) / 4096;

/// A file system with few inodes and blocks.
struct Small {
    path: PathBuf,
    inodes: u64,
    pages: u64,
}

impl Small {
    /// Mounts it over a directory.
    fn mount(path: &Path) -> Small {
        let path = path.to_owned();
        std::fs::create_dir_all(&path).unwrap();
        let mounted = ["-t", "tmpfs", "-o", "nr_inodes=1,size=4k", "none"];
        let target = path.display().to_string();
        run("mount", &[&mounted[..], &[&target]].concat()).expect(0);
        let (inodes, pages) = (1, 1);
        Small {
            path,
            inodes,
            pages,
        }
    }

    fn set(&mut self, inodes: u64, pages: u64) {
        (self.inodes, self.pages) = (inodes, pages);
        let options = format!("remount,nr_inodes={inodes},size={}k", pages * 4);
        let target = self.path.display().to_string();
        run("mount", &["-o", &options, &target]).expect(0);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let target = self.path.display().to_string();
        run("umount", &["-l", &target]);
    }
}

/// Mounts a file system as the image store of a node. There is no room for the images of a
/// release in it.
fn small_image_store(instance: &Instance, path: &Path) -> Small {
    let image = std::env::var("CLEARML_LOCAL_NODE_IMAGE").unwrap();
    let id = run("docker", &["image", "inspect", "-f", "{{.Id}}", &image]).expect(0);
    let id = id.stdout.trim().rsplit(':').next().unwrap().to_owned();
    let du = ["run", "--rm", "--entrypoint", "du", &image, "-sk"];
    let used = run("docker", &[&du[..], &["/var/lib/containerd"]].concat()).expect(0);
    let used: u64 = used
        .stdout
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut store = Small::mount(path);
    store.set(INODES, used / 4 + SPARE);
    let label = format!("clearml-local.io/instance={}", instance.name);
    let name = format!("clearml-local-{}-images-{}", instance.name, &id[..12]);
    let device = format!("device={}", path.display());
    let create = ["volume", "create", "--label", &label, "--opt", "type=none"];
    let options = ["--opt", "o=bind", "--opt", &device, &name];
    run("docker", &[&create[..], &options].concat()).expect(0);
    store
}

/// Returns the files of unfinished writes below a directory.
fn unfinished(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(unfinished(&path));
        } else if path.display().to_string().contains("/.clearml-local-tmp-") {
            found.push(path);
        }
    }
    found
}

/// The status names the disk, `up` refuses to start, and both heal with room.
fn a_full_data_disk_is_named_while_the_server_runs(instance: &Instance, data: &mut Small) {
    let path = data.path.display().to_string();
    let used = run("df", &["-k", "--output=used", &path]).expect(0).stdout;
    let used: u64 = used.lines().nth(1).unwrap().trim().parse().unwrap();
    data.set(INODES, used / 4 + 1000);
    let status = instance.run(&["status", "-o", "json"]).json();
    let findings = status["findings"].to_string();
    assert!(findings.contains("data-disk-full"), "{status}");
    let refused = instance.up(&[]).expect(DISK_FULL);
    assert!(
        refused.stderr.contains("[data-disk-full]"),
        "{}",
        refused.stderr
    );
    data.set(INODES, LARGE);
    instance.up(&[]).expect(0);
    let status = instance.run(&["status", "-o", "json"]).json();
    assert_eq!(status["findings"], serde_json::json!([]), "{status}");
}

/// Each step has room for one file or one page more in the state directory, so that each write of
/// `up` fails once. When it first loads images, there is no room for them either.
#[test]
#[ignore = "needs an engine: tests/run"]
fn a_full_disk_is_named_at_each_write_and_up_continues_with_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut data = Small::mount(&directory.path().join("data"));
    data.set(INODES, LARGE);
    let instance = Instance::new("full");
    let mut store = small_image_store(&instance, &directory.path().join("images"));
    let mut disk = Small::mount(instance.state_dir().parent().unwrap());
    let data_dir = format!("--data-dir={}", data.path.join("data").display());
    let (mut failures, mut refused_images) = (0, 0);
    let last: Output = loop {
        let up = instance.up(&[&data_dir]);
        if up.code == 0 {
            break up;
        }
        if up.stderr.contains("[docker-disk-full]") {
            let text = up.expect(DISK_FULL).stderr;
            assert!(text.contains("docker system df"), "{text}");
            refused_images += 1;
            store.set(INODES, LARGE);
            continue;
        }
        failures += 1;
        assert!(failures < 2 * STEPS, "{}", up.stderr);
        let message = up.stderr.lines().find(|line| line.contains("error"));
        eprintln!("{} inodes, {} pages: {message:?}", disk.inodes, disk.pages);
        assert!(
            up.code == DISK_FULL && up.stderr.contains("[state-disk-full]"),
            "{} inodes, {} pages: exit code {}\n{}",
            disk.inodes,
            disk.pages,
            up.code,
            up.stderr
        );
        assert_eq!(unfinished(&disk.path), Vec::<PathBuf>::new());
        match failures % 2 {
            0 => disk.set(disk.inodes, disk.pages + 1),
            _ => disk.set(disk.inodes + 1, disk.pages),
        }
    };
    assert!(failures > 4, "{}", last.stderr);
    assert_eq!(refused_images, 1, "{}", last.stderr);
    instance.run(&["status"]).expect(0);
    // What could not be written is written with more room.
    disk.set(1000, 1000);
    instance.up(&[&data_dir]).expect(0);
    a_full_data_disk_is_named_while_the_server_runs(&instance, &mut data);
    instance.run(&["down", "--purge", "--yes"]).expect(0);
}
