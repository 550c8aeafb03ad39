//! Values for another chart, or for another version of this one. They are reported once for
//! each file, with what to write instead. Nothing is translated silently.

mod table;
pub(super) mod umbrella;

use std::collections::BTreeSet;

use serde_json::Value;

use self::table::{Chart, ROWS, Row};
use super::error::{Problem, Suggestion};
use super::kind::text;

/// What to do with a key of another chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advice {
    /// It has another name here.
    Write(&'static str),
    /// Another setting does the same: the instruction.
    Instead(&'static str),
    /// It has no effect here: the reason.
    NoEffect(&'static str),
    /// There is no replacement: the reason.
    Unsupported(&'static str),
}

/// The three servers, and the names of their ingresses.
const SITES: [(&str, &str); 3] = [
    ("apiserver", "api"),
    ("fileserver", "files"),
    ("webserver", "app"),
];

/// A path that this chart does not have and another one does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    Key(Recognized),
    /// A section that contains such keys.
    Section,
}

/// A recognized key of another chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recognized {
    row: &'static Row,
    /// The one of [`SITES`] that it is about, if any.
    site: Option<(&'static str, &'static str)>,
}

/// A key of another chart in the values of the user.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    /// Its path, with `SERVER` or `SITE` as in the row.
    key: String,
    recognized: Recognized,
    place: String,
    line: Option<usize>,
    /// Whether its value requires a change.
    is_relevant: bool,
}

/// Recognizes a key by its path and its value.
pub(super) fn find(path: &[&str], value: &Value) -> Option<Known> {
    let mut nearest: Option<(usize, Recognized)> = None;
    let mut section = false;
    for row in &*ROWS {
        let Some((steps, site)) = match_row(row.path, path) else {
            continue;
        };
        if steps > path.len() {
            section = true;
        } else if nearest.is_none_or(|(longest, _)| longest < steps) {
            nearest = Some((steps, Recognized { row, site }));
        }
    }
    match nearest {
        Some((_, key)) if !section || !(value.is_object() || value.is_null()) => {
            Some(Known::Key(key))
        }
        _ if section && (value.is_object() || value.is_null()) => Some(Known::Section),
        _ => None,
    }
}

type Site = (&'static str, &'static str);

/// Compares a path with that of a row, up to the end of the shorter one. Returns the number of
/// the row's steps and the site of the path if they match.
fn match_row(row: &str, path: &[&str]) -> Option<(usize, Option<Site>)> {
    let mut site = None;
    let mut path = path.iter();
    let mut steps = 0;
    for step in row.split('.') {
        steps += 1;
        let Some(here) = path.next() else { continue };
        let fits = match step {
            "SERVER" => {
                site = SITES.into_iter().find(|(server, _)| server == here);
                site.is_some()
            }
            "SITE" => {
                site = SITES.into_iter().find(|(_, name)| name == here);
                site.is_some()
            }
            step => step == *here,
        };
        if !fits {
            return None;
        }
    }
    Some((steps, site))
}

impl ForeignKey {
    /// Creates a recognized key. `whole` has all values of the user.
    pub(super) fn new(
        recognized: Recognized,
        path: &[&str],
        value: &Value,
        whole: &Value,
        at: (String, Option<usize>),
    ) -> ForeignKey {
        let row = recognized.row.path.split('.');
        let is_placeholder = |step: &&str| ["SERVER", "SITE"].contains(step);
        let mut key: Vec<&str> = path.to_vec();
        for (step, of_row) in key.iter_mut().zip(row) {
            if is_placeholder(&of_row) {
                *step = of_row;
            }
        }
        let used = is_used(path, whole);
        ForeignKey {
            key: key.join("."),
            recognized,
            place: at.0,
            line: at.1,
            is_relevant: used && !recognized.is_default(value),
        }
    }
}

impl Recognized {
    /// Whether a value changes nothing.
    fn is_default(self, value: &Value) -> bool {
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => {
                let off = map.get("enabled").is_some_and(is_false);
                map.is_empty() || off && !matches!(self.row.advice, Advice::Write(_))
            }
            Value::Bool(_) | Value::Number(_) => false,
        };
        let site = self.site.map_or("", |(_, site)| site);
        let mut defaults = self
            .row
            .default
            .split(',')
            .filter(|default| !default.is_empty());
        empty
            || text(value).is_some_and(|text| defaults.any(|one| one.replace("SITE", site) == text))
    }
}

/// Whether a key is read, which it is not if a section above it is disabled.
fn is_used(path: &[&str], whole: &Value) -> bool {
    let enabled = |section: &[&str]| {
        let section = section.iter().try_fold(whole, |tree, name| tree.get(*name));
        section.and_then(|section| section.get("enabled"))
    };
    let is_off = |section: &[&str]| enabled(section).is_some_and(is_false);
    let (last, parents) = path.split_last().unwrap_or((&"", &[]));
    if parents == ["externalServices"] {
        let database = match *last {
            name if name.starts_with("elasticsearch") => "elasticsearch",
            name if name.starts_with("mongodb") => "mongodb",
            name if name.starts_with("dragonfly") => "dragonfly",
            _ => "redis",
        };
        return is_off(&[database]) || database == "dragonfly" && is_off(&["redis"]);
    }
    let above = (1..path.len()).map(|length| &path[..length]);
    let mut above = above.filter(|section| *last != "enabled" || *section != parents);
    let off = above.any(|section| {
        let ingress = section.len() == 2 && section[1] == "ingress";
        is_off(section) || ingress && enabled(section).is_none_or(|on| !is_true(on))
    });
    !off
}

fn is_false(value: &Value) -> bool {
    text(value).as_deref() == Some("false")
}

fn is_true(value: &Value) -> bool {
    text(value).as_deref() == Some("true")
}

/// Returns the findings about the keys of other charts in one file: an error if one of them is
/// written differently here or not supported, or else a warning.
pub(super) fn findings(file: &str, foreign: &[ForeignKey]) -> (Option<Problem>, Option<String>) {
    let (relevant, unused): (Vec<&ForeignKey>, Vec<&ForeignKey>) =
        foreign.iter().partition(|one| one.is_relevant);
    let rows = rows(&relevant);
    let charts = match &relevant[..] {
        [] => charts(&unused),
        relevant => charts(relevant),
    };
    let harmless = |one: &&ForeignKey| matches!(one.recognized.row.advice, Advice::NoEffect(_));
    let all = match &rows[..] {
        [] if unused.is_empty() => return (None, None),
        [] => {
            let keys = keys(unused.len());
            let warning =
                format!("{file}: {keys} of {charts} with values that have no effect here");
            return (None, Some(warning));
        }
        [row] if relevant.len() == 1 => {
            let what = format!("`{}` is a key of {charts}: {}", row.key, row.what);
            Problem::new(relevant[0].place.clone(), what)
        }
        rows => {
            let keys = keys(rows.len());
            let what = format!("{keys} of {charts}, which chart 4.0.0 does not have:");
            Problem {
                suggestions: rows.to_vec(),
                ..Problem::new(file, what)
            }
        }
    };
    match relevant.iter().all(harmless) {
        true => (None, Some(all.lines().join("\n"))),
        false => (Some(all), None),
    }
}

fn keys(count: usize) -> String {
    match count {
        1 => "1 key".to_owned(),
        many => format!("{many} keys"),
    }
}

/// Names the charts that keys belong to. The file of a newer chart also has keys of its
/// sub-charts.
fn charts(foreign: &[&ForeignKey]) -> String {
    let charts: BTreeSet<Chart> = foreign.iter().map(|one| one.recognized.row.chart).collect();
    let newer = charts.contains(&Chart::Newer).then_some("chart 5 to 7");
    let older = charts.contains(&Chart::Older).then_some("chart 1 to 3");
    let sections = foreign.iter().filter_map(|one| one.key.split('.').next());
    let sections: BTreeSet<&str> = sections.collect();
    match (newer, older) {
        (Some(newer), Some(older)) => format!("{newer} and {older}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if !charts.contains(&Chart::Sub) => "other charts".to_owned(),
        (None, None) => match sections.into_iter().collect::<Vec<_>>()[..] {
            ["elasticsearch"] => "Elastic's chart of Elasticsearch".to_owned(),
            ["mongodb"] => "Bitnami's chart of MongoDB".to_owned(),
            ["redis"] => "Bitnami's chart of Redis".to_owned(),
            _ => "the charts of Redis, MongoDB and Elasticsearch".to_owned(),
        },
    }
}

/// Returns a row for each key; the same key of several servers is one row.
fn rows(foreign: &[&ForeignKey]) -> Vec<Suggestion> {
    let mut groups: Vec<(&str, Vec<&ForeignKey>)> = Vec::new();
    for one in foreign {
        match groups.iter_mut().find(|(key, _)| *key == one.key) {
            Some((_, group)) => group.push(one),
            None => groups.push((&one.key, vec![one])),
        }
    }
    let mut rows: Vec<Suggestion> = groups
        .into_iter()
        .map(|(key, group)| row(key, &group))
        .collect();
    rows.sort_by_key(|row| row.lines.first().copied());
    rows
}

fn row(key: &str, group: &[&ForeignKey]) -> Suggestion {
    let sites: Vec<Site> = group.iter().filter_map(|one| one.recognized.site).collect();
    let named = |text: &str| {
        let servers: Vec<&str> = sites.iter().map(|(server, _)| *server).collect();
        let sites: Vec<&str> = sites.iter().map(|(_, site)| *site).collect();
        text.replace("SERVER", &braces(&servers))
            .replace("SITE", &braces(&sites))
    };
    let what = match group[0].recognized.row.advice {
        Advice::Write(key) => format!("write `{}`", named(key)),
        Advice::Instead(instruction) => instruction.to_owned(),
        Advice::NoEffect(why) => format!("no effect here: {why}"),
        Advice::Unsupported(why) => format!("not supported: {why}"),
    };
    let lines: BTreeSet<usize> = group.iter().filter_map(|one| one.line).collect();
    Suggestion {
        lines: lines.into_iter().collect(),
        key: named(key),
        what,
    }
}

/// Combines names with braces as in a shell: `{a,b}`.
fn braces(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        names => format!("{{{}}}", names.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::keys as known;

    #[test]
    fn rows_are_not_keys_of_this_chart_and_refer_to_known_keys() {
        let of_site = |text: &str| text.replace("SERVER", "apiserver").replace("SITE", "api");
        let mut seen = BTreeSet::new();
        for row in &*ROWS {
            let path = of_site(row.path);
            assert!(seen.insert(row.path), "{path} occurs twice");
            assert!(
                known::find(&path).is_none(),
                "{path} is a key of this chart"
            );
            if let Advice::Write(target) = row.advice {
                let target = of_site(target);
                let exists = known::find(&target).is_some() || known::has_below(&target);
                let below = known::find(target.rsplit_once('.').unwrap().0).is_some();
                assert!(
                    exists || below,
                    "{path} refers to {target}, which is unknown"
                );
            }
        }
    }

    #[test]
    fn recognizes_a_key_by_the_longest_matching_row() {
        let key = |path: &str, value: Value| {
            let path: Vec<&str> = path.split('.').collect();
            match find(&path, &value) {
                Some(Known::Key(recognized)) => recognized.row.path,
                Some(Known::Section) => "section",
                None => "unknown",
            }
        };
        assert_eq!(
            key("webserver.ingress", json!({"enabled": true})),
            "section"
        );
        assert_eq!(key("webserver.ingress", json!(true)), "unknown");
        assert_eq!(
            key("webserver.ingress.hostName", json!("a.b")),
            "SERVER.ingress.hostName"
        );
        assert_eq!(key("redis.ingress.hostName", json!("a.b")), "unknown");
        assert_eq!(key("dragonfly.tls", json!({"enabled": true})), "dragonfly");
        assert_eq!(key("dragonfly", json!({})), "section");
        assert_eq!(
            key("elasticsearch.image", json!("a/b")),
            "elasticsearch.image"
        );
        assert_eq!(key("apisever", json!({})), "unknown");
    }

    #[test]
    fn keys_below_a_disabled_section_are_not_used() {
        for (path, whole, used) in [
            ("apiserver.ingress.hostName", json!({}), false),
            (
                "apiserver.ingress.hostName",
                json!({"apiserver": {"ingress": {"enabled": "true"}}}),
                true,
            ),
            ("apiserver.ingress.enabled", json!({}), true),
            (
                "redis.auth.password",
                json!({"redis": {"auth": {"enabled": false}}}),
                false,
            ),
            ("redis.auth.password", json!({}), true),
            ("externalServices.dragonflyHost", json!({}), false),
            (
                "externalServices.dragonflyHost",
                json!({"dragonfly": {"enabled": false}}),
                true,
            ),
            (
                "externalServices.mongodbConnectionStringAuth",
                json!({"mongodb": {"enabled": false}}),
                true,
            ),
        ] {
            let path: Vec<&str> = path.split('.').collect();
            assert_eq!(is_used(&path, &whole), used, "{path:?} {whole}");
        }
    }
}
