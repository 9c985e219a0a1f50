//! The bytes of the journal. All numbers in keys are big-endian, so that keys sort as numbers do.
//!
//! | key | value |
//! | --- | --- |
//! | `00` `meta` | [`Meta`]: format version, the journal's name, the secret hash key |
//! | `00` `scrub` | nothing that means anything: see scrub.rs |
//! | `01` collection:u8 hash:u128 \[epoch:u64\] | epoch:u64 clock:i64 (both little-endian), then the payload |
//! | `02` epoch:u64 | [`Header`], in postcard |
//!
//! Beside the database lies the object `FORMAT`, the version as a decimal: it is read before the database is opened,
//! because opening fences the present writer, and an old inkflow must not do that to a newer one.

use serde::{de::DeserializeOwned, Deserialize, Serialize};

use super::{Collection, Header, JournalError, LiveRow, RowKey};

/// The version that this inkflow writes. A change of any line of this file's table makes it one more.
pub(super) const FORMAT: u32 = 1;

/// The object that holds the version, under the journal's path.
pub(super) const FORMAT_OBJECT: &str = "FORMAT";

pub(super) const META_KEY: &[u8] = b"\x00meta";
pub(super) const SCRUB_KEY: &[u8] = b"\x00scrub";
const ROWS: u8 = 1;
const HEADERS: u8 = 2;

/// The longest key: its two tags, hash and epoch.
pub(super) const KEY_BYTES_MAX: usize = 1 + 1 + 16 + 8;
/// Epoch and clock, in front of every payload.
pub(super) const STAMP_BYTES: usize = 16;

/// What a journal is, written once when it is made.
#[derive(Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) format: u32,
    pub(super) id: u64,
    pub(super) secret: [u8; 16],
}

/// A row's key, appended.
pub(super) fn push_row_key(bytes: &mut Vec<u8>, key: &RowKey) {
    bytes.extend_from_slice(&[ROWS, key.collection as u8]);
    bytes.extend_from_slice(&key.hash.to_be_bytes());
    if let Some(epoch) = key.epoch {
        bytes.extend_from_slice(&epoch.to_be_bytes());
    }
}

/// A row's key alone.
pub(super) fn row_key(key: &RowKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(KEY_BYTES_MAX);
    push_row_key(&mut bytes, key);
    bytes
}

/// A row's value, appended.
pub(super) fn push_row_value(bytes: &mut Vec<u8>, epoch: u64, clock: i64, payload: &[u8]) {
    bytes.extend_from_slice(&epoch.to_le_bytes());
    bytes.extend_from_slice(&clock.to_le_bytes());
    bytes.extend_from_slice(payload);
}

pub(super) fn rows_prefix(collection: Collection) -> [u8; 2] {
    [ROWS, collection as u8]
}

pub(super) fn header_key(epoch: u64) -> [u8; 9] {
    let mut bytes = [HEADERS; 9];
    bytes[1..].copy_from_slice(&epoch.to_be_bytes());
    bytes
}

pub(super) fn headers_prefix() -> [u8; 1] {
    [HEADERS]
}

/// The key of a row of that collection, read back.
pub(super) fn read_row_key(collection: Collection, key: &[u8]) -> Result<RowKey, JournalError> {
    let strange = || JournalError::Corrupt(format!("a key of {} bytes in {collection:?}", key.len()));
    let tail = key.strip_prefix(&rows_prefix(collection)).ok_or_else(strange)?;
    let (hash, tail) = tail.split_first_chunk::<16>().ok_or_else(strange)?;
    let epoch = match tail.len() {
        0 => None,
        8 => tail.first_chunk::<8>().map(|epoch| u64::from_be_bytes(*epoch)),
        _ => return Err(strange()),
    };
    Ok(RowKey { collection, hash: u128::from_be_bytes(*hash), epoch })
}

/// The value of a row, read back.
pub(super) fn read_row_value(value: &[u8]) -> Result<LiveRow<'_>, JournalError> {
    let strange = || JournalError::Corrupt(format!("a row of {} bytes", value.len()));
    let (epoch, tail) = value.split_first_chunk::<8>().ok_or_else(strange)?;
    let (clock, value) = tail.split_first_chunk::<8>().ok_or_else(strange)?;
    Ok(LiveRow { epoch: u64::from_le_bytes(*epoch), clock: i64::from_le_bytes(*clock), value })
}

pub(super) fn encode<T: Serialize>(what: &T) -> Result<Vec<u8>, JournalError> {
    postcard::to_stdvec(what).map_err(|error| JournalError::Corrupt(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, JournalError> {
    postcard::from_bytes(bytes).map_err(|error| JournalError::Corrupt(format!("{name}: {error}")))
}

/// A header, read back from under its number.
pub(super) fn read_header(key: &[u8], value: &[u8]) -> Result<Header, JournalError> {
    let header: Header = decode("a header", value)?;
    if key != header_key(header.epoch) {
        return Err(JournalError::Corrupt(format!("the header of epoch {} lies elsewhere", header.epoch)));
    }
    Ok(header)
}
