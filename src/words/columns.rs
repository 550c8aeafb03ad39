//! Text that fits the columns of a terminal.

/// Returns the number of columns of a text.
pub(crate) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// Cuts a text without colour to `columns` columns and replaces the rest by `…`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += width(character.encode_utf8(&mut [0; 4]));
        if used >= columns {
            break;
        }
        kept.push(character);
    }
    kept.truncate(kept.trim_end().len());
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Breaks lines between words to fit `columns`. `first` columns of the first line are
/// in use, and `rest` columns of the others.
pub(crate) fn wrap(text: &str, columns: usize, first: usize, rest: usize) -> String {
    let mut wrapped = String::new();
    let mut used = first;
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            wrapped.push('\n');
            used = rest;
        }
        let mut is_first = true;
        for word in line.split(' ') {
            let gap = usize::from(!is_first);
            if !is_first && used + gap + width(word) > columns {
                wrapped.push('\n');
                used = rest;
            } else if !is_first {
                wrapped.push(' ');
                used += gap;
            }
            wrapped.push_str(word);
            used += width(word);
            is_first = false;
        }
    }
    wrapped
}

/// Pads a text with spaces on the right.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Pads a text with spaces on the left.
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
