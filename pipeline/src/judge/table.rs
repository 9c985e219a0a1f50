//! The table of issue 6: each figure with its aim, its interval, and what the plain baseline has.

use super::figures::{self, Bin, Figure, Row, DONE};
use super::ink;
use std::fmt::Write;

/// The figures of a model by a set of photos, as a Markdown table.
pub struct Table {
    lines: String,
}

impl Table {
    /// Judges photos. A page is said to be complete from `complete_from` on, 0..1.
    pub fn of(rows: &[Row], complete_from: f64) -> Table {
        let mut table = Table { lines: HEAD.to_owned() };
        let all: Vec<&Row> = rows.iter().collect();
        let of = |which: &dyn Fn(&Row) -> bool| -> Vec<&Row> { all.iter().copied().filter(|row| which(row)).collect() };
        let paper = of(&|row| matches!(row.kind.as_str(), "worksheet" | "form") && row.medium != "digital");
        // Of notes, how far they fill the page stands in for how complete they are.
        let notes: Vec<Row> = rows
            .iter()
            .filter(|row| row.page_fill.is_some())
            .map(|row| Row { truth: row.page_fill, ..row.clone() })
            .collect();
        let notes: Vec<&Row> = notes.iter().collect();
        table.both("paper worksheets and forms", &paper, "<= .12", ">= .82");
        table.both("all photos", &all, "", ">= .75");
        table.both("notes, how far filled", &notes, "", "");
        for medium in ["photo", "scan", "digital"] {
            table.both(&format!("medium {medium}"), &of(&|row| row.medium == medium), "", "");
        }
        let told = figures::told(&all);
        let ends: Vec<&Row> = told.iter().copied().filter(|row| figures::is_end(row)).collect();
        let complete = figures::complete(complete_from);
        table.beside("blank against full, AUC", ">= .93", &ends, &figures::ends, &figures::ends);
        table.beside("complete or not, balanced accuracy", ">= .88", &told, &complete, &figures::complete(DONE));
        table.add("page or not, accuracy", ">= .98", &all, &figures::page_accuracy);
        let pages = of(&|row| row.page);
        table.add("pages called a page", ">= .99", &pages, &figures::page_recall);
        table.add("receipts refused", ">= .7", &of(&|row| row.kind == "receipt"), &figures::refused);
        table.add("unusable found at 3 % false rejects", ">= .9", &pages, &figures::unusable);
        table.add("calibration error", "<= .05", &of(&figures::is_judged), &figures::calibration);
        table.add("calibration error by luck alone", "", &of(&figures::is_judged), &figures::luck);
        table.add("confidence of right against wrong readings, AUC", "", &told, &figures::tells);
        table.reliability(&all);
        table
    }

    /// What confidence is worth, below the figures.
    fn reliability(&mut self, rows: &[&Row]) {
        let bins = figures::reliability(rows);
        if bins.iter().all(|bin| bin.photos == 0) {
            return;
        }
        self.lines.push_str(RELIABILITY);
        for (tenth, Bin { photos, sure, right, off }) in bins.into_iter().enumerate().filter(|(_, bin)| bin.photos > 0)
        {
            let (from, to) = (tenth as f64 / 10.0, (tenth + 1) as f64 / 10.0);
            let off = off.map(|off| format!("{off:.3}")).unwrap_or_default();
            let _ = writeln!(self.lines, "| {from:.1} to {to:.1} | {photos} | {sure:.3} | {right:.3} | {off} |");
        }
    }

    /// As Markdown.
    pub fn text(&self) -> &str {
        self.lines.trim_end()
    }

    fn both(&mut self, of: &str, rows: &[&Row], error: &str, rank: &str) {
        let told = figures::told(rows);
        self.beside(&format!("{of}: MAE"), error, &told, &figures::mae, &figures::mae);
        self.beside(&format!("{of}: rho"), rank, &told, &figures::order, &figures::order);
    }

    /// A figure with the baseline's beside it.
    fn beside(&mut self, name: &str, aim: &str, rows: &[&Row], figure: Figure<'_>, plain: Figure<'_>) {
        let by_ink: Vec<Row> =
            rows.iter().map(|row| Row { said: (row.ink / ink::FULL_AT).clamp(0.0, 1.0), ..(*row).clone() }).collect();
        let by_ink: Vec<&Row> = by_ink.iter().collect();
        self.line(name, aim, rows, figure, plain(&by_ink));
    }

    fn add(&mut self, name: &str, aim: &str, rows: &[&Row], figure: Figure<'_>) {
        self.line(name, aim, rows, figure, None);
    }

    fn line(&mut self, name: &str, aim: &str, rows: &[&Row], figure: Figure<'_>, plain: Option<f64>) {
        // What these photos cannot say has no line.
        let Some(value) = figure(rows) else { return };
        let show = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
        let span = figures::interval(rows, figure).map(|(low, high)| format!("{low:.2}..{high:.2}"));
        let mut sources: Vec<usize> = rows.iter().map(|row| row.source).collect();
        sources.sort_unstable();
        sources.dedup();
        let _ = writeln!(
            self.lines,
            "| {name} | {aim} | {} | {} | {} | {} of {} |",
            show(Some(value)),
            span.unwrap_or_default(),
            show(plain),
            rows.len(),
            sources.len()
        );
    }
}

const HEAD: &str =
    "| figure | aim | got | 95 % | ink density | photos of sources |\n| --- | --- | ---: | --- | ---: | --- |\n";

const RELIABILITY: &str = "\n| confidence | photos | said | right | MAE |\n| --- | ---: | ---: | ---: | ---: |\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(i: usize) -> Row {
        let truth = (i % 5) as f64 / 4.0;
        Row {
            source: i % 2,
            family: i,
            kind: "worksheet".into(),
            medium: "scan".into(),
            page: true,
            usable: true,
            truth: Some(truth),
            page_fill: None,
            called_page: true,
            ok: 0.9,
            said: truth,
            sure: 1.0,
            ink: 0.05,
        }
    }

    #[test]
    fn a_figure_has_a_line_and_what_cannot_be_said_has_none() {
        let rows: Vec<Row> = (0..40).map(row).collect();
        let table = Table::of(&rows, DONE);
        let text = table.text();
        assert!(text.contains("\n| all photos: MAE |  | 0.000 | 0.00..0.00 | 0.300 | 40 of 2 |\n"), "{text}");
        assert!(text.contains("\n| medium scan: rho |  | 1.000 | 1.00..1.00 |  | 40 of 2 |\n"), "{text}");
        assert!(text.contains("\n| pages called a page | >= .99 | 1.000 | 1.00..1.00 |  | 40 of 2 |\n"), "{text}");
        assert!(text.ends_with("\n| 0.9 to 1.0 | 40 | 1.000 | 1.000 | 0.000 |"), "{text}");
        assert!(!text.contains("medium photo") && !text.contains("receipt") && !text.contains("notes"), "{text}");
        assert_eq!(Table::of(&[], DONE).text().lines().count(), 2);
    }
}
