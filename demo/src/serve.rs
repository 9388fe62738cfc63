//! Listening, and stopping in good order.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// How long requests under way may take to end after the signal.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn bind(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let (problem, remedy) = match error.kind() {
            ErrorKind::AddrInUse => (
                "another program listens there".to_owned(),
                "stop it, or set DEMO_ADDR to another address, such as 127.0.0.1:8001 (port 0 takes a free one)",
            ),
            ErrorKind::PermissionDenied => {
                ("this user may not listen there".to_owned(), "set DEMO_ADDR to a port above 1023")
            }
            ErrorKind::InvalidInput => {
                ("is not an address and a port".to_owned(), "use a form like 127.0.0.1:8000 or [::1]:8000")
            }
            _ => (error.to_string(), "use an address of this machine, such as 127.0.0.1:8000"),
        };
        Failure::new(format!("DEMO_ADDR = {address:?}: {problem}; {remedy}"))
    })
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(listener: TcpListener, router: Router) -> Result<(), Failure> {
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
        signal().await;
        drop(stop);
    });
    let too_late = async {
        // An error says that the sender is gone: the signal came.
        while stopped.changed().await.is_ok() {}
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = too_late => {
            tracing::warn!("requests were still under way after {} seconds", PATIENCE.as_secs());
            Ok(())
        }
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return interrupt().await };
    tokio::select! {
        () = interrupt() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    interrupt().await;
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler there is nothing to wait for: the system ends the process by itself.
        std::future::pending::<()>().await;
    }
}
