//! Making a connection.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::failure::{ServerSaid, Source, TimedOut};
use super::gather::Gather;
use super::tls::Tls;

/// Where a server listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As whom one logs in. Never shown.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

/// How connections are made, wherever they lead.
#[derive(Clone, Default)]
pub(super) struct Dialer {
    pub(super) login: Login,
    pub(super) database: i64,
    pub(super) tls: Option<Tls>,
    pub(super) timeout: Duration,
}

/// A connection that many commands share.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    open: Arc<AtomicBool>,
}

impl Connection {
    /// Whether it may still be used. One that the server closed while nobody used it is known before anything is sent.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.open, &other.open)
    }
}

/// Says that a connection is over when the task that serves it ends, also with its runtime.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Dialer {
    /// A new connection, logged in.
    pub(super) async fn dial(&self, address: &Address) -> Result<Connection, Source> {
        let connecting = async {
            match address {
                Address::Unix(path) => self.log_in(unix(path).await?).await,
                Address::Tcp(host, port) => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    match &self.tls {
                        None => self.log_in(stream).await,
                        Some(tls) => {
                            let name = ServerName::try_from(host.clone())?;
                            self.log_in(tls.connector()?.connect(name, stream).await?).await
                        }
                    }
                }
            }
        };
        match tokio::time::timeout(self.timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(Unreachable::of(address, error)),
            Err(_) => Err(Unreachable::of(address, TimedOut(self.timeout).into())),
        }
    }

    async fn log_in<S>(&self, stream: S) -> Result<Connection, Source>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut info = RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name();
        if let Some(user) = &self.login.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.login.password {
            info = info.set_password(password);
        }
        // Each operation has a time-out of its own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let (commands, serve) =
            MultiplexedConnection::new_with_config(&info, Gather::new(stream), config).await.map_err(refused_login)?;
        let open = Arc::new(AtomicBool::new(true));
        let ends = Ends(Arc::clone(&open));
        tokio::spawn(async move {
            let _ends = ends;
            serve.await;
        });
        Ok(Connection { commands, open })
    }
}

/// What the server says to a login may be dressed up by the driver.
fn refused_login(error: redis::RedisError) -> Source {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        redis::ErrorKind::AuthenticationFailed => ServerSaid::of("WRONGPASS", detail).into(),
        redis::ErrorKind::Server(_) | redis::ErrorKind::Extension => {
            ServerSaid::of(error.code().unwrap_or("ERR"), detail).into()
        }
        _ => error.into(),
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<tokio::net::UnixStream, Source> {
    Ok(tokio::net::UnixStream::connect(path).await?)
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> Result<TcpStream, Source> {
    Err("this system has no Unix sockets".into())
}

/// Which server could not be reached, and why.
#[derive(Debug, thiserror::Error)]
#[error("Redis at {address}: {source}")]
struct Unreachable {
    address: String,
    source: Source,
}

impl Unreachable {
    fn of(address: &Address, source: Source) -> Source {
        Self { address: address.to_string(), source }.into()
    }
}
