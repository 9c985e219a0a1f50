//! What is JSON, also where nobody reads.

use super::*;

#[test]
fn only_json_is_json() {
    for value in [
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "'x'",
        "tru",
        "nulll",
        "{,}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "\"\t\"",
        "\"\u{0}\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u+123\"",
        "// c\n1",
        "/* c */ 1",
        "1_000",
        "",
        "]",
        "\"",
        "\u{a0}1",
        "--1",
        "1-",
    ] {
        check_unknown(value, "value: not JSON");
    }
    for value in [
        "1.5e-300",
        "1e999",
        "-0",
        "123456789012345678901234567890",
        "\"\\/\\b\\u00e9\u{7f}\"",
        "[]",
        "{}",
        "[[], {}, \"\", true, false, null]",
        "\t\r\n 1 \n",
        "\"\\ud83d\\ude00\"",
        "{\"\": {\"\": 0}}",
    ] {
        check_unknown(value, "");
    }
}

#[test]
fn lone_surrogates_are_refused_also_where_nobody_reads() {
    for half in [
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\\ud83d x\"",
        "\"\\ud83d\\n\"",
        "{\"\\udfff\": 1}",
        "[[\"\\uD800\"]]",
    ] {
        check_unknown(half, "value: not JSON: a lone surrogate");
    }
    check_submission("{", "{\"\\ud800\": 1, ", "value: not JSON: a lone surrogate");
    check_submission("\"s-1\"", "\"\\ud800\"", "value: not JSON: a lone surrogate");
}

#[test]
fn invalid_utf8_is_refused_also_where_nobody_reads() {
    for (topic, key, value) in ALL {
        for bytes in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
            let mut broken = b"{\"x\": \"".to_vec();
            broken.extend_from_slice(bytes);
            broken.extend_from_slice(b"\", ");
            broken.extend_from_slice(&value.as_bytes()[1..]);
            assert_eq!(parse(topic, Some(key), Some(&broken)).unwrap_err(), "value: not UTF-8");
        }
    }
}

#[test]
fn nesting_has_a_limit_also_where_nobody_reads() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check_unknown(&nested(127), "");
    check_unknown(&nested(128), "value: not JSON: nested too deep");
    check_unknown(&"[".repeat(100_000), "value: not JSON: nested too deep");
    check_unknown(&"{\"a\":".repeat(100_000), "value: not JSON: nested too deep");
    // Beside each other is not within each other.
    check_unknown(&format!("[{}]", vec!["[]"; 1000].join(",")), "");
}

#[test]
fn nothing_may_come_before_or_after_the_object() {
    for (topic, key, value) in ALL {
        let fault = |text: String| parse(topic, Some(key), Some(text.as_bytes())).unwrap_err();
        assert_eq!(fault(format!("\u{feff}{value}")), "value: not JSON");
        assert_eq!(fault(format!("{value}x")), "value: not JSON: bytes after the value");
        assert_eq!(fault(format!("{value}{value}")), "value: not JSON: bytes after the value");
        assert_eq!(fault(format!("{value}\0")), "value: not JSON: bytes after the value");
        assert_eq!(fault(value.trim_end_matches('}').into()), "value: not JSON");
        for other in ["null", "[]", "1", "\"{}\"", "true"] {
            assert_eq!(fault(other.into()), "value: not an object");
        }
        assert_eq!(fault(String::new()), "value: not JSON");
        assert!(parse(topic, Some(key), Some(format!(" \r\n\t{value}\n ").as_bytes())).is_ok());
    }
}

#[test]
fn a_value_has_at_most_a_mebibyte() {
    let padded = |length: usize| SUBMISSION.replacen('{', &format!("{{{}", " ".repeat(length - SUBMISSION.len())), 1);
    assert!(parse(Topic::Submissions, None, Some(padded(1 << 20).as_bytes())).is_ok());
    let fault = parse(Topic::Submissions, None, Some(padded((1 << 20) + 1).as_bytes())).unwrap_err();
    assert_eq!(fault, "value: over 1 MiB");
}
