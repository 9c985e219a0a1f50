//! Listening: who comes is heard out, and brought together with what it came for.

use super::hello::{hear, tell, Role, Terms};
use super::sockets::{hand_over, tune};
use super::{ClusterError, Membership, Refusal};
use crate::names;
use socket2::SockRef;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, Notify, Semaphore};
use tokio::time::Instant;

/// So many strangers are heard at once: more would be an attack, and hold memory.
const HEARD_MAX: usize = 64;
/// So many readers may be joined.
const READERS_MAX: usize = 1024;
/// A listener that could not accept, as when there are no more file descriptors, tries again after so long.
const ACCEPT_WAIT: Duration = Duration::from_millis(100);

/// Whom a process takes, and who has come.
pub struct Host {
    index: usize,
    processes: usize,
    workers: usize,
    /// Of this start; those of others are refused.
    terms: Terms,
    /// Where joined readers go; they are refused without it.
    readers: Option<mpsc::Sender<TcpStream>>,
    guests: Mutex<Guests>,
    came: Notify,
}

#[derive(Default)]
struct Guests {
    members: BTreeMap<usize, TcpStream>,
    data: BTreeMap<usize, TcpStream>,
    /// All have come: nobody else is taken.
    complete: bool,
}

impl Host {
    /// Who takes the processes above its own index, and readers where `readers` is given.
    pub fn new(membership: &Membership, terms: Terms, readers: Option<mpsc::Sender<TcpStream>>) -> Arc<Host> {
        Arc::new(Host {
            index: membership.index,
            processes: membership.processes(),
            workers: membership.workers.get(),
            terms,
            readers,
            guests: Mutex::default(),
            came: Notify::new(),
        })
    }

    fn guests(&self) -> std::sync::MutexGuard<'_, Guests> {
        // Changed in single steps, none of which panics halfway.
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody of that role has a place here.
    fn judge(&self, role: Role) -> Result<(), Refusal> {
        let guests = self.guests();
        let expected = self.processes;
        match role {
            Role::Reader if self.readers.is_none() => Err(Refusal::NotHere),
            Role::Reader => Ok(()),
            Role::Member { .. } if self.index != 0 => Err(Refusal::NotHere),
            Role::Member { index, processes, .. } if processes != expected || !(1..expected).contains(&index) => {
                Err(Refusal::Size { index, processes, expected })
            }
            Role::Member { workers, .. } if workers != self.workers => {
                Err(Refusal::Workers { expected: self.workers, workers })
            }
            Role::Data { index, .. } if index <= self.index || index >= expected => {
                Err(Refusal::Size { index, processes: expected, expected })
            }
            Role::Data { incarnation, .. } if incarnation != self.terms.incarnation => Err(Refusal::Incarnation),
            Role::Member { .. } | Role::Data { .. } if guests.complete => Err(Refusal::Running),
            Role::Member { index, .. } => free(&guests.members, index),
            Role::Data { index, .. } => free(&guests.data, index),
        }
    }

    /// Gives a guest its place. It was judged, told so, and may have been overtaken since: then its socket is closed.
    async fn seat(&self, role: Role, socket: TcpStream) {
        match role {
            Role::Reader => {
                if let Some(readers) = &self.readers {
                    // A full house was judged before; nobody takes them any more where the run is over.
                    let _ = readers.send(socket).await;
                }
                return;
            }
            Role::Member { index, .. } => drop(self.guests().members.insert(index, socket)),
            Role::Data { index, .. } => drop(self.guests().data.insert(index, socket)),
        }
        self.came.notify_one();
    }

    /// Waits until all have come, and gives the members' connections and timely's sockets of those above us.
    pub async fn gathered(&self, deadline: Instant, patience: Duration) -> Result<Gathered, ClusterError> {
        let above = self.index + 1..self.processes;
        loop {
            {
                let mut guests = self.guests();
                guests.members.retain(|_, socket| !is_closed(socket));
                guests.data.retain(|_, socket| !is_closed(socket));
                let missing = |came: &BTreeMap<usize, TcpStream>| above.clone().find(|index| !came.contains_key(index));
                let members = if self.index == 0 { missing(&guests.members) } else { None };
                let Some(index) = members.or(missing(&guests.data)) else {
                    guests.complete = true;
                    let data = std::mem::take(&mut guests.data);
                    let data = data.into_iter().map(|(index, socket)| Ok((index, hand_over(socket)?)));
                    let data = data.collect::<io::Result<_>>()?;
                    return Ok(Gathered { members: std::mem::take(&mut guests.members), data });
                };
                if Instant::now() >= deadline {
                    return Err(ClusterError::Late { patience, why: format!("process {index} has not come") });
                }
            }
            // Woken by who comes, and now and then to see who went.
            let wait = (Instant::now() + Duration::from_secs(1)).min(deadline);
            let _ = tokio::time::timeout_at(wait, self.came.notified()).await;
        }
    }
}

/// Who has come.
pub struct Gathered {
    /// The members' connections, by index; none but at process 0.
    pub members: BTreeMap<usize, TcpStream>,
    /// timely's sockets, by index.
    pub data: BTreeMap<usize, std::net::TcpStream>,
}

fn free(taken: &BTreeMap<usize, TcpStream>, index: usize) -> Result<(), Refusal> {
    match taken.get(&index) {
        Some(socket) if !is_closed(socket) => Err(Refusal::Taken(index)),
        _ => Ok(()),
    }
}

/// True where the other side has closed it, or it broke. Takes nothing off it: a guest may speak before all have come.
fn is_closed(socket: &TcpStream) -> bool {
    match SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// A socket that is listened on.
pub struct Listener(TcpListener);

impl Listener {
    /// Listens where this process should.
    pub async fn bind(membership: &Membership) -> Result<Listener, ClusterError> {
        let address = membership.own_address();
        let bound = TcpListener::bind(address).await;
        bound.map(Listener).map_err(|error| ClusterError::Listen {
            index: membership.index,
            address: address.to_owned(),
            error,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Hears everybody who comes, for ever.
    pub async fn take(self, host: Arc<Host>, membership: Membership) {
        let heard = Arc::new(Semaphore::new(HEARD_MAX));
        loop {
            let Ok(permit) = heard.clone().acquire_owned().await else { return };
            let (socket, from) = match self.0.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_WAIT).await;
                    continue;
                }
            };
            let (host, membership) = (host.clone(), membership.clone());
            tokio::spawn(async move {
                // The permit is held while the guest is a stranger.
                let seated = receive(&host, &membership, socket).await;
                drop(permit);
                match seated {
                    Ok((role, socket)) => {
                        tracing::info!(%from, ?role, "joined");
                        host.seat(role, socket).await;
                    }
                    Err(error) => {
                        metrics::counter!(names::CONNECTIONS_REFUSED.name).increment(1);
                        tracing::warn!(%from, %error, "a connection was refused");
                    }
                }
            });
        }
    }
}

async fn receive(
    host: &Host,
    membership: &Membership,
    mut socket: TcpStream,
) -> Result<(Role, TcpStream), super::hello::HelloError> {
    tune(&socket)?;
    let role = hear(&mut socket, &membership.secret).await?;
    let full = || host.readers.as_ref().is_some_and(|readers| readers.capacity() == 0);
    let judged = host.judge(role).and_then(|()| if full() { Err(Refusal::Full) } else { Ok(()) });
    tell(&mut socket, &judged.clone().map(|()| host.terms.clone())).await?;
    judged?;
    Ok((role, socket))
}

/// Where joined readers go, and where they come from.
pub fn readers() -> (mpsc::Sender<TcpStream>, mpsc::Receiver<TcpStream>) {
    mpsc::channel(READERS_MAX)
}
