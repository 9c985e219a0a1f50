//! A strict pull parser for JSON: it lends strings from its input, and refuses all that RFC 8259 does not allow.
//!
//! Why not a library: those measured accept, in fields that nobody reads, lone surrogates, invalid UTF-8 or any depth
//! (docs/decisions/001-json-parser.md). Here what is skipped is checked by the same code as what is read.
//!
//! Input: the bytes of one value. Errors: [`JsonFault`], which says what is wrong and quotes nothing. It never panics,
//! takes no more stack than [`DEPTH_MAX`] small frames, and allocates only for strings with escapes.

use std::borrow::Cow;

/// Objects and arrays may lie this deep within each other, the outermost counted: it bounds the stack.
pub const DEPTH_MAX: u16 = 128;

/// Why bytes are no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JsonFault {
    /// Invalid UTF-8, wherever it stands.
    #[error("not UTF-8")]
    Utf8,
    /// Anything that the grammar does not allow, also an end too early, a byte order mark, NaN.
    #[error("not JSON")]
    Syntax,
    /// An escaped surrogate without its other half.
    #[error("not JSON: a lone surrogate")]
    Surrogate,
    /// More than [`DEPTH_MAX`] objects and arrays within each other.
    #[error("not JSON: nested too deep")]
    Depth,
    /// Bytes after the value.
    #[error("not JSON: bytes after the value")]
    Trailing,
}

/// A JSON number, as far as records need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// An integer. `-0` is the integer 0.
    Integer(i64),
    /// An integer beyond 64 bits.
    Huge,
    /// A number with a fraction or an exponent, also where its value is whole: `1.0`, `1e2`.
    Fraction,
}

/// The parser, standing somewhere in its text.
pub struct Json<'a> {
    text: &'a str,
    at: usize,
    depth: u16,
    depth_max: u16,
}

impl<'a> Json<'a> {
    /// A parser at the start of `bytes`, which must be UTF-8.
    pub fn new(bytes: &'a [u8]) -> Result<Json<'a>, JsonFault> {
        Json::with_depth(bytes, DEPTH_MAX)
    }

    /// The same with another limit of depth: for an envelope around a value that may itself be [`DEPTH_MAX`] deep.
    pub fn with_depth(bytes: &'a [u8], depth_max: u16) -> Result<Json<'a>, JsonFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::Utf8)?;
        Ok(Json { text, at: 0, depth: 0, depth_max })
    }

    /// The first byte of the next token, after white space; 0, which starts no token, at the end.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        loop {
            match self.byte() {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                other => return other,
            }
        }
    }

    /// Reads an object: `field` gets each name and must read, or skip, its value.
    pub fn object<E: From<JsonFault>>(
        &mut self,
        mut field: impl FnMut(&mut Json<'a>, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.enter(b'{')?;
        let mut more = self.peek() != b'}';
        while more {
            let name = self.string()?;
            self.expect(b':')?;
            field(self, &name)?;
            more = self.more(b'}')?;
        }
        self.leave();
        Ok(())
    }

    /// Reads an array: `item` is called before each item and must read, or skip, it.
    pub fn array<E: From<JsonFault>>(&mut self, mut item: impl FnMut(&mut Json<'a>) -> Result<(), E>) -> Result<(), E> {
        self.enter(b'[')?;
        let mut more = self.peek() != b']';
        while more {
            item(self)?;
            more = self.more(b']')?;
        }
        self.leave();
        Ok(())
    }

    /// Reads a string; lent from the input unless it has escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        self.expect(b'"')?;
        let start = self.at;
        self.pass_plain();
        let run = self.text.get(start..self.at).unwrap_or_default();
        if self.byte() == b'"' {
            self.at += 1;
            return Ok(Cow::Borrowed(run));
        }
        let mut owned = String::with_capacity(run.len() + 32);
        owned.push_str(run);
        while self.byte() != b'"' {
            owned.push(self.escape()?);
            let start = self.at;
            self.pass_plain();
            owned.push_str(self.text.get(start..self.at).unwrap_or_default());
        }
        self.at += 1;
        Ok(Cow::Owned(owned))
    }

    /// Reads a number.
    #[inline]
    pub fn number(&mut self) -> Result<Number, JsonFault> {
        self.peek();
        let negative = self.byte() == b'-';
        self.at += usize::from(negative);
        let mut value: Option<i64> = Some(0);
        let first = self.at;
        while let digit @ b'0'..=b'9' = self.byte() {
            // Counted downwards, so that the least 64-bit integer fits.
            value = value.and_then(|v| v.checked_mul(10)?.checked_sub(i64::from(digit - b'0')));
            self.at += 1;
        }
        let digits = self.at - first;
        if digits == 0 || (digits > 1 && self.text.as_bytes().get(first) == Some(&b'0')) {
            return Err(JsonFault::Syntax);
        }
        if matches!(self.byte(), b'.' | b'e' | b'E') {
            return self.fraction();
        }
        let value = if negative { value } else { value.and_then(i64::checked_neg) };
        Ok(value.map_or(Number::Huge, Number::Integer))
    }

    /// Reads `null`, if that comes next; else stays.
    #[inline]
    pub fn null(&mut self) -> Result<bool, JsonFault> {
        if self.peek() != b'n' {
            return Ok(false);
        }
        self.word("null").map(|()| true)
    }

    /// Passes over one value of any kind, checked no less than one that is read.
    pub fn skip(&mut self) -> Result<(), JsonFault> {
        match self.peek() {
            b'"' => self.skip_string(),
            b'{' => self.object(|json, _| json.skip()),
            b'[' => self.array(Json::skip),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    /// Passes over one value and lends its text, without white space around it.
    pub fn span(&mut self) -> Result<&'a str, JsonFault> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), JsonFault> {
        self.peek();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(JsonFault::Trailing)
        }
    }

    /// The byte here; 0, which is allowed nowhere in JSON, at the end.
    #[inline]
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.peek() != byte {
            return Err(JsonFault::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    fn enter(&mut self, open: u8) -> Result<(), JsonFault> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > self.depth_max {
            return Err(JsonFault::Depth);
        }
        Ok(())
    }

    /// True, and past it, where a comma promises more; false at the closing bracket.
    #[inline]
    fn more(&mut self, close: u8) -> Result<bool, JsonFault> {
        match self.peek() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => Ok(false),
            _ => Err(JsonFault::Syntax),
        }
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    fn word(&mut self, word: &str) -> Result<(), JsonFault> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(JsonFault::Syntax);
        }
        self.at = end;
        Ok(())
    }

    /// The rest of a number, from its `.` or `e` on.
    fn fraction(&mut self) -> Result<Number, JsonFault> {
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), b'+' | b'-'));
            self.digits()?;
        }
        Ok(Number::Fraction)
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let first = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == first {
            return Err(JsonFault::Syntax);
        }
        Ok(())
    }

    fn skip_string(&mut self) -> Result<(), JsonFault> {
        self.at += 1;
        self.pass_plain();
        while self.byte() != b'"' {
            self.escape()?;
            self.pass_plain();
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on to the next quote, backslash or control character, or to the end: eight bytes a step.
    #[inline]
    fn pass_plain(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&eight) = bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let found = special(u64::from_le_bytes(eight));
            if found != 0 {
                self.at += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while let Some(&byte) = bytes.get(self.at) {
            if byte == b'"' || byte == b'\\' || byte < 0x20 {
                return;
            }
            self.at += 1;
        }
    }

    /// The character that an escape stands for. Anything but a backslash here is a fault.
    #[cold]
    fn escape(&mut self) -> Result<char, JsonFault> {
        if self.byte() != b'\\' {
            return Err(JsonFault::Syntax);
        }
        self.at += 1;
        let kind = self.byte();
        self.at += 1;
        Ok(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(JsonFault::Syntax),
        })
    }

    fn unicode(&mut self) -> Result<char, JsonFault> {
        let first = self.four_hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            // No character: the second half of a pair without its first.
            return char::from_u32(first).ok_or(JsonFault::Surrogate);
        }
        if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
            return Err(JsonFault::Surrogate);
        }
        self.at += 2;
        let second = self.four_hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(JsonFault::Surrogate);
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(JsonFault::Surrogate)
    }

    fn four_hex(&mut self) -> Result<u32, JsonFault> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.byte()).to_digit(16).ok_or(JsonFault::Syntax)?;
            value = value << 4 | digit;
            self.at += 1;
        }
        Ok(value)
    }
}

/// The high bit of each byte that is a quote, a backslash or below 0x20; bits above the first one found may be wrong,
/// as a borrow may run upwards, so only the lowest is to be used.
#[inline]
fn special(eight: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |x: u64| x.wrapping_sub(LOW) & !x;
    let control = eight.wrapping_sub(LOW * 0x20) & !eight;
    (zero(eight ^ (LOW * u64::from(b'"'))) | zero(eight ^ (LOW * u64::from(b'\\'))) | control) & HIGH
}
