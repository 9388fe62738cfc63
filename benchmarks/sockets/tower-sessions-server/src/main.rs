//! `tower-sessions-server PORT`: tower-sessions with its memory store.

mod routes;

#[tokio::main]
async fn main() {
    let (port, _) = site::arguments();
    site::serve(routes::with_sessions(tower_sessions::MemoryStore::default()), port).await;
}
