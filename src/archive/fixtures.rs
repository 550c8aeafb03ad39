//! Archives for tests.

use super::BLOCK;

pub(super) fn entry(kind: u8, name: &str, prefix: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; BLOCK];
    header[..name.len()].copy_from_slice(name.as_bytes());
    let size = format!("{:011o}", content.len());
    header[124..135].copy_from_slice(size.as_bytes());
    header[156] = kind;
    header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(BLOCK), 0);
    header
}

/// Returns an archive of these files, with a directory and long names as engines
/// write them.
pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = entry(b'5', "pods/", "", b"");
    for (path, content) in files {
        let record = format!(" path={path}\n");
        let mut length = record.len();
        while length != record.len() + length.to_string().len() {
            length = record.len() + length.to_string().len();
        }
        let times = "20 mtime=1700000.25\n";
        let records = format!("{times}{length}{record}");
        bytes.extend(entry(b'x', "PaxHeaders.0/x", "", records.as_bytes()));
        let cut = &path[path.len().saturating_sub(20)..];
        bytes.extend(entry(b'0', cut, "", content.as_bytes()));
    }
    bytes.extend([0; 2 * BLOCK]);
    bytes
}
