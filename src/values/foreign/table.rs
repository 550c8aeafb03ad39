//! The list of keys that chart 4.0.0 does not have.

use std::sync::LazyLock;

use super::Advice;

/// The chart that a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chart {
    /// `clearml` 5 to 7.
    Newer,
    /// `clearml` 1 to 3.
    Older,
    /// Bitnami's Redis and MongoDB, and Elastic's Elasticsearch.
    Sub,
    /// Another one, or none.
    Other,
}

/// A key and what to do with it.
#[derive(Debug)]
pub(super) struct Row {
    /// `SERVER` stands for each of the three servers, `SITE` for the name of its ingress.
    pub(super) path: &'static str,
    pub(super) chart: Chart,
    pub(super) advice: Advice,
    /// Values that change nothing, separated by commas; empty values never change anything.
    pub(super) default: &'static str,
}

/// All rows, in the order of the file.
pub(super) static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../../../assets/keys-of-other-charts.txt");
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| read(line).expect("the list of keys is part of the program"))
        .collect()
});

fn read(line: &'static str) -> Option<Row> {
    let mut fields = line.splitn(5, '|').map(str::trim);
    let chart = match fields.next()? {
        "newer" => Chart::Newer,
        "older" => Chart::Older,
        "sub" => Chart::Sub,
        "other" => Chart::Other,
        _ => return None,
    };
    let (path, default) = (fields.next()?, fields.next()?);
    let advice = match (fields.next()?, fields.next()?) {
        ("write", key) => Advice::Write(key),
        ("instead", instruction) => Advice::Instead(instruction),
        ("nothing", why) => Advice::NoEffect(why),
        ("unsupported", why) => Advice::Unsupported(why),
        _ => return None,
    };
    Some(Row {
        path,
        chart,
        advice,
        default,
    })
}
