//! `multipart/form-data`, the format of uploads.

#[derive(Debug, PartialEq)]
pub struct Part {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Returns the files in a form.
pub fn files(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let boundary = parameter(content_type, "boundary")?;
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first delimiter has no line before it.
    let mut rest = body.strip_prefix(&delimiter[2..])?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = position(rest, &delimiter)?;
        let part = &rest[..end];
        let head_end = position(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..head_end]);
        let disposition = head.split("\r\n").find(|line| {
            line.to_ascii_lowercase()
                .starts_with("content-disposition:")
        })?;
        if parameter(disposition, "filename").is_some() {
            parts.push(Part {
                name: parameter(disposition, "name")?,
                bytes: part[head_end + 4..].to_vec(),
            });
        }
        rest = &rest[end + delimiter.len()..];
    }
    Some(parts)
}

/// Returns the value of `; name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header
        .split(';')
        .filter_map(|part| part.trim().split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    // Only the first byte is searched byte by byte, because files may be large.
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_name_is_the_path() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a/b.txt\"; filename=\"b.txt\"\r\nContent-Type: text/plain\r\n\r\none\r\n\r\ntwo\r\n--x\r\nContent-Disposition: form-data; name=\"word\"\r\n\r\nnot a file\r\n--x--\r\n";
        assert_eq!(
            files("multipart/form-data; boundary=x", body).unwrap(),
            [Part {
                name: "a/b.txt".into(),
                bytes: b"one\r\n\r\ntwo".to_vec()
            }]
        );
    }

    #[test]
    fn rejects_a_truncated_form() {
        assert_eq!(
            files("multipart/form-data; boundary=x", b"--x\r\nContent-"),
            None
        );
        assert_eq!(files("text/plain", b""), None);
    }
}
