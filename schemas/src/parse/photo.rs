//! A photo as events name it, and the blank pages of an assignment.
//!
//! A photo is its uri and its version; the version is decided here, once: the etag without the quotes at its ends,
//! else the sha256 in lower case, else nothing.

use super::field::{self, Parsed, Slot, Unknown};
use super::json::Json;
use crate::fault::RecordFault;
use crate::record::{Photo, PhotoKey, TemplatePage};
use crate::scalar::{Bp, ETAG_BYTES_MAX, URI_BYTES_MAX};
use ecow::EcoString;

/// Reads a photo.
pub(crate) fn photo(json: &mut Json<'_>, field: &'static str, unknown: Unknown<'_>) -> Parsed<Photo> {
    let mut uri = Slot::new("photo.uri");
    let mut etag = Slot::new("photo.etag");
    let mut bytes = Slot::new("photo.bytes");
    let mut sha256 = Slot::new("photo.sha256");
    open(json, b'{', field, "an object")?;
    json.object(|json, name| match name {
        "uri" => uri.fill(json, |json, field| {
            field::text(json, field, 1..=URI_BYTES_MAX, "1 to 2048 bytes without control characters")
        }),
        "etag" => etag.fill(json, |json, field| {
            field::text(json, field, 0..=ETAG_BYTES_MAX, "up to 1024 bytes without control characters")
        }),
        "bytes" => bytes.fill(json, field::bytes),
        "sha256" => sha256.fill(json, hex_256),
        _ => unknown_field(json, field, name, unknown),
    })?;
    let sha256 = sha256.optional();
    let etag = etag.optional().map(|etag| EcoString::from(etag.trim_matches('"'))).unwrap_or_default();
    let version = match sha256 {
        Some(sha256) if etag.is_empty() => hex(&sha256),
        _ => etag,
    };
    let key = PhotoKey { uri: EcoString::from(&*uri.required()?), version };
    Ok(Photo { key, bytes: bytes.optional(), sha256 })
}

/// Reads the blank pages of an assignment, and orders them by page.
pub(crate) fn template(json: &mut Json<'_>, field: &'static str, unknown: Unknown<'_>) -> Parsed<Vec<TemplatePage>> {
    let mut pages: Vec<TemplatePage> = Vec::new();
    open(json, b'[', field, "an array")?;
    json.array(|json| {
        pages.push(template_page(json, unknown)?);
        Ok::<(), RecordFault>(())
    })?;
    pages.sort_by_key(|p| p.page);
    if pages.iter().zip(pages.iter().skip(1)).any(|(one, next)| one.page == next.page) {
        return Err(RecordFault::TemplatePageTwice);
    }
    Ok(pages)
}

fn template_page(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<TemplatePage> {
    let mut page = Slot::new("template.page");
    let mut blank = Slot::new("template.photo");
    let mut areas = Slot::new("template.areas");
    open(json, b'{', "template", "an array of objects")?;
    json.object(|json, name| match name {
        "page" => page.fill(json, field::page),
        "photo" => blank.fill(json, |json, field| photo(json, field, unknown)),
        "areas" => areas.fill(json, self::areas),
        _ => unknown_field(json, "template", name, unknown),
    })?;
    Ok(TemplatePage { page: page.required()?, photo: blank.required()?, areas: areas.optional().unwrap_or_default() })
}

/// Areas `[x, y, width, height]` in basis points, none of which may leave the page.
fn areas(json: &mut Json<'_>, field: &'static str) -> Parsed<Vec<[Bp; 4]>> {
    let what = "an array of [x, y, width, height] in basis points";
    let mut areas = Vec::new();
    open(json, b'[', field, what)?;
    json.array(|json| {
        let mut sides = [Bp::ZERO; 4];
        let mut count = 0;
        open(json, b'[', field, what)?;
        json.array(|json| {
            let side = sides.get_mut(count).ok_or(RecordFault::Not { field, what })?;
            *side = field::bp(json, field)?;
            count += 1;
            Ok::<(), RecordFault>(())
        })?;
        if count < 4 {
            return Err(RecordFault::Not { field, what });
        }
        let [x, y, width, height] = sides.map(Bp::get);
        if x + width > Bp::WHOLE.get() || y + height > Bp::WHOLE.get() {
            return Err(RecordFault::AreaLeavesPage);
        }
        areas.push(sides);
        Ok(())
    })?;
    Ok(areas)
}

/// Says what a field should have been, where no object or array begins.
pub(crate) fn open(json: &mut Json<'_>, open: u8, field: &'static str, what: &'static str) -> Parsed<()> {
    if json.peek() == open {
        Ok(())
    } else {
        Err(RecordFault::Not { field, what })
    }
}

/// Passes over an unknown field of a nested object.
#[cold]
pub(crate) fn unknown_field(json: &mut Json<'_>, outer: &str, name: &str, unknown: Unknown<'_>) -> Parsed<()> {
    unknown(&format!("{outer}.{name}"));
    Ok(json.skip()?)
}

/// 64 hex digits of either case.
fn hex_256(json: &mut Json<'_>, field: &'static str) -> Parsed<[u8; 32]> {
    let text = field::string(json, field)?;
    parse_hex_256(&text).ok_or(RecordFault::Not { field, what: "64 hex digits" })
}

fn parse_hex_256(text: &str) -> Option<[u8; 32]> {
    let nibble = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let pairs = text.as_bytes().as_chunks::<2>();
    let mut out = [0; 32];
    if pairs.0.len() != out.len() || !pairs.1.is_empty() {
        return None;
    }
    for (byte, [high, low]) in out.iter_mut().zip(pairs.0) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(out)
}

/// A hash as 64 lower-case hex digits.
pub(crate) fn hex(sha256: &[u8; 32]) -> EcoString {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    sha256.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
