//! One line of a folder's file: `{"key": ..., "value": ..., "ts": ms}`, or `"raw": "..."` in place of value.
//!
//! The value is handed on as the bytes that stand in the line; only one that is over the limit of a value is made
//! compact first, as the limit is of its compact JSON. Fields of other names are passed over.
//!
//! A key that is no string counts as none: a topic whose keys matter rejects the record for that, the others do not
//! look at it.

use inkflow_schemas::parse::json::{Json, JsonFault, Number, DEPTH_MAX};
use inkflow_schemas::{RecordFault, VALUE_BYTES_MAX};

/// What a line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970.
    pub ts: Option<i64>,
}

/// Reads a line, without its LF.
pub(super) fn parse_line(bytes: &[u8]) -> Result<Line, RecordFault> {
    parse(bytes).map_err(|fault| match fault {
        // What is no JSON here is the line, not a value.
        RecordFault::Json(fault) => RecordFault::LineJson(fault),
        other => other,
    })
}

fn parse(bytes: &[u8]) -> Result<Line, RecordFault> {
    // The line is one object around the value, so the value may still nest as deep as it may by itself.
    let mut json = Json::with_depth(bytes, DEPTH_MAX + 1)?;
    if json.peek() != b'{' {
        json.skip()?;
        json.end()?;
        return Err(RecordFault::LineNotAnObject);
    }
    let mut line = Line::default();
    let mut raw = None;
    let mut seen = [false; 4];
    json.object(|json, name| match name {
        "key" => {
            once(&mut seen[0], "key")?;
            line.key = string(json)?;
            Ok(())
        }
        "value" => {
            once(&mut seen[1], "value")?;
            if !json.null()? {
                line.value = Some(value(json.span()?)?);
            }
            Ok(())
        }
        "raw" => {
            once(&mut seen[2], "raw")?;
            if !json.null()? {
                raw = Some(string(json)?.ok_or(RecordFault::Not { field: "raw", what: "a string" })?);
            }
            Ok(())
        }
        "ts" => {
            once(&mut seen[3], "ts")?;
            line.ts = time(json)?;
            Ok(())
        }
        _ => Ok::<(), RecordFault>(json.skip()?),
    })?;
    json.end()?;
    if raw.is_some() {
        if line.value.is_some() {
            return Err(RecordFault::LineValueAndRaw);
        }
        line.value = raw;
    }
    Ok(line)
}

fn once(seen: &mut bool, field: &'static str) -> Result<(), RecordFault> {
    if std::mem::replace(seen, true) {
        return Err(RecordFault::Twice { field });
    }
    Ok(())
}

/// A string's bytes; none for any other value.
fn string(json: &mut Json<'_>) -> Result<Option<Vec<u8>>, RecordFault> {
    if json.peek() == b'"' {
        return Ok(Some(json.string()?.into_owned().into_bytes()));
    }
    json.skip()?;
    Ok(None)
}

/// Integer milliseconds, or null. Any 64-bit integer: a log may hold records of any time, and only uploads compare.
fn time(json: &mut Json<'_>) -> Result<Option<i64>, RecordFault> {
    let fault = RecordFault::Not { field: "ts", what: "integer milliseconds" };
    if json.null()? {
        return Ok(None);
    }
    if !matches!(json.peek(), b'-' | b'0'..=b'9') {
        return Err(fault);
    }
    match json.number()? {
        Number::Integer(ms) => Ok(Some(ms)),
        Number::Huge | Number::Fraction => Err(fault),
    }
}

fn value(span: &str) -> Result<Vec<u8>, JsonFault> {
    if span.len() <= VALUE_BYTES_MAX {
        return Ok(span.as_bytes().to_vec());
    }
    let mut out = String::with_capacity(VALUE_BYTES_MAX);
    compact(&mut Json::with_depth(span.as_bytes(), DEPTH_MAX + 1)?, &mut out)?;
    Ok(out.into_bytes())
}

/// Writes a value without white space between its tokens and without escapes that are not needed.
fn compact(json: &mut Json<'_>, out: &mut String) -> Result<(), JsonFault> {
    let mut more = false;
    match json.peek() {
        b'{' => {
            out.push('{');
            json.object(|json, name| {
                out.push_str(if std::mem::replace(&mut more, true) { "," } else { "" });
                push_string(name, out);
                out.push(':');
                compact(json, out)
            })?;
            out.push('}');
        }
        b'[' => {
            out.push('[');
            json.array(|json| {
                out.push_str(if std::mem::replace(&mut more, true) { "," } else { "" });
                compact(json, out)
            })?;
            out.push(']');
        }
        b'"' => push_string(&json.string()?, out),
        _ => out.push_str(json.span()?),
    }
    Ok(())
}

fn push_string(text: &str, out: &mut String) {
    // A string always has a JSON form.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, key: Option<&str>, value: Option<&str>, ts: Option<i64>) {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let expected = Line { key: key.map(bytes), value: value.map(bytes), ts };
        assert_eq!(parse_line(line.as_bytes()), Ok(expected), "{line}");
    }

    fn check_fault(line: &str, reason: &str) {
        assert_eq!(parse_line(line.as_bytes()).unwrap_err().to_string(), reason, "{line}");
    }

    #[test]
    fn values_are_handed_on_as_they_stand() {
        check(
            r#"{"key": "k", "value": { "a" : [1.0, "\u00e9"] } , "ts": 5}"#,
            Some("k"),
            Some(r#"{ "a" : [1.0, "\u00e9"] }"#),
            Some(5),
        );
        check(r#"{"value":"text"}"#, None, Some("\"text\""), None);
        check(r#"{"value":12,"ts":-1}"#, None, Some("12"), Some(-1));
        check("{\"key\":\"\\u00e9|\\\"\",\"ts\":null}\r", Some("é|\""), None, None);
        check(r#"{"headers": {"key": 1}, "valu\u0065": true}"#, None, Some("true"), None);
    }

    #[test]
    fn raw_is_bytes_as_they_came() {
        check(r#"{"key":"k","raw":"{\"a\": NaN"}"#, Some("k"), Some("{\"a\": NaN"), None);
        check(r#"{"raw":"null"}"#, None, Some("null"), None);
        check(r#"{"raw":""}"#, None, Some(""), None);
    }

    #[test]
    fn neither_value_nor_raw_is_a_null() {
        for line in [r#"{"key":"k"}"#, r#"{"key":"k","value":null}"#, r#"{"key":"k","raw":null,"value":null}"#] {
            check(line, Some("k"), None, None);
        }
        check(r#"{"raw":null,"value":1}"#, None, Some("1"), None);
        check("{}", None, None, None);
    }

    #[test]
    fn keys_that_are_no_strings_are_none() {
        for key in ["null", "5", "[\"k\"]", "{}", "true"] {
            check(&format!("{{\"key\": {key}, \"value\": 1}}"), None, Some("1"), None);
        }
    }

    #[test]
    fn a_line_that_is_no_such_object_is_told() {
        check_fault("", "line: not JSON");
        check_fault("{\"key\":", "line: not JSON");
        check_fault("[]", "line: not an object");
        check_fault("null", "line: not an object");
        check_fault("{} {}", "line: not JSON: bytes after the value");
        check_fault("{\"x\":\"\\ud800\"}", "line: not JSON: a lone surrogate");
        check_fault("\u{feff}{}", "line: not JSON");
        check_fault(r#"{"value":1,"raw":"1"}"#, "line: both a value and a raw");
        check_fault(r#"{"raw":{}}"#, "raw: not a string");
        for field in ["key", "value", "raw", "ts"] {
            check_fault(&format!("{{\"{field}\":null,\"{field}\":null}}"), &format!("{field}: twice"));
        }
        for ts in ["1.0", "1e3", "\"1\"", "true", "99999999999999999999"] {
            check_fault(&format!("{{\"ts\":{ts}}}"), "ts: not integer milliseconds");
        }
        assert_eq!(parse_line(b"{\"x\":\"\xff\"}").unwrap_err().to_string(), "line: not UTF-8");
    }

    #[test]
    fn a_value_may_be_as_deep_as_by_itself() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&format!("{{\"value\":{}}}", nested(128)), None, Some(&nested(128)), None);
        check_fault(&format!("{{\"value\":{}}}", nested(129)), "line: not JSON: nested too deep");
    }

    #[test]
    fn the_limit_of_a_value_is_of_its_compact_json() {
        let wide = format!(
            "{{\"value\": {{ \"a\" : [ 1.0 , \"\\u00e9\\n\\/\" , {{ }} ] {} }} }}",
            " ".repeat(VALUE_BYTES_MAX)
        );
        check(&wide, None, Some("{\"a\":[1.0,\"é\\n/\",{}]}"), None);
        let long = format!("\"{}\"", "x".repeat(VALUE_BYTES_MAX));
        check(&format!("{{\"value\": {long} }}"), None, Some(&long), None);
    }
}
