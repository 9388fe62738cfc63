//! Servers whose data is on the small disk.

use std::os::unix::fs::{MetadataExt as _, chown};

use cloakroom::Engine;
use test_servers::{PostgreSql, Redis};

use super::place::{Needs, Place};
use super::small::Disk;
use crate::{postgres, redis};

/// The tables are on the small disk, the log of changes is not: where that is full, PostgreSQL ends itself.
pub async fn postgresql(disk: &Disk) -> Option<Place> {
    let server = tokio::task::spawn_blocking(PostgreSql::start).await.unwrap()?;
    let folder = disk.new_folder("tables");
    let owner = std::fs::metadata(server.folder()).unwrap();
    chown(&folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    server.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", folder.display()));
    let database = server.new_database().name;
    server.psql("postgres", &format!("ALTER DATABASE {database} SET TABLESPACE small"));
    let storage = postgres::options(server.port(), &database).open();
    storage.migrate().await.unwrap();
    let place = Place::new("PostgreSQL", Engine::db(storage), Needs::Room);
    Some(Place { _server: Some(Box::new(server)), ..place })
}

/// What Redis promises with `everysec`: it refuses writes as soon as it knows that the disk is full.
pub async fn redis(disk: &Disk) -> Option<Place> {
    let folder = disk.new_folder("redis");
    let start = {
        let folder = folder.clone();
        move || {
            std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
            let place = format!("dir {}", folder.display());
            Redis::start_with(&["appendonly yes", "appendfsync everysec", &place])
        }
    };
    let server = tokio::task::spawn_blocking(start).await.unwrap()?;
    let storage = redis::options(server.port(), 1).open();
    let place = Place::new("Redis", Engine::cache(storage), Needs::Room);
    Some(Place { _server: Some(Box::new(server)), notices_late: true, ..place })
}
