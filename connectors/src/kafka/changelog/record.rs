//! The bytes of a changelog.

use crate::sink::plan::{self, Standing};
use crate::sink::{Claim, EpochStamp};
use inkflow_schemas::key::composite;
use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What stands in the topic of epochs: who writes, up to which epoch, and which columns each view has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stood {
    pub standing: Standing,
    pub views: BTreeMap<String, String>,
}

/// The same, as JSON for anybody to read. A journal's name is hex, as it is more than a number in JSON can be.
#[derive(Serialize, Deserialize)]
struct Form {
    journal: String,
    owner: u64,
    epoch: Option<u64>,
    incarnation: Option<u64>,
    clock: Option<i64>,
    views: BTreeMap<String, String>,
}

impl Stood {
    pub(super) fn write(&self) -> Vec<u8> {
        let Standing { claim, written } = self.standing;
        let form = Form {
            journal: format!("{:016x}", claim.journal),
            owner: claim.incarnation,
            epoch: written.map(|stamp| stamp.epoch),
            incarnation: written.map(|stamp| stamp.incarnation),
            clock: written.map(|stamp| stamp.clock),
            views: self.views.clone(),
        };
        serde_json::to_vec(&form).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Stood> {
        let form: Form = serde_json::from_slice(bytes).ok()?;
        let claim = Claim { journal: u64::from_str_radix(&form.journal, 16).ok()?, incarnation: form.owner };
        let written = match (form.epoch, form.incarnation, form.clock) {
            (Some(epoch), Some(incarnation), Some(clock)) => Some(EpochStamp { epoch, incarnation, clock }),
            _ => None,
        };
        Some(Stood { standing: Standing { claim, written }, views: form.views })
    }
}

/// The columns of each view, by its name.
pub(super) fn views(views: &[&'static ViewSchema]) -> BTreeMap<String, String> {
    views.iter().map(|view| (view.name.to_owned(), columns(view))).collect()
}

/// A view's columns: `*` marks its key.
pub(super) fn columns(view: &ViewSchema) -> String {
    let column = |(index, column): (usize, &Column)| {
        format!("{}{} {:?}", if index < view.key_columns { "*" } else { "" }, column.name, column.kind)
    };
    view.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::Text(text) => text.to_string(),
    }
}

/// The key of a row. A single one is as it is.
pub(super) fn key(schema: &ViewSchema, row: &Row) -> Vec<u8> {
    let cells: Vec<String> = row.key(schema).iter().map(text).collect();
    match cells.as_slice() {
        [single] => single.clone().into_bytes(),
        several => composite(several.iter().map(String::as_str)).into_bytes(),
    }
}

/// The value of a row.
pub(super) fn write(schema: &ViewSchema, row: &Row) -> Vec<u8> {
    let cell = |cell: &Cell| match plan::normal(cell) {
        Cell::Empty => Value::Null,
        Cell::Bool(value) => Value::Bool(*value),
        Cell::Int(value) => Value::from(*value),
        Cell::Text(text) => Value::String(text.to_string()),
    };
    let columns = schema.columns.iter().zip(row.0.iter());
    let object: Map<String, Value> = columns.map(|(column, value)| (column.name.to_owned(), cell(value))).collect();
    serde_json::to_vec(&object).unwrap_or_default()
}

/// The row of a value; none where it has not the view's columns.
pub(super) fn read(schema: &ViewSchema, value: &[u8]) -> Option<Row> {
    let object: Map<String, Value> = serde_json::from_slice(value).ok()?;
    if object.len() != schema.columns.len() {
        return None;
    }
    let cell = |column: &Column| match (object.get(column.name)?, column.kind) {
        (Value::Null, _) => Some(Cell::Empty),
        (Value::Bool(value), ColumnKind::Bool) => Some(Cell::Bool(*value)),
        (Value::Number(value), ColumnKind::Int) => value.as_i64().map(Cell::Int),
        (Value::String(text), ColumnKind::Text) => Some(plan::normal(&Cell::Text(text.as_str().into())).clone()),
        _ => None,
    };
    Some(Row(schema.columns.iter().map(cell).collect::<Option<Vec<_>>>()?.into()))
}
