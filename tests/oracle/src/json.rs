//! A strict reader of JSON as views.md takes it: RFC 8259, no byte order mark, no lone surrogate, nesting up to a limit.
//! Fields keep their order and their repetitions, and numbers their text, so that the rules on both can be checked later.

/// Why a text is no JSON. Never quotes the text: a reason is kept after its student is erased.
pub type Fault = String;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As written: `1`, `1.0` and `1e0` are different texts, and only the first is an integer.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The length in bytes of this value written without white space and without needless escapes.
    pub fn compact_len(&self) -> usize {
        let list = |lengths: Vec<usize>| 2 + lengths.iter().sum::<usize>() + lengths.len().saturating_sub(1);
        match self {
            Json::Null | Json::Bool(true) => 4,
            Json::Bool(false) => 5,
            Json::Number(text) => text.len(),
            Json::Text(text) => text_len(text),
            Json::Array(items) => list(items.iter().map(Json::compact_len).collect()),
            Json::Object(fields) => {
                list(fields.iter().map(|(name, value)| text_len(name) + 1 + value.compact_len()).collect())
            }
        }
    }
}

fn text_len(text: &str) -> usize {
    let escaped = |c: char| match c {
        '"' | '\\' | '\u{8}' | '\u{9}' | '\u{a}' | '\u{c}' | '\u{d}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    };
    2 + text.chars().map(escaped).sum::<usize>()
}

/// Reads one JSON text whole. `depth_max` is the number of arrays and objects that may stand inside each other.
pub fn parse(bytes: &[u8], depth_max: usize) -> Result<Json, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_string())?;
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let value = reader.value(depth_max)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => reader.fault("something after the end"),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault<T>(&self, what: &str) -> Result<T, Fault> {
        Err(format!("not JSON at byte {}: {what}", self.at))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `expected` when it comes next.
    fn take(&mut self, expected: &str) -> bool {
        let taken = self.text.as_bytes()[self.at..].starts_with(expected.as_bytes());
        if taken {
            self.at += expected.len();
        }
        taken
    }

    fn value(&mut self, depth_left: usize) -> Result<Json, Fault> {
        match self.peek() {
            Some(b'{') | Some(b'[') if depth_left == 0 => self.fault("nested too deep"),
            Some(b'{') => self.object(depth_left - 1),
            Some(b'[') => self.array(depth_left - 1),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Ok(Json::Null),
            _ if self.take("true") => Ok(Json::Bool(true)),
            _ if self.take("false") => Ok(Json::Bool(false)),
            _ => self.fault("no value"),
        }
    }

    fn object(&mut self, depth_left: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut fields = Vec::new();
        self.skip_space();
        if self.take("}") {
            return Ok(Json::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.fault("no field name");
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(":") {
                return self.fault("no colon");
            }
            self.skip_space();
            fields.push((name, self.value(depth_left)?));
            self.skip_space();
            if self.take("}") {
                return Ok(Json::Object(fields));
            }
            if !self.take(",") {
                return self.fault("neither comma nor brace");
            }
        }
    }

    fn array(&mut self, depth_left: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take("]") {
            return Ok(Json::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth_left)?);
            self.skip_space();
            if self.take("]") {
                return Ok(Json::Array(items));
            }
            if !self.take(",") {
                return self.fault("neither comma nor bracket");
            }
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return self.fault("a control character in a string"),
                None => return self.fault("a string without end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        Ok(match escaped {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => {
                // Step back onto the backslash, so that `at` stays on a character's boundary.
                self.at -= 2;
                return self.fault("no such escape");
            }
        })
    }

    /// What follows `\u`: four hex digits, or a high surrogate and the low one that belongs to it.
    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.hex4()?;
        let code = match first {
            0xD800..=0xDBFF => {
                if !self.take("\\u") {
                    return self.fault("a lone surrogate");
                }
                match self.hex4()? {
                    low @ 0xDC00..=0xDFFF => 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00),
                    _ => return self.fault("a lone surrogate"),
                }
            }
            other => other,
        };
        match char::from_u32(code) {
            Some(c) => Ok(c),
            None => self.fault("a lone surrogate"),
        }
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut code = 0;
        for digit in digits.unwrap_or(b"?") {
            match char::from(*digit).to_digit(16) {
                Some(value) => code = code * 16 + value,
                None => return self.fault("no four hex digits"),
            }
        }
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let start = self.at;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        }
        if self.take(".") {
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            let _sign = self.take("+") || self.take("-");
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_string()))
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return self.fault("no digit");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> Json {
        parse(text.as_bytes(), 128).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    #[test]
    fn what_rfc_8259_allows_is_read() {
        assert_eq!(ok(" \t\r\n[ ] "), Json::Array(vec![]));
        assert_eq!(ok(r#""\ud83d\ude42\/é""#), Json::Text("🙂/é".into()));
        assert_eq!(ok("1e400"), Json::Number("1e400".into()));
        assert_eq!(ok("-0.5E+7"), Json::Number("-0.5E+7".into()));
        let twice = ok(r#"{"a":1,"a":2}"#);
        assert!(matches!(twice, Json::Object(fields) if fields.len() == 2));
    }

    #[test]
    fn what_rfc_8259_does_not_allow_is_refused() {
        for text in [
            "",
            " ",
            "NaN",
            "Infinity",
            "nul",
            "nullx",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\"}",
            "'a'",
            "\"a",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "1 2",
            "\u{feff}1",
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\ud800""#,
            r#""\ud800x""#,
            "{\"a\":1}}",
            "[",
            "\"\\é\"",
            "// x\n1",
            "\"\\u12é4\"",
        ] {
            assert!(parse(text.as_bytes(), 128).is_err(), "{text:?} was read");
        }
        assert!(parse(b"\"\xff\"", 128).is_err());
    }

    #[test]
    fn nesting_is_counted_in_containers() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(128).as_bytes(), 128).is_ok());
        assert!(parse(nested(129).as_bytes(), 128).is_err());
    }

    #[test]
    fn compact_length_drops_white_space_and_needless_escapes() {
        assert_eq!(ok(r#" { "a" : [ 1.0 , "\u00e9\n" , true ] } "#).compact_len(), r#"{"a":[1.0,"é\n",true]}"#.len());
        assert_eq!(ok("{}").compact_len(), 2);
    }
}
