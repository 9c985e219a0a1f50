//! RFC 3339 to milliseconds since 1970, exactly as the contract wants it.
//!
//! `2026-11-21T08:56:00.123456+01:00`: an offset or `Z` (also `z`), an upper-case `T`, any number of fractional digits,
//! cut to milliseconds. Second 60 is no time here: statistics need no leap seconds, and stores disagree about them.

use crate::scalar::{Millis, DAY_MS};

/// The time that `text` names, or none where it has not the form, names no time, or lies outside [1970, 2100).
pub fn rfc3339(text: &str) -> Option<Millis> {
    let (date_time, rest) = text.as_bytes().split_at_checked(19)?;
    let date_time: &[u8; 19] = date_time.try_into().ok()?;
    let &[_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _] = date_time else { return None };
    let number = |from: usize, to: usize| digits(date_time.get(from..to)?);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let exists = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_ms, rest) = fraction(rest)?;
    let offset_min = offset(rest)?;
    let seconds = hour * 3600 + (minute - offset_min) * 60 + second;
    Millis::new(days_from_1970(year, month, day) * DAY_MS + seconds * 1000 + fraction_ms)
}

/// Decimal digits, and nothing else, as a number.
fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

/// The milliseconds of a fraction, if there is one, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(after) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let count = after.iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let (fraction, rest) = after.split_at_checked(count)?;
    let ms = (0..3).fold(0, |ms, i| ms * 10 + fraction.get(i).map_or(0, |b| i64::from(b - b'0')));
    Some((ms, rest))
}

/// An offset in minutes east of UTC.
fn offset(rest: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match rest {
        b"Z" | b"z" => return Some(0),
        [b'+', h1, h2, b':', m1, m2] => (1, [*h1, *h2], [*m1, *m2]),
        [b'-', h1, h2, b':', m1, m2] => (-1, [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let (hour, minute) = (digits(&hour)?, digits(&minute)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, ms: Option<i64>) {
        assert_eq!(rfc3339(text), ms.map(Millis), "{text}");
    }

    #[test]
    fn times_of_rfc_3339_are_read() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-21T08:56:00z", Some(1_795_251_360_000));
        check("2026-11-21T09:56:00+01:00", Some(1_795_251_360_000));
        check("2026-11-20T20:56:00.5-12:00", Some(1_795_251_360_500));
        check("2024-02-29T00:00:00-00:00", Some(1_709_164_800_000));
        check("2099-12-31T23:59:59.999999999Z", Some(4_102_444_799_999));
        check("1969-12-31T23:00:00-01:00", Some(0));
    }

    #[test]
    fn fractions_are_cut_not_rounded() {
        check("1970-01-01T00:00:00.0009Z", Some(0));
        check("1970-01-01T00:00:00.12Z", Some(120));
        check("1970-01-01T00:00:00.1239999999999999999999999999Z", Some(123));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026",
            "2026-11-21",
            "2026-11-21T08:56:00",
            "2026-11-21 08:56:00Z",
            "2026-11-21t08:56:00Z",
            "2026-11-21T08:56Z",
            "2026-11-21T08:56:60Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T08:60:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-11-21T08:56:00.Z",
            "2026-11-21T08:56:00,5Z",
            "2026-11-21T08:56:00+0100",
            "2026-11-21T08:56:00+01",
            "2026-11-21T08:56:00+24:00",
            "2026-11-21T08:56:00+01:60",
            "2026-11-21T08:56:00+01:00 ",
            " 2026-11-21T08:56:00Z",
            "2026-11-21T08:56:00ZZ",
            "+026-11-21T08:56:00Z",
            "2026-1a-21T08:56:00Z",
            "1969-12-31T23:59:59.999Z",
            "2100-01-01T00:00:00Z",
            "2099-12-31T23:59:59-00:01",
            "２026-11-21T08:56:00Z",
            "2026-11-21T08:56:0é0Z",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn oracle_every_day_follows_the_one_before() {
        let mut expected = 0;
        for year in 1970..2100 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    check(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z"), Some(expected * DAY_MS));
                    expected += 1;
                }
            }
        }
        assert_eq!(expected * DAY_MS, crate::scalar::MILLIS_END);
    }
}
