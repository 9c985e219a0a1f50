//! What the views say: their rows, folded from the changes that epochs deliver.

use inkflow_oracle::Views;
use inkflow_schemas::{Cell, Row, ViewSchema};
use std::collections::{BTreeMap, BTreeSet};

/// Rows with by how much their number changes, never 0.
pub type RowChanges = BTreeMap<Row, isize>;

/// The rows of every view.
#[derive(Clone)]
pub struct Tables {
    schemas: Vec<&'static ViewSchema>,
    rows: Vec<RowChanges>,
}

impl Tables {
    /// Empty tables of these views.
    pub fn new(schemas: &[&'static ViewSchema]) -> Tables {
        Tables { schemas: schemas.to_vec(), rows: vec![RowChanges::new(); schemas.len()] }
    }

    /// Applies an epoch's changes, and checks the law of every view: each row once, each key once. Gives what changed in
    /// the end.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = (usize, Row, isize)>) -> Vec<RowChanges> {
        let mut net = vec![RowChanges::new(); self.rows.len()];
        for (view, row, diff) in changes {
            *net[view].entry(row).or_default() += diff;
        }
        for ((changes, rows), schema) in net.iter_mut().zip(&mut self.rows).zip(&self.schemas) {
            changes.retain(|_, diff| *diff != 0);
            for (row, diff) in changes.iter() {
                let count = rows.entry(row.clone()).or_default();
                *count += diff;
                assert!([0, 1].contains(count), "{}: {row:?} is there {count} times", schema.name);
                if *count == 0 {
                    rows.remove(row);
                }
            }
            let keys: BTreeSet<&[Cell]> = rows.keys().map(|row| row.key(schema)).collect();
            assert_eq!(keys.len(), rows.len(), "{}: two rows of one key", schema.name);
        }
        net
    }

    /// The views, in the order in which the flow defined them.
    pub fn schemas(&self) -> &[&'static ViewSchema] {
        &self.schemas
    }

    /// The rows of a view.
    pub fn rows(&self, view: &str) -> impl Iterator<Item = &Row> {
        let number = self.schemas.iter().position(|schema| schema.name == view);
        number.into_iter().flat_map(|number| self.rows[number].keys())
    }

    /// Every view as its export's text.
    pub fn texts(&self) -> Views {
        let text = |(schema, rows): (&&'static ViewSchema, &RowChanges)| {
            let names: Vec<&str> = schema.columns.iter().map(|column| column.name).collect();
            let mut text = names.join(",") + "\n";
            for row in rows.keys() {
                text.push_str(&written(row));
                text.push('\n');
            }
            (schema.name.to_owned(), text)
        };
        self.schemas.iter().zip(&self.rows).map(text).collect()
    }
}

/// A row as a line of CSV.
pub fn written(row: &Row) -> String {
    let field = |cell: &Cell| match cell {
        Cell::Empty => String::new(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) if text.contains([',', '"', '\r', '\n']) => format!("\"{}\"", text.replace("\"", "\"\"")),
        Cell::Text(text) => text.to_string(),
    };
    row.0.iter().map(field).collect::<Vec<_>>().join(",")
}
