//! The memory limit of the container, and exceeding it.

use std::path::Path;

/// Returns the container's memory limit in bytes, if it has one, from cgroup v2 or v1.
pub fn memory_limit() -> Option<u64> {
    [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .into_iter()
    .find_map(|file| std::fs::read_to_string(Path::new(file)).ok())
    .and_then(|text| limit(&text))
}

/// `max` (v2) and the page-rounded `i64::MAX` (v1) mean no limit.
fn limit(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < 1 << 60).then_some(bytes)
}

/// Allocates memory until the kernel kills this process, like a heap that exceeds the
/// limit. Without a limit this would affect the whole host, so the process exits with
/// the same code instead.
pub fn run_out_of_memory() -> ! {
    let mut allocated: Vec<Vec<u8>> = Vec::new();
    let limit = memory_limit().unwrap_or(0);
    while (allocated.len() as u64) << 24 < limit * 2 {
        allocated.push(vec![1; 1 << 24]);
    }
    std::process::exit(137)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_has_two_notations() {
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
        assert_eq!(limit("1073741824\n"), Some(1 << 30));
    }
}
