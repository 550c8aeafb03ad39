//! The memory limit of the container, and running into it.

use std::path::Path;

/// The container's memory limit in bytes, if it has one: control groups v2,
/// then v1.
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

/// Takes memory until the kernel kills this process, as a heap larger than
/// the limit does. Without a limit the whole machine would suffer: there it
/// ends the process with the same exit code.
pub fn run_out_of_memory() -> ! {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    let limit = memory_limit().unwrap_or(0);
    while (taken.len() as u64) << 24 < limit * 2 {
        taken.push(vec![1; 1 << 24]);
    }
    std::process::exit(137)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_has_two_spellings() {
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
        assert_eq!(limit("1073741824\n"), Some(1 << 30));
    }
}
