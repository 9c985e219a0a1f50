//! The flow file's `cluster`: several processes, and readers in others.

use super::secret::Secret;
use crate::cluster::hello::Shared;
use crate::cluster::{Membership, GATHER_PATIENCE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// Without addresses the processes listen on the loopback, from this port on.
const FIRST_PORT: usize = 7400;

/// Several processes as one, and where readers in other processes join.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// Where each process listens, as the others reach it, HOST:PORT, process 0 first. Readers join process 0 there: one
    /// address is enough for a process with readers and no others beside it.
    #[schemars(extend("examples" = [["127.0.0.1:7400"]]))]
    pub processes: Vec<String>,
    /// This process's index, from 0; `--process` goes before it.
    #[serde(default)]
    pub process: usize,
    /// Where this process listens, where that is not as the others reach it: `0.0.0.0:7400` in a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["0.0.0.0:7400"]))]
    pub listen: Option<String>,
    /// What all processes and readers of the cluster know, and nobody else. Only on loopback addresses there may be none.
    /// What they say to each other is not encrypted: let it go over a loopback, a mesh or a tunnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// All processes must have come within so many seconds.
    #[serde(default = "gather_s")]
    pub gather_s: NonZeroU64,
}

fn gather_s() -> NonZeroU64 {
    NonZeroU64::new(GATHER_PATIENCE.as_secs()).unwrap_or(NonZeroU64::MIN)
}

impl ClusterConfig {
    /// So many processes on this machine.
    pub fn local(processes: NonZeroUsize) -> ClusterConfig {
        ClusterConfig {
            processes: (0..processes.get()).map(|index| format!("127.0.0.1:{}", FIRST_PORT + index)).collect(),
            process: 0,
            listen: None,
            secret: None,
            gather_s: gather_s(),
        }
    }

    /// What all know, or why it cannot be used.
    pub fn shared(&self) -> Result<Shared, String> {
        shared(self.secret.as_ref(), self.processes.iter().chain(&self.listen))
    }

    /// This process's place; or what is wrong with it.
    pub fn membership(&self, workers: NonZeroUsize) -> Result<Membership, String> {
        let processes = self.processes.len();
        if self.process >= processes {
            return Err(format!(
                "the cluster has {processes} processes, and this one would be number {}",
                self.process
            ));
        }
        Ok(Membership {
            index: self.process,
            addresses: self.processes.clone(),
            listen: self.listen.clone(),
            secret: self.shared()?,
            workers,
            patience: Duration::from_secs(self.gather_s.get()),
        })
    }
}

/// The secret for connections between these addresses.
pub fn shared<'a>(secret: Option<&Secret>, addresses: impl Iterator<Item = &'a String>) -> Result<Shared, String> {
    let mut far = addresses.filter(|address| !is_loopback(address));
    match (secret, far.next()) {
        (Some(secret), _) => Ok(Shared::new(Some(secret.read().map_err(|error| error.to_string())?))),
        (None, None) => Ok(Shared::new(None)),
        (None, Some(address)) => Err(format!(
            "{address} can be reached from other machines, and no secret is named: add `secret: {{file: cluster.secret}}` to \
             `cluster`, with the same file for every process and reader (openssl rand -hex 32 makes one)"
        )),
    }
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(processes: &[&str], process: usize) -> Result<Membership, String> {
        let processes = processes.iter().map(ToString::to_string).collect();
        let config = ClusterConfig { processes, process, ..ClusterConfig::local(NonZeroUsize::MIN) };
        config.membership(NonZeroUsize::MIN)
    }

    #[test]
    fn who_can_be_reached_from_elsewhere_needs_a_secret() {
        assert!(of(&["127.0.0.1:1", "[::1]:2", "localhost:3"], 2).is_ok());
        for far in ["10.0.0.1:1", "0.0.0.0:1", "inkflow-0.inkflow:7400", "127.0.0.1.evil:1"] {
            assert!(of(&["127.0.0.1:1", far], 0).is_err(), "{far}");
        }
    }

    #[test]
    fn a_process_that_the_cluster_has_not_is_refused() {
        assert!(of(&["127.0.0.1:1"], 1).is_err_and(|why| why.contains("1 processes")));
        assert!(of(&[], 0).is_err());
    }
}
