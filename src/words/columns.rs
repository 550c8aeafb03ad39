//! Text in columns of a terminal.

/// The columns that `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `text` in at most `columns` columns, its end replaced by `…` where it is
/// longer. For text without colour.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for letter in text.chars() {
        used += width(letter.encode_utf8(&mut [0; 4]));
        if used >= columns {
            break;
        }
        kept.push(letter);
    }
    kept.truncate(kept.trim_end().len());
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// `text` with its lines broken between words to fit `columns`, of which `first`
/// are taken in the first line and `rest` in the others.
pub(crate) fn wrap(text: &str, columns: usize, first: usize, rest: usize) -> String {
    let mut wrapped = String::new();
    let mut used = first;
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            wrapped.push('\n');
            used = rest;
        }
        let mut begin = true;
        for word in line.split(' ') {
            let gap = usize::from(!begin);
            if !begin && used + gap + width(word) > columns {
                wrapped.push('\n');
                used = rest;
            } else if !begin {
                wrapped.push(' ');
                used += gap;
            }
            wrapped.push_str(word);
            used += width(word);
            begin = false;
        }
    }
    wrapped
}

/// `text` filled with spaces on the right to `columns` columns.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` filled with spaces on the left to `columns` columns.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_its_columns() {
        assert_eq!(fit("starting: container creating", 12), "starting: c…");
        assert_eq!(fit("starting: container", 11), "starting:…");
        assert_eq!(fit("äöü", 3), "äöü");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(
            wrap("one two three\nfour", 9, 5, 2),
            "one\ntwo\nthree\nfour"
        );
        assert_eq!(wrap("one two three", 9, 0, 2), "one two\nthree");
        assert_eq!(wrap("unbreakable", 3, 2, 2), "unbreakable");
    }
}
