//! The GPUs of a place.

/// The runtime class of pods with GPUs of a local node.
pub(crate) use super::local::GPU_RUNTIME;

/// The resource that stands for NVIDIA's GPUs, as their device plugin names it.
pub(crate) const GPU: &str = "nvidia.com/gpu";

/// What gives GPUs to pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GpuSource {
    /// The device plugin of an existing cluster.
    Cluster,
    /// A local node with the GPUs of the machine.
    Node,
    /// Nothing; the local node could get the GPUs of the machine.
    Machine,
    /// Nothing: Docker knows no GPUs.
    Nothing,
}
