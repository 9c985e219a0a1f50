//! Tables as `--export` writes them, and their text taken apart again for comparison.

use std::collections::BTreeSet;

/// One field. Of one column all have the same kind (or are empty), so their order is that of the column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Empty,
    Bool(bool),
    Number(i64),
    Text(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_string())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Empty, Into::into)
    }
}

impl Cell {
    /// "Empty for none, `true`/`false`, a field quoted only if it holds a comma, quote, CR or LF, a quote within doubled."
    fn written(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Bool(value) => value.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) if text.contains([',', '"', '\r', '\n']) => {
                format!("\"{}\"", text.replace('"', "\"\""))
            }
            Cell::Text(text) => text.clone(),
        }
    }
}

/// "Header as above, UTF-8, LF; rows in the order of their key columns, strings bytewise, numbers as numbers."
pub fn table(columns: &[&str], key_columns: usize, mut rows: Vec<Vec<Cell>>) -> String {
    rows.sort();
    let keys: BTreeSet<&[Cell]> = rows.iter().map(|row| &row[..key_columns]).collect();
    assert_eq!(keys.len(), rows.len(), "two rows of one key in {columns:?}");
    let mut text = columns.join(",") + "\n";
    for row in &rows {
        assert_eq!(row.len(), columns.len(), "a row of another length in {columns:?}");
        let fields: Vec<String> = row.iter().map(Cell::written).collect();
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

/// The rows of a table's text, header first: each as its fields, as they are written (quotes included), so that joining them
/// by commas gives the row's bytes again.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => {
                quoted ^= other == '"';
                field.push(other);
            }
        }
    }
    // A last line without LF is kept, so that a comparison sees it.
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_only_where_they_must_be() {
        let row = |text: &str| vec![Cell::from(text), Cell::from(1), true.into(), Cell::Empty];
        let text =
            table(&["a", "b", "c", "d"], 1, vec![row("x,y"), row("say \"hi\""), row("l\nf"), row(" ' ;"), row("ü")]);
        let expected =
            "a,b,c,d\n ' ;,1,true,\n\"l\nf\",1,true,\n\"say \"\"hi\"\"\",1,true,\n\"x,y\",1,true,\nü,1,true,\n";
        assert_eq!(text, expected);
        let joined: Vec<String> = rows(&text).iter().map(|row| row.join(",") + "\n").collect();
        assert_eq!(joined.concat(), expected);
    }

    #[test]
    fn rows_are_ordered_by_bytes_and_by_numbers() {
        let rows = [("Ａ", 1), ("🙂", 1), ("b", 10), ("b", 9), ("B", 1), ("a,", 1), ("a", 1)];
        let rows = rows.iter().map(|(text, number)| vec![Cell::from(*text), Cell::from(*number)]);
        let text = table(&["k", "n"], 2, rows.collect());
        assert_eq!(text, "k,n\nB,1\na,1\n\"a,\",1\nb,9\nb,10\nＡ,1\n🙂,1\n");
    }
}
