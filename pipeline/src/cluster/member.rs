//! The life of a cluster: process 0 gathers it, the others serve it, and all watch each other.

use super::frames::{self, HELLO_BYTES_MAX};
use super::hello::{Role, Terms};
use super::listen::Gathered;
use super::sockets::{connect_patiently, hand_over};
use super::{ClusterError, Host, Listener, Membership, BEAT, SILENCE_MAX};
use crate::config::TimeZone;
use crate::homework::{homework, Settings};
use crate::workers::{Place, Sockets, Workers, WorkersError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The dataflow has ended: the other side must say goodbye, too, within so long.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(5);

/// The other processes, as process 0 has them once the cluster has gathered.
pub struct Guests {
    members: BTreeMap<usize, TcpStream>,
}

/// The other processes, watched.
pub struct Watched {
    leave: watch::Sender<bool>,
    /// None when it has ended: there is nobody to watch.
    watching: Option<JoinHandle<Option<ClusterError>>>,
}

impl Guests {
    /// Waits for the others, and gives the place of this process's workers among theirs.
    pub async fn gather(host: &Host, membership: &Membership) -> Result<(Place, Guests), ClusterError> {
        let deadline = Instant::now() + membership.patience;
        let Gathered { members, data } = host.gathered(deadline, membership.patience).await?;
        Ok((place(membership, data), Guests { members }))
    }

    /// From now on they are watched.
    pub fn watch(self) -> Watched {
        let (leave, leaving) = watch::channel(false);
        let watching = tokio::spawn(async move {
            let mut watched = tokio::task::JoinSet::new();
            for (index, socket) in self.members {
                let leaving = leaving.clone();
                watched.spawn(async move { (index, beat(socket, leaving).await) });
            }
            while let Some(ended) = watched.join_next().await {
                if let Ok((index, Err(why))) = ended {
                    return Some(ClusterError::Lost { index, why });
                }
            }
            None
        });
        Watched { leave, watching: Some(watching) }
    }
}

impl Watched {
    /// Waits until one of them is lost: for ever, where none is.
    pub async fn lost(&mut self) -> ClusterError {
        if let Some(watching) = &mut self.watching {
            let ended = watching.await;
            self.watching = None;
            if let Ok(Some(lost)) = ended {
                return lost;
            }
        }
        std::future::pending().await
    }

    /// The dataflow has ended as it should: says so to the others, who end only then as those who are done.
    pub async fn say_goodbye(self) {
        let _ = self.leave.send(true);
        if let Some(watching) = self.watching {
            let _ = tokio::time::timeout(GOODBYE_PATIENCE, watching).await;
        }
    }
}

/// Serves the cluster as one of its other processes: until the dataflow ends in all of them, or one is lost. `joined` is
/// told the terms once they are known.
pub async fn serve(membership: Membership, joined: oneshot::Sender<Terms>) -> Result<(), ClusterError> {
    let deadline = Instant::now() + membership.patience;
    let (index, processes, workers) = (membership.index, membership.processes(), membership.workers.get());
    // Bound before anybody above us can be told to come.
    let listener = if index + 1 < processes { Some(Listener::bind(&membership).await?) } else { None };
    let member = Role::Member { index, processes, workers };
    let (control, terms) = connect_patiently(0, &membership, member, deadline).await?;
    let role = Role::Data { index, incarnation: terms.incarnation };
    let host = Host::new(&membership, terms.clone(), None);
    if let Some(listener) = listener {
        tokio::spawn(listener.take(host.clone(), membership.clone()));
    }
    let mut data = BTreeMap::new();
    for below in 0..index {
        let (socket, _) = connect_patiently(below, &membership, role, deadline).await?;
        data.insert(below, hand_over(socket)?);
    }
    let above = host.gathered(deadline, membership.patience).await?;
    data.extend(above.data);
    let settings = settings(&terms)?;
    let place = place(&membership, data);
    let epoch = terms.epoch;
    tracing::info!(index, processes, incarnation = terms.incarnation, "the cluster runs");
    let _ = joined.send(terms);
    let serving =
        tokio::task::spawn_blocking(move || Workers::serve(place, epoch, move |flow| homework(flow, settings.clone())));
    let (leave, leaving) = watch::channel(false);
    let mut beating = tokio::spawn(beat(control, leaving));
    let lost = |ended: Result<Result<(), String>, _>| {
        let why = ended.ok().and_then(Result::err).unwrap_or_else(|| "it ended early".to_owned());
        Err(ClusterError::Lost { index: 0, why })
    };
    tokio::select! {
        biased;
        served = serving => served.map_err(|_| WorkersError::Ended)??,
        ended = &mut beating => return lost(ended),
    }
    // The dataflow ends also where process 0 fails, and then it does not say goodbye.
    let _ = leave.send(true);
    match tokio::time::timeout(GOODBYE_PATIENCE, beating).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(ended) => lost(ended),
        Err(_) => Err(ClusterError::Lost { index: 0, why: "it did not say goodbye".to_owned() }),
    }
}

fn settings(terms: &Terms) -> Result<Settings, ClusterError> {
    let time_zone = TimeZone::named(&terms.time_zone)
        .ok_or_else(|| ClusterError::Terms(format!("the time zone {}", terms.time_zone)))?;
    Ok(Settings {
        model: terms.model.clone(),
        template_models: Arc::new(terms.template_models.clone()),
        day_of: time_zone.day_of(),
        keep_readings_days: terms.keep_readings_days,
    })
}

fn place(membership: &Membership, mut data: BTreeMap<usize, std::net::TcpStream>) -> Place {
    let sockets = (0..membership.processes()).map(|index| data.remove(&index)).collect();
    let cluster = (membership.processes() > 1).then_some(Sockets { index: membership.index, sockets });
    Place { workers: membership.workers, cluster }
}

/// What is said on a member's connection.
#[derive(Serialize, Deserialize)]
enum Beat {
    /// I am here.
    Here,
    /// The dataflow has ended, and I go.
    Goodbye,
}

/// Beats on a connection and hears the other side's beats, until both have said goodbye, or it can be said why the other
/// is lost.
async fn beat(socket: TcpStream, mut leaving: watch::Receiver<bool>) -> Result<(), String> {
    let (mut from, mut to) = socket.into_split();
    let saying = async {
        let mut ticks = tokio::time::interval(BEAT);
        loop {
            let leaves = tokio::select! {
                _ = ticks.tick() => false,
                left = leaving.wait_for(|leaves| *leaves) => left.is_ok(),
            };
            let said = if leaves { &Beat::Goodbye } else { &Beat::Here };
            frames::write(&mut to, said).await.map_err(|error| error.to_string())?;
            if leaves {
                return Ok(());
            }
        }
    };
    let hearing = async {
        loop {
            match tokio::time::timeout(SILENCE_MAX, frames::read(&mut from, HELLO_BYTES_MAX)).await {
                Ok(Ok(Beat::Here)) => {}
                Ok(Ok(Beat::Goodbye)) => return Ok(()),
                Ok(Err(error)) => return Err(format!("its connection ended: {error}")),
                Err(_) => return Err(format!("nothing heard of it for {} s", SILENCE_MAX.as_secs())),
            }
        }
    };
    tokio::try_join!(saying, hearing).map(|((), ())| ())
}
