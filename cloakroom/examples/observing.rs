//! What a site can see of its sessions: a line for each operation, figures for Prometheus, and who logs out.
//!
//! ```text
//! cargo run -p cloakroom --features metrics --example observing
//! ```

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cloakroom::{EndReason, LazySession, SessionError, SessionEvent, SessionLayer, SessionStore, Settings};
use http::{Request, header};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tower::ServiceExt;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, fmt};

async fn visit(session: LazySession) -> Result<String, SessionError> {
    let visits = session.aget_or("visits", 0).await? + 1;
    session.aset("visits", &visits).await?;
    Ok(format!("visit {visits}"))
}

async fn logout(session: LazySession) -> Result<&'static str, SessionError> {
    session.aflush().await?;
    Ok("good-bye")
}

/// A key is as good as a password: it goes where it is needed, and only its short hash where people read.
fn told(event: &SessionEvent<'_>) {
    if let SessionEvent::Ended { key, reason: EndReason::Flushed } = event {
        println!("session {} has logged out: its search history can go", key.short_hash());
    }
}

async fn site() -> Result<(), Box<dyn std::error::Error>> {
    let store = SessionStore::memory(Settings::new())?.with_observer(told);
    let app = Router::new().route("/", get(visit)).route("/logout", get(logout)).layer(SessionLayer::new(store));

    let first = app.clone().oneshot(Request::new(Body::empty())).await?;
    let cookie = first.headers()[header::SET_COOKIE].to_str()?.split(';').next().unwrap_or_default().to_owned();
    for path in ["/", "/logout"] {
        let request = Request::get(path).header(header::COOKIE, &cookie).body(Body::empty())?;
        app.clone().oneshot(request).await?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What `RUST_LOG=cloakroom=debug` says. `CLOSE`: a line when a span ends, with its fields and how long it took.
    let lines = fmt::layer().with_ansi(false).with_timer(()).with_span_events(FmtSpan::CLOSE);
    let subscriber = tracing_subscriber::registry().with(EnvFilter::new("cloakroom=debug")).with(lines);
    // A site calls `PrometheusBuilder::install` and is asked by Prometheus; this shows what it would be told.
    let seconds = Matcher::Suffix("duration_seconds".to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &[0.001, 0.01, 0.1, 1.0])?
        .set_buckets_for_metric(Matcher::Suffix("round_trips".to_owned()), &[1.0, 2.0, 4.0])?
        .build_recorder();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || runtime.block_on(site()))
    })?;
    print!("{}", recorder.handle().render());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_runs() {
        super::main().unwrap();
    }
}
