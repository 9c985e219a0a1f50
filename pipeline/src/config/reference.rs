//! x
/// x
pub fn json_schema() -> String { String::new() }
#[cfg(test)]
pub fn same_as_file(_: &str, _: &str) {}
