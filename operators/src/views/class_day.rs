//! `class_day`: what a class handed in on a day, and how long it took to read.

use super::page_status::{PageState, Status};
use super::{int, row, text, View};
use crate::ranks::Ranks;
use crate::tally::{tally, Summary};
use crate::Rows;
use ecow::{eco_format, EcoString};
use inkflow_schemas::{Id, Millis, Row, ViewSchema, DAY_MS};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A day by its number since 1970-01-01, in the flow's time zone.
pub type DayNumber = i32;

/// The day of a time: the flow's time zone as a pure function.
pub type DayOf = Arc<dyn Fn(Millis) -> DayNumber + Send + Sync>;

/// The day of a time in UTC.
pub fn utc_day() -> DayOf {
    Arc::new(|time| time.0.div_euclid(DAY_MS) as DayNumber)
}

/// `2026-11-21` for a day's number, by the proleptic Gregorian calendar.
pub fn day_text(day: DayNumber) -> EcoString {
    // Years begin in March here, so that a leap day is a year's last; an era is 400 years of 146,097 days.
    let shifted = i64::from(day) + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    eco_format!("{year:04}-{month:02}-{day_of_month:02}")
}

/// A page handed in on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Handed {
    /// Neither pending nor failed.
    read: bool,
    /// Complete.
    complete: bool,
    /// From upload to reading, for a page with a reading by the live model.
    seconds: Option<u64>,
}

impl Handed {
    fn of(status: &Status) -> Option<Handed> {
        let upload = status.page.upload()?;
        let seconds = status.reading().and(status.answer).and_then(|answer| {
            let known_at = answer.first_read_at?.max(upload.admitted_at);
            Some(u64::try_from((known_at.0 - upload.uploaded_at.0).div_euclid(1_000)).unwrap_or(0))
        });
        Some(Handed {
            read: !matches!(status.state, PageState::Pending | PageState::Failed),
            complete: status.state == PageState::Complete,
            seconds,
        })
    }
}

/// The pages of a class, subject and day.
#[derive(Default)]
pub struct Day {
    received: i64,
    read: i64,
    complete: i64,
    seconds: Ranks,
}

/// What a day shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DayCounts {
    received: i64,
    read: i64,
    complete: i64,
    seconds_p50: Option<u64>,
    seconds_p95: Option<u64>,
}

impl Summary for Day {
    type Row = Handed;
    type Shown = DayCounts;

    fn update(&mut self, page: Handed, diff: isize) {
        self.received += diff as i64;
        self.read += diff as i64 * i64::from(page.read);
        self.complete += diff as i64 * i64::from(page.complete);
        if let Some(seconds) = page.seconds {
            self.seconds.update(seconds, diff);
        }
    }
    fn show(&self) -> Option<DayCounts> {
        (self.received > 0).then(|| DayCounts {
            received: self.received,
            read: self.read,
            complete: self.complete,
            seconds_p50: self.seconds.percentile(50),
            seconds_p95: self.seconds.percentile(95),
        })
    }
    fn is_empty(&self) -> bool {
        (self.received, self.read, self.complete) == (0, 0, 0) && self.seconds.is_empty()
    }
}

/// A row of `class_day`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassDay {
    class_id: Id,
    subject: Id,
    day: DayNumber,
    counts: DayCounts,
}

/// One row for each class, subject and day with an uploaded counted page of a given pair.
pub fn class_day<'s>(statuses: Rows<'s, Status>, day_of: DayOf) -> Rows<'s, ClassDay> {
    let pages = statuses.flat_map(move |status| {
        let page = &status.page;
        let upload = page.upload().filter(|_| page.given)?;
        let key = (page.task.class_id.clone(), page.task.subject.clone(), day_of(upload.uploaded_at));
        Some((key, Handed::of(&status)?))
    });
    tally::<_, Day>(pages, "ClassDay").map(|((class_id, subject, day), counts)| ClassDay {
        class_id,
        subject,
        day,
        counts,
    })
}

impl View for ClassDay {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "class_day",
        doc: "What a class handed in on a day, and how long it took to read",
        key_columns: 3,
        columns: &[
            text("class_id", "The class"),
            text("subject", "The subject"),
            text("day", "The day of the upload, as 2026-11-21, in the flow's time zone"),
            int("received", "Counted pages uploaded"),
            int("read", "Of these, neither pending nor failed"),
            int("complete", "Of these, complete"),
            int("seconds_p50", "Median seconds from upload to reading, by nearest rank; empty over none"),
            int("seconds_p95", "95th percentile of the same"),
        ],
    };
    fn cells(&self) -> Row {
        let c = &self.counts;
        row([
            &self.class_id,
            &self.subject,
            &day_text(self.day),
            &c.received,
            &c.read,
            &c.complete,
            &c.seconds_p50,
            &c.seconds_p95,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_names_around_leap_days_and_centuries() {
        for (day, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (790, "1972-03-01"),
            (11_016, "2000-02-29"),
            (20_778, "2026-11-21"),
            (47_481, "2099-12-31"),
        ] {
            assert_eq!(day_text(day), text);
        }
    }
}
