//! Lets pods use the GPUs that Docker gave the node. NVIDIA's toolkit and device plugin are not in
//! the node image, and many networks cannot reach their registry, so three small scripts in the
//! node take their place (`templates/gpus`):
//!
//! - `runtime.sh`, an OCI runtime before runc. It gives a container of the runtime class
//!   [`RUNTIME`] devices and the files of the driver, which it finds in the mounts of the node
//!   whenever a container is created: after a reboot, they may be those of another driver.
//! - `container.jq`, which it uses to change the configuration of the container;
//! - `offer.sh`, a service that offers the GPUs to the scheduler.

use super::Error;
use crate::docker::Engine;

/// The name of the runtime in containerd, and of the runtime class in Kubernetes.
pub(crate) const RUNTIME: &str = "clearml-local-gpus";

const RUNTIME_SCRIPT: &str = include_str!("../../../../templates/gpus/runtime.sh");
const CONTAINER_FILTER: &str = include_str!("../../../../templates/gpus/container.jq");
const OFFER_SCRIPT: &str = include_str!("../../../../templates/gpus/offer.sh");
const UNIT: &str = include_str!("../../../../templates/gpus/clearml-local-gpus.service");

/// The exit code of [`INSTALL`] if the node has no GPU.
const NO_GPUS: i64 = 3;

/// Copies the settings of the runtime `runc` in containerd's configuration, whatever its version,
/// under another name.
const COPY_RUNTIME: &str = r#"
/^ *\[/ { copies = /runtimes\.runc(\.options)?\]/; sub(/runtimes\.runc/, "runtimes." name) }
copies
copies && /\.options\]/ { print "  BinaryName = \"/kind/" name "/runtime.sh\"" }"#;

/// Writes the scripts, adds the runtime to containerd and starts the service. The arguments are the
/// name of the runtime, the contents of the four files and [`COPY_RUNTIME`].
const INSTALL: &str = r#"set -e
[ -n "$(find /dev -maxdepth 1 -type c \( -name 'nvidia[0-9]*' -o -name dxg \))" ] || exit 3
directory=/kind/$1 config=/etc/containerd/config.toml
mkdir -p "$directory"
printf %s "$2" >"$directory/runtime.sh"
printf %s "$3" >"$directory/container.jq"
printf %s "$4" >"$directory/offer.sh"
printf %s "$5" >"/etc/systemd/system/$1.service"
chmod 755 "$directory"/*.sh
grep -q "runtimes.$1\]" $config || {
  runtime=$(awk -v name="$1" "$6" $config)
  printf '\n%s\n' "$runtime" >>$config
}
systemctl daemon-reload
systemctl enable --quiet --now "$1"
systemctl restart containerd"#;

/// Installs what pods need to use the GPUs of a new node. containerd restarts.
///
/// # Errors
/// [`Error::NoGpus`] if Docker gave the node none.
pub(super) async fn install(engine: &dyn Engine, node: &str) -> Result<(), Error> {
    let argv = [
        "sh",
        "-c",
        INSTALL,
        "sh",
        RUNTIME,
        RUNTIME_SCRIPT,
        CONTAINER_FILTER,
        OFFER_SCRIPT,
        UNIT,
        COPY_RUNTIME,
    ];
    let output = engine.exec(node, &argv, None).await?;
    if output.code == NO_GPUS {
        return Err(Error::NoGpus {
            node: node.to_owned(),
        });
    }
    output.success("prepare the GPUs of the node")?;
    Ok(())
}

#[cfg(test)]
mod tests;
