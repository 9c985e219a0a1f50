use super::*;
#[test] fn dump() { let s = schemars::generate::SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true).into_generator().into_root_schema_for::<FlowConfig>(); println!("{}", serde_json::to_string_pretty(&s).unwrap()); }
