//! Several processes as one cluster: timely's own distributed engine, over sockets that we make ourselves.
//!
//! Process 0 has the journal, the sources, the sinks and worker 0; the others lend their workers. All know one secret.
//! Each other process connects to process 0 as a [`Role::Member`], is told the [`Terms`], among them the incarnation that
//! process 0's journal has just sealed, and beats on that connection from then on. With the incarnation every process
//! connects to every one of lower index as [`Role::Data`]; those sockets become timely's. So a process of an earlier
//! start, a stray connection, a wrong version or a second process of one index is refused by name, and harms nobody.
//!
//! A cluster dies as one. Who is lost is noticed by timely, whose socket closes, or by silence on the members'
//! connections; every process then ends with [`Exit::Lost`](crate::cli::exit::Exit::Lost), and starts again from the
//! journal.

pub mod frames;
pub mod hello;
mod listen;
mod member;
mod sockets;

use hello::{HelloError, Shared};
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

pub use hello::{Refusal, Role, Terms};
pub use listen::{readers, Host, Listener};
pub use member::{serve, Guests, Watched};
pub(crate) use sockets::connect_as_reader;

/// A cluster gathers for at most so long: a rolling restart of its other processes is over by then.
pub const GATHER_PATIENCE: Duration = Duration::from_secs(60);

/// A connection that stands says something this often.
pub const BEAT: Duration = Duration::from_secs(1);
/// And one that has said nothing for so long stands no more: its process is stopped, or out of reach.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A process's place in its cluster.
#[derive(Clone)]
pub struct Membership {
    /// This process's index, from 0.
    pub index: usize,
    /// Where each process listens, as the others reach it, in the order of their indices.
    pub addresses: Vec<String>,
    /// Where this process listens, where that is not as the others reach it.
    pub listen: Option<String>,
    /// What all processes and readers know, and nobody else.
    pub secret: Shared,
    /// How many workers each process has.
    pub workers: NonZeroUsize,
    /// How long the cluster may take to gather.
    pub patience: Duration,
}

impl Membership {
    /// How many processes the cluster has.
    pub fn processes(&self) -> usize {
        self.addresses.len()
    }

    /// Where this process listens.
    fn own_address(&self) -> &str {
        let own = self.addresses.get(self.index).map_or("", String::as_str);
        self.listen.as_deref().unwrap_or(own)
    }
}

/// Why there is no cluster, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Its own address cannot be listened on.
    #[error("the cluster's process {index} cannot listen on {address}: {error}")]
    Listen {
        /// Its index.
        index: usize,
        /// Where.
        address: String,
        /// Why not.
        error: io::Error,
    },
    /// Another process refuses this one, and would again.
    #[error("process {index} at {address} does not take this process: {refusal}")]
    Refused {
        /// Who refuses.
        index: usize,
        /// Where it is.
        address: String,
        /// Why.
        refusal: Refusal,
    },
    /// Others did not come, or could not be reached, in time.
    #[error("the cluster did not gather within {} s: {why}", patience.as_secs())]
    Late {
        /// How long was waited.
        patience: Duration,
        /// Who is missing, and why, as far as it is known.
        why: String,
    },
    /// Another process ended, or says nothing any more.
    #[error("process {index} of the cluster is lost ({why}): all start again from the journal")]
    Lost {
        /// Which.
        index: usize,
        /// How that was noticed.
        why: String,
    },
    /// A socket cannot be used.
    #[error("a socket of the cluster: {0}")]
    Socket(#[from] io::Error),
    /// The dataflow.
    #[error(transparent)]
    Workers(#[from] crate::workers::WorkersError),
    /// Process 0 names what this one does not know.
    #[error("process 0 names {0}, which this process does not know")]
    Terms(String),
}

impl ClusterError {
    fn refused(index: usize, address: &str, refusal: Refusal) -> ClusterError {
        ClusterError::Refused { index, address: address.to_owned(), refusal }
    }
}

/// True where connecting again may help.
pub(crate) fn may_pass(error: &HelloError) -> bool {
    match error {
        HelloError::Io(_) | HelloError::Silent => true,
        HelloError::Refused(refusal) => refusal.may_pass(),
        HelloError::Stranger => false,
    }
}
