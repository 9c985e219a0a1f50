//! The handshake: who may join, as what. Each side shows that it knows the cluster's secret before it is told anything.
//!
//! | from | message |
//! | --- | --- |
//! | who connects | [`Hello`]: magic, form, version, role, nonce |
//! | who listens | [`Answer::Challenge`]: a nonce, and a MAC that only one who knows the secret can make; or a refusal |
//! | who connects | [`Proof`]: its own MAC |
//! | who listens | [`Verdict`]: the terms of the cluster, or why not |
//!
//! The MACs are HMAC-SHA-256 over both nonces and the whole hello, under the secret, each with its side's own label: one
//! side's cannot be sent back as the other's, nor used again. What follows on the socket is plain text: a loopback, a mesh
//! or a tunnel keeps it from others.

use super::frames::{self, HELLO_BYTES_MAX};
use hmac::{Hmac, Mac};
use inkflow_connectors::hidden::Hidden;
use inkflow_schemas::ModelName;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// A handshake takes a few packets; who takes longer is no member of the cluster, or not well.
pub const HELLO_PATIENCE: Duration = Duration::from_secs(5);

const MAGIC: [u8; 8] = *b"inkflow\0";
/// The form of all messages between processes. Any change of theirs makes it one more.
const FORM: u16 = 2;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A process of the cluster says that it is there, and beats as long as it is. To process 0 only.
    Member {
        /// Its index.
        index: usize,
        /// How many processes it was told there are.
        processes: usize,
        /// How many workers it has.
        workers: usize,
    },
    /// A socket for timely.
    Data {
        /// Whose.
        index: usize,
        /// Of which start of the cluster.
        incarnation: u64,
    },
    /// A reader of photos. To process 0 only.
    Reader,
}

#[derive(Serialize, Deserialize)]
struct Hello {
    magic: [u8; 8],
    form: u16,
    version: String,
    role: Role,
    nonce: [u8; 32],
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Challenge { nonce: [u8; 32], mac: [u8; 32] },
    Refused(Refusal),
}

#[derive(Serialize, Deserialize)]
struct Proof {
    mac: [u8; 32],
}

/// What every process of a cluster must agree on; process 0 says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The journal's name.
    pub cluster: u64,
    /// The journal's incarnation: which start of the cluster this is.
    pub incarnation: u64,
    /// The epoch that the dataflow begins with.
    pub epoch: u64,
    /// The configured model.
    pub model: ModelName,
    /// The models that read templates.
    pub template_models: BTreeSet<ModelName>,
    /// The time zone's IANA name.
    pub time_zone: String,
    /// So many days after its photo left demand a reading is deleted.
    pub keep_readings_days: u32,
}

/// What a connection comes to.
pub type Verdict = Result<Terms, Refusal>;

/// Why somebody may not join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Another inkflow.
    #[error("it is inkflow {theirs}, and this is inkflow {ours}: all processes must be of one version")]
    Version {
        /// Of who listens.
        theirs: String,
        /// Of who connects.
        ours: String,
    },
    /// Who connects does not know the secret.
    #[error("the secrets differ")]
    Secret,
    /// There is a process of that index.
    #[error("another process has the index {0}")]
    Taken(usize),
    /// No process of that index can be.
    #[error("there is no place for index {index} of {processes} processes: it was told of {expected}")]
    Size {
        /// Who connects.
        index: usize,
        /// As it was told.
        processes: usize,
        /// As who listens was told.
        expected: usize,
    },
    /// The processes must have the same number of workers.
    #[error("every process must have as many workers: it has {expected}, and this one {workers}")]
    Workers {
        /// Of who listens.
        expected: usize,
        /// Of who connects.
        workers: usize,
    },
    /// It is of an earlier start, or a later one.
    #[error("it belongs to another start of the cluster")]
    Incarnation,
    /// The cluster is complete, and runs: only after an end can it be joined.
    #[error("the cluster runs already")]
    Running,
    /// Process 0 takes these.
    #[error("only process 0 takes them")]
    NotHere,
    /// More connections than are taken at once.
    #[error("it takes no more connections")]
    Full,
}

impl Refusal {
    /// Whether the same may be taken later: the other side is about to start anew.
    pub fn may_pass(&self) -> bool {
        matches!(self, Refusal::Taken(_) | Refusal::Incarnation | Refusal::Running | Refusal::Full)
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// The network, or somebody who does not speak our language.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It was refused.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// Who listens there does not know the secret: it is told nothing.
    #[error("who listens there does not know our secret")]
    Stranger,
    /// It took too long.
    #[error("no answer within {} s", HELLO_PATIENCE.as_secs())]
    Silent,
}

/// A secret that both sides know.
#[derive(Clone)]
pub struct Shared(Hidden);

impl Shared {
    /// That secret; the empty one where there is none, which is no protection.
    pub fn new(secret: Option<Hidden>) -> Shared {
        Shared(secret.unwrap_or_else(|| Hidden::new(String::new())))
    }

    fn mac(&self, side: &[u8], hello: &[u8], nonce: &[u8; 32]) -> Hmac<Sha256> {
        // HMAC takes a key of any length.
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.0.reveal().as_bytes())
            .unwrap_or_else(|_| unreachable!("HMAC takes every key"));
        for part in [side, nonce.as_slice(), hello] {
            mac.update(part);
        }
        mac
    }
}

const LISTENER: &[u8] = b"inkflow listener";
const CONNECTOR: &[u8] = b"inkflow connector";

fn nonce() -> io::Result<[u8; 32]> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    Ok(nonce)
}

fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Joins as `role`, and gives the terms.
pub async fn join(socket: &mut TcpStream, shared: &Shared, role: Role) -> Result<Terms, HelloError> {
    tokio::time::timeout(HELLO_PATIENCE, join_slowly(socket, shared, role)).await.unwrap_or(Err(HelloError::Silent))
}

async fn join_slowly(socket: &mut TcpStream, shared: &Shared, role: Role) -> Result<Terms, HelloError> {
    let hello = frames::encode(&Hello { magic: MAGIC, form: FORM, version: version(), role, nonce: nonce()? })?;
    frames::write_bytes(socket, &hello).await?;
    match frames::read(socket, HELLO_BYTES_MAX).await? {
        Answer::Refused(refusal) => return Err(refusal.into()),
        Answer::Challenge { nonce, mac } => {
            if shared.mac(LISTENER, &hello, &nonce).verify_slice(&mac).is_err() {
                return Err(HelloError::Stranger);
            }
            let mac = shared.mac(CONNECTOR, &hello, &nonce).finalize().into_bytes().into();
            frames::write(socket, &Proof { mac }).await?;
        }
    }
    let verdict: Verdict = frames::read(socket, HELLO_BYTES_MAX).await?;
    Ok(verdict?)
}

/// Hears somebody out, up to the proof. What comes of it must be told by [`tell`].
pub async fn hear(socket: &mut TcpStream, shared: &Shared) -> Result<Role, HelloError> {
    tokio::time::timeout(HELLO_PATIENCE, hear_slowly(socket, shared)).await.unwrap_or(Err(HelloError::Silent))
}

async fn hear_slowly(socket: &mut TcpStream, shared: &Shared) -> Result<Role, HelloError> {
    let bytes = frames::read_bytes(socket, HELLO_BYTES_MAX).await?;
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "it does not speak inkflow's language");
    if !bytes.starts_with(&MAGIC) {
        return Err(strange().into());
    }
    let hello: Hello = frames::decode(&bytes)?;
    if (hello.form, &hello.version) != (FORM, &version()) {
        let refusal = Refusal::Version { theirs: version(), ours: hello.version };
        frames::write(socket, &Answer::Refused(refusal.clone())).await?;
        return Err(refusal.into());
    }
    let nonce = nonce()?;
    let mac = shared.mac(LISTENER, &bytes, &nonce).finalize().into_bytes().into();
    frames::write(socket, &Answer::Challenge { nonce, mac }).await?;
    let proof: Proof = frames::read(socket, HELLO_BYTES_MAX).await?;
    if shared.mac(CONNECTOR, &bytes, &nonce).verify_slice(&proof.mac).is_err() {
        tell(socket, &Err(Refusal::Secret)).await?;
        return Err(Refusal::Secret.into());
    }
    Ok(hello.role)
}

/// Says what came of a handshake.
pub async fn tell(socket: &mut TcpStream, verdict: &Verdict) -> io::Result<()> {
    let told = tokio::time::timeout(HELLO_PATIENCE, frames::write(socket, verdict)).await;
    told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    fn terms() -> Terms {
        Terms {
            cluster: 7,
            incarnation: 3,
            epoch: 9,
            model: ModelName::new("m@1").expect("a model"),
            template_models: BTreeSet::new(),
            time_zone: "UTC".into(),
            keep_readings_days: 400,
        }
    }

    fn shared(secret: &str) -> Shared {
        Shared::new(Some(Hidden::new(secret.to_owned())))
    }

    /// A side that has this secret, tells its terms to who knows it and says what it heard; and a connection to it.
    async fn listening(secret: &str) -> (JoinHandle<Result<Role, HelloError>>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let secret = shared(secret);
        let hearing = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let heard = hear(&mut socket, &secret).await;
            if heard.is_ok() {
                tell(&mut socket, &Ok(terms())).await.expect("a socket");
            }
            heard
        });
        (hearing, TcpStream::connect(address).await.expect("a listener"))
    }

    /// One side with each secret; what came of it on both.
    async fn meet(listens: &str, connects: &str) -> (Result<Role, HelloError>, Result<Terms, HelloError>) {
        let (hearing, mut socket) = listening(listens).await;
        let joined = join(&mut socket, &shared(connects), Role::Reader).await;
        drop(socket);
        (hearing.await.expect("no panic"), joined)
    }

    #[tokio::test]
    async fn who_knows_the_secret_is_told_the_terms() {
        let (heard, joined) = meet("a", "a").await;
        assert_eq!(heard.expect("a role"), Role::Reader);
        assert_eq!(joined.expect("terms"), terms());
    }

    #[tokio::test]
    async fn who_does_not_know_it_learns_nothing_and_tells_nothing() {
        let (heard, joined) = meet("a", "b").await;
        assert!(matches!(joined, Err(HelloError::Stranger)), "{joined:?}");
        assert!(heard.is_err());
    }

    #[tokio::test]
    async fn a_proof_made_for_another_hello_is_refused() {
        let (hearing, mut socket) = listening("a").await;
        let hello = Hello { magic: MAGIC, form: FORM, version: version(), role: Role::Reader, nonce: [1; 32] };
        frames::write(&mut socket, &hello).await.expect("a socket");
        let Answer::Challenge { mac, .. } = frames::read(&mut socket, HELLO_BYTES_MAX).await.expect("an answer") else {
            panic!("refused");
        };
        // The listener's own MAC, sent back.
        frames::write(&mut socket, &Proof { mac }).await.expect("a socket");
        let verdict: Verdict = frames::read(&mut socket, HELLO_BYTES_MAX).await.expect("a verdict");
        assert_eq!(verdict, Err(Refusal::Secret));
        assert!(matches!(hearing.await.expect("no panic"), Err(HelloError::Refused(Refusal::Secret))));
    }

    #[tokio::test]
    async fn a_browser_is_not_answered() {
        let (hearing, mut socket) = listening("a").await;
        socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a socket");
        assert!(matches!(hearing.await.expect("no panic"), Err(HelloError::Io(_))));
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(answer.is_empty());
    }
}
