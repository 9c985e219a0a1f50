//! Connecting, and what is set on every socket.

use super::hello::{join, HelloError, Role, Shared, Terms};
use super::{may_pass, ClusterError, Membership, Refusal, SILENCE_MAX};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A process that could not be reached is tried again after so long.
const RETRY_WAIT: Duration = Duration::from_millis(200);
/// One try to connect takes at most so long.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// Small messages are sent at once, and a peer whose machine is gone is noticed.
pub(super) fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    let third = SILENCE_MAX / 3;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(third).with_interval(third).with_retries(2))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE_MAX))?;
    Ok(())
}

/// Connects once, as a reader.
pub(crate) async fn connect_as_reader(address: &str, secret: &Shared) -> Result<(TcpStream, Terms), HelloError> {
    connect(address, secret, Role::Reader).await
}

/// Connects once, in that role.
async fn connect(address: &str, secret: &Shared, role: Role) -> Result<(TcpStream, Terms), HelloError> {
    let connected = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
    let mut socket = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    tune(&socket)?;
    let terms = join(&mut socket, secret, role).await?;
    Ok((socket, terms))
}

/// Connects to the process of that index, again and again until the deadline, unless it says a definite no.
pub(super) async fn connect_patiently(
    index: usize,
    membership: &Membership,
    role: Role,
    deadline: Instant,
) -> Result<(TcpStream, Terms), ClusterError> {
    let address = membership.addresses.get(index).map_or("", String::as_str);
    let mut said = None;
    loop {
        let error = match connect(address, &membership.secret, role).await {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        if !may_pass(&error) {
            return Err(match error {
                HelloError::Refused(refusal) => ClusterError::refused(index, address, refusal),
                // It would say the same of us.
                _ => ClusterError::refused(index, address, Refusal::Secret),
            });
        }
        if let HelloError::Refused(refusal) = &error {
            if said.as_ref() != Some(refusal) {
                tracing::warn!(index, %refusal, "a process of the cluster does not take this one yet");
                said = Some(refusal.clone());
            }
        }
        if Instant::now() + RETRY_WAIT >= deadline {
            let why = format!("process {index} at {address}: {error}");
            return Err(ClusterError::Late { patience: membership.patience, why });
        }
        tokio::time::sleep(RETRY_WAIT).await;
    }
}

/// A socket as timely takes it: blocking.
pub(super) fn hand_over(socket: TcpStream) -> io::Result<std::net::TcpStream> {
    let socket = socket.into_std()?;
    socket.set_nonblocking(false)?;
    Ok(socket)
}
