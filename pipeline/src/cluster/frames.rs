//! Messages on a socket: a length in four bytes, little-endian, then that many bytes of postcard.
//!
//! Reading takes exactly a message's bytes off the socket and no more, so that it can be handed on to timely afterwards.

use serde::de::DeserializeOwned;
use serde::Serialize;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A message of a handshake is at most so long: a stranger makes us hold no more.
pub const HELLO_BYTES_MAX: usize = 16 << 10;
/// A message between those who know each other is at most so long: an answer with the areas of a page.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The bytes of a message, without its length.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(message).map_err(io::Error::other)
}

/// Writes a message.
pub async fn write<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), message: &T) -> io::Result<()> {
    write_bytes(to, &encode(message)?).await
}

/// Writes the bytes of a message.
pub async fn write_bytes(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(4 + bytes.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(bytes);
    to.write_all(&frame).await?;
    to.flush().await
}

/// Reads the bytes of a message of at most so many.
pub async fn read_bytes(from: &mut (impl AsyncRead + Unpin), bytes_max: usize) -> io::Result<Vec<u8>> {
    let length = from.read_u32_le().await? as usize;
    if length > bytes_max {
        return Err(invalid(format!("a message of {length} bytes")));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Reads a message of at most so many bytes.
pub async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin), bytes_max: usize) -> io::Result<T> {
    decode(&read_bytes(from, bytes_max).await?)
}

/// What those bytes say, and nothing after it.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(invalid("a message with something after it".to_owned())),
        Err(_) => Err(invalid("a message that is none of ours".to_owned())),
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_and_what_comes_after_stays_on_the_socket() {
        let mut bytes = Vec::new();
        write(&mut bytes, &(7u64, "seven")).await.expect("memory");
        bytes.extend_from_slice(b"timely's");
        let mut from = bytes.as_slice();
        let read: (u64, String) = read(&mut from, HELLO_BYTES_MAX).await.expect("a message");
        assert_eq!((read.0, read.1.as_str(), from), (7, "seven", b"timely's".as_slice()));
    }

    #[tokio::test]
    async fn strange_bytes_are_refused_before_they_are_held() {
        for bytes in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[0xff; 64], &[1, 0, 0, 0, 200], &[2, 0, 0, 0, 1, 9]] {
            let mut from = bytes;
            assert!(read::<u64>(&mut from, HELLO_BYTES_MAX).await.is_err(), "{bytes:?}");
        }
    }
}
