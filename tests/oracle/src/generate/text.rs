//! JSON written in every way that it may be written: escapes, white space, order of fields, forms of time.

use super::Dice;
use crate::time::{self, DAY_MS};

/// The fields of an object: names, and values as JSON text.
pub type Members = Vec<(String, String)>;

/// A JSON string, now and then with escapes that it does not need.
pub fn quote(dice: &mut Dice, text: &str) -> String {
    let escape_percent = if dice.chance(10) { 40 } else { 0 };
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '/' if dice.chance(escape_percent) => out.push_str("\\/"),
            c if c < ' ' || dice.chance(escape_percent) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// A JSON object, now and then with its fields in another order or with white space.
pub fn object(dice: &mut Dice, members: &Members) -> String {
    let mut members = members.clone();
    if dice.chance(30) {
        dice.shuffle(&mut members);
    }
    let spaced = dice.chance(15);
    let fields: Vec<String> = members
        .iter()
        .map(|(name, value)| {
            let name = quote(dice, name);
            format!("{}{name}{}:{}{value}", space(dice, spaced), space(dice, spaced), space(dice, spaced))
        })
        .collect();
    format!("{{{}{}}}", fields.join(","), space(dice, spaced))
}

/// White space that JSON allows and that does not end a line.
fn space(dice: &mut Dice, spaced: bool) -> &'static str {
    if spaced {
        ["", " ", "\t", "  ", "\r"][dice.below(5)]
    } else {
        ""
    }
}

/// An instant as JSON: milliseconds, or RFC 3339 with any offset and fraction.
pub fn time(dice: &mut Dice, ms: i64) -> String {
    if dice.chance(40) {
        return ms.to_string();
    }
    let offset_minutes = *dice.pick(&[0, 0, 0, 60, 330, -210, 845, -720, 1439, -1439]);
    let local = ms + offset_minutes * 60_000;
    // Local years before 1970 would need a calendar that this crate has no other use for.
    let (local, offset_minutes) = if local < 0 { (ms, 0) } else { (local, offset_minutes) };
    let second = local % DAY_MS / 1000;
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let fraction = fraction(dice, local % 1000);
    format!("\"{}T{clock}{fraction}{}\"", time::day_of(local), offset(dice, offset_minutes))
}

/// `.120999` for 120 ms: what is below a millisecond is cut.
fn fraction(dice: &mut Dice, ms: i64) -> String {
    let below = dice.pick(&["", "", "0", "9", "999", "999999", "999999999999"]);
    match ms {
        0 if dice.chance(50) => String::new(),
        ms if ms % 100 == 0 && below.is_empty() => format!(".{}", ms / 100),
        ms => format!(".{ms:03}{below}"),
    }
}

fn offset(dice: &mut Dice, minutes: i64) -> String {
    if minutes == 0 {
        return dice.pick(&["Z", "Z", "+00:00", "-00:00"]).to_string();
    }
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// Arrays in each other, so many.
pub fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}
