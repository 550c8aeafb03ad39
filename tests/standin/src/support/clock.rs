//! Timestamps in the formats of the servers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub fn seconds() -> u64 {
    nanoseconds() / 1_000_000_000
}

pub fn nanoseconds() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the current time as `2026-11-23T13:29:14.123` in UTC.
pub fn iso() -> String {
    iso_before(Duration::ZERO)
}

/// Returns an earlier time in the same format.
pub fn iso_before(ago: Duration) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let then = now.saturating_sub(ago);
    let (seconds, millis) = (then.as_secs(), then.subsec_millis());
    let (year, month, day) = civil((seconds / 86_400) as i64);
    let of_day = seconds % 86_400;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// Returns the current time as `25/Nov/2026:13:29:14` in UTC, the format of web
/// servers.
pub fn common_log() -> String {
    let iso = iso();
    let month: usize = iso[5..7].parse().unwrap_or(1);
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = &months[(month - 1) * 3..month * 3];
    format!("{}/{name}/{}:{}", &iso[8..10], &iso[..4], &iso[11..19])
}

/// Converts days since 1970 to year, month and day (Howard Hinnant's `civil_from_days`,
/// only for days after 1970).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_server_timestamps_contain_the_name_of_the_month() {
        let now = common_log();
        let (day, time) = now.split_once(':').unwrap();
        assert_eq!(day.split('/').map(str::len).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(time.len(), 8, "{now}");
    }

    #[test]
    fn converts_days_to_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_780), (2026, 11, 23));
    }
}
