//! Instants and days, without a calendar library: counting years one by one is slow and plainly right.

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// 2100-01-01T00:00:00Z, the first instant that is too late to be a time.
pub const END_MS: i64 = 4_102_444_800_000;

/// Milliseconds since 1970 of an RFC 3339 text with `T` and an offset, if it is one and lies in [1970, 2100).
///
/// `T` must be a capital, as views.md writes it; `z` may be small, as RFC 3339 allows. Fractions are cut to milliseconds,
/// second 60 is refused.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !text.is_ascii() {
        return None;
    }
    for (at, separator) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        if bytes[at] != separator {
            return None;
        }
    }
    let year = digits(&text[0..4])?;
    let month = digits(&text[5..7])?;
    let day = digits(&text[8..10])?;
    let hour = digits(&text[11..13])?;
    let minute = digits(&text[14..16])?;
    let second = digits(&text[17..19])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let (fraction_ms, offset) = split_fraction(&text[19..])?;
    let local_ms = days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + fraction_ms;
    in_range(local_ms - offset_minutes(offset)? * 60_000)
}

pub fn in_range(ms: i64) -> Option<i64> {
    (0..END_MS).contains(&ms).then_some(ms)
}

/// `2026-11-21` of an instant, in UTC.
pub fn day_of(ms: i64) -> String {
    let mut days = ms.div_euclid(DAY_MS);
    let mut year = 1970;
    while days >= year_days(year) {
        days -= year_days(year);
        year += 1;
    }
    let mut month = 1;
    while days >= month_days(year, month) {
        days -= month_days(year, month);
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}

fn digits(text: &str) -> Option<i64> {
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if all_digits {
        text.parse().ok()
    } else {
        None
    }
}

/// The milliseconds of `.123456` (0 without a fraction), and what follows it.
fn split_fraction(text: &str) -> Option<(i64, &str)> {
    let Some(after_dot) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let length = after_dot.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let padded = format!("{}000", &after_dot[..length]);
    Some((digits(&padded[..3])?, &after_dot[length..]))
}

fn offset_minutes(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let bytes = text.as_bytes();
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let sign = match bytes[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hour, minute) = (digits(&text[1..3])?, digits(&text[4..6])?);
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 60 + minute))
}

/// None for a date that does not exist, and for years that no offset brings into [1970, 2100).
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let date_exists = (1..=12).contains(&month) && (1..=month_days(year, month)).contains(&day);
    if !date_exists || !(1969..=2100).contains(&year) {
        return None;
    }
    let years: i64 = if year == 1969 { -365 } else { (1970..year).map(year_days).sum() };
    let months: i64 = (1..month).map(|m| month_days(year, m)).sum();
    Some(years + months + day - 1)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn year_days(year: i64) -> i64 {
    if is_leap(year) {
        366
    } else {
        365
    }
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_read() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:00:00-01:30", 30 * 60_000),
            ("2100-01-01T00:59:59.999+01:00", END_MS - 1),
            ("2000-02-29T12:00:00.5Z", 951_825_600_500),
            ("2026-11-21T08:46:00.123999999+05:30", 1_795_230_960_123),
            ("2026-11-21T03:16:00.12z", 1_795_230_960_120),
            ("2026-11-21T03:16:00-00:00", 1_795_230_960_000),
        ] {
            assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn times_that_are_refused() {
        for text in [
            "2026-11-21",
            "2026-11-21T08:46:00",
            "2026-11-21 08:46:00Z",
            "2026-11-21t08:46:00Z",
            "2026-11-21T08:46Z",
            "2026-11-21T08:46:60Z",
            "2016-12-31T23:59:60Z",
            "2026-11-21T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+01",
            "26-01-01T00:00:00Z",
            "1970-01-01T00:30:00+01:00",
            "2100-01-01T00:00:00Z",
            "1969-12-31T23:59:59.9999Z",
            "2026-01-01T00:00:00Zx",
            " 2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T+1:00:00Z",
            "",
            "2026-01-01T00:00:00é",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_utc_days() {
        assert_eq!(day_of(0), "1970-01-01");
        assert_eq!(day_of(951_782_400_000), "2000-02-29");
        assert_eq!(day_of(951_782_400_000 - 1), "2000-02-28");
        assert_eq!(day_of(END_MS - 1), "2099-12-31");
    }
}
