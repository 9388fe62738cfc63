//! What a memcached says, or what says it is one: read or an error, in no more memory than was sent.

use std::time::Duration;

use cloakroom::Timestamp;
use cloakroom::storage::memcached::MemcachedOptions;
use cloakroom::storage::{Expect, New, Storage};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

use super::support::block_on;

/// What a memcached answers to the questions that a connection begins with.
const GREETING: &[u8] =
    b"STAT pid 7\r\nSTAT uptime 9\r\nSTAT time 1831700317\r\nEND\r\nSTAT item_size_max 1048576\r\nEND\r\n";

/// An even first byte: the server begins as a good one does.
pub fn check(data: &[u8]) {
    let Some((&how, reply)) = data.split_first() else { return };
    let reply = if how.is_multiple_of(2) { [GREETING, reply].concat() } else { reply.to_vec() };
    thread_local! {
        static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
    }
    let path = FOLDER.with(|folder| folder.path().join("memcached.sock"));
    let _ = std::fs::remove_file(&path);
    block_on(async {
        let listener = UnixListener::bind(&path).expect("a socket");
        let options = MemcachedOptions::new([format!("unix:{}", path.display())]).expect("an address");
        let storage = options.timeout(Duration::from_secs(20)).open();
        let server = tokio::spawn(async move {
            // Still open for what is sent to it: what is asked need not be read.
            let mut streams = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // All at once, and then the end.
                let _ = stream.write_all(&reply).await;
                let _ = stream.shutdown().await;
                streams.push(stream);
            }
        });
        visit(&storage, how / 2 % 4).await;
        server.abort();
        let _ = server.await;
    });
}

async fn visit(storage: &impl Storage, operation: u8) {
    let new = New::of(b"value", Timestamp::MAX);
    match operation {
        0 => drop(storage.read("name").await),
        1 => drop(storage.insert("name", new).await),
        2 => drop(storage.replace("name", Expect::Present, new).await),
        _ => drop(storage.remove("name", Expect::Present).await),
    }
}
