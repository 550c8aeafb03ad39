//! Secrets that are public: anyone can use them to log in or to create tokens.

use std::sync::LazyLock;

use serde_json::Value;

use super::keys::{self, Origin};
use super::kind;

/// Keys and secrets in the READMEs of the charts 4.1 to 7.
const NEWER_CHARTS: [&str; 6] = [
    "GGS9F4M6XB2DXJ5AFT9F",
    "2oGujVFhPfaozhpuz2GzQfA5OyxmMsR3WVJpsCR5hrgHFs20PO",
    "XXCRJ123CEE2KSQ068WO",
    "YIy8EVAC7QCT4FtgitxAQGyW7xRHDZ4jpYlTE7HKiscpORl1hG",
    "GK4PRTVT3706T25K6BA1",
    "ymLh1ok5k5xNUQfS944Xdx9xjf0wueokqKM2dMZfHuH9ayItG2",
];

/// Those of the server's default users, which are in the source code of the web app and of
/// the SDK.
const SERVER: [&str; 7] = [
    "62T8CP7HGBC6647XF9314C2VY67RJO",
    "EYVQ385RW7Y2QQUH88CZ7DWIQ1WUHP",
    "yfc8KQo*GMXb*9p((qcYC7ByFIpF7I&4VH3BfUYXH%o9vX1ZUZQEEw1Inc)S",
    "XhkH6a6ds9JBnM_MrahYyYdO-wS2bqFSm8gl-V0UZXH26Ydd6Eyi28TeBEoSr6Z3Bes",
    "EGRTCO8JMSIGI6S39GTP43NFWXDQOW",
    "x!XTov_G-#vspE*Y(h$Anm&DIc5Ou-F)jsl$PdOyj5wG1&E!Z8",
    "LPEJbGJ6bK4tujQcmrD3i1dbMBDdwUwelVa-LG0K0FFmY9bzH_H0Sw",
];

/// All published secrets; those of chart 4.0.0 are in its list of defaults.
static ALL: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let secrets = keys::all()
        .iter()
        .filter(|key| matches!(key.definition.origin, Origin::Generated));
    let chart = secrets.filter_map(|key| key.chart?.as_str());
    chart.chain(NEWER_CHARTS).chain(SERVER).collect()
});

/// Whether a value is a published secret.
pub(super) fn is(value: &Value) -> bool {
    kind::text(value).is_some_and(|text| ALL.contains(&text.as_str()))
}

/// Whether a text, such as a configuration file, contains one.
pub(super) fn is_within(text: &str) -> bool {
    ALL.iter().any(|published| text.contains(published))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn knows_the_secrets_of_all_charts_and_of_the_server() {
        assert_eq!(ALL.len(), 6 + NEWER_CHARTS.len() + SERVER.len());
        assert!(is(&json!("5442F3443MJMORWZA3ZH")), "chart 4.0.0");
        assert!(is(&json!(NEWER_CHARTS[5])) && is(&json!(SERVER[1])));
        assert!(!is(&json!("")) && !is(&json!("my-own-secret-of-twenty-letters")));
        assert!(is_within(&format!("secure {{ token: \"{}\" }}", SERVER[3])));
    }
}
