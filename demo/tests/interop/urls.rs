//! One `DATABASE_URL` starts both sites, also where it asks for more than a host: TLS, a Unix socket, a schema, an
//! option file.

use std::fs;
use std::sync::Arc;

use test_servers::{MariaDb, PostgreSql};

use crate::sharing::each_changes_what_the_other_wrote_and_leaves_the_rest;
use crate::support::django::Version::Django52;
use crate::support::place::{Engine, Place};
use crate::support::sites::Sites;

/// Shares sessions by a URL that is made of the place's own.
fn share(place: Place, url: &str) {
    let place = place.at(url);
    place.migrate();
    let sites = Sites::start(Arc::new(place), &[], &[]);
    each_changes_what_the_other_wrote_and_leaves_the_rest(&sites);
    assert_eq!(sites.place.count(), 2);
}

#[test]
fn postgresql_with_tls() {
    let (Some(place), Some(server)) = (Place::new(Engine::PostgreSql, Django52), PostgreSql::shared()) else { return };
    let url = format!("{}?sslmode=verify-full&sslrootcert={}", place.url(), server.authority().display());
    share(place, &url);
}

#[test]
fn postgresql_by_its_unix_socket() {
    let (Some(place), Some(server)) = (Place::new(Engine::PostgreSql, Django52), PostgreSql::shared()) else { return };
    let (port, folder) = (server.port(), server.folder().display());
    let url = place.url().replace(&format!("127.0.0.1:{port}/"), &format!(":{port}/{folder}/"));
    share(place, &url);
}

#[test]
fn postgresql_with_a_schema_in_the_search_path() {
    let Some(place) = Place::new(Engine::PostgreSql, Django52) else { return };
    place.sql("CREATE SCHEMA shop");
    let url = format!("{}?options=-c%20search_path%3Dshop", place.url());
    let place = place.at(&url);
    place.migrate();
    let sites = Sites::start(Arc::new(place), &[], &[]);
    each_changes_what_the_other_wrote_and_leaves_the_rest(&sites);
    assert_eq!(sites.place.sql("SELECT count(*) FROM shop.django_session"), "2");
    assert_eq!(sites.place.sql("SELECT to_regclass('public.django_session')"), "");
}

#[test]
fn mariadb_by_its_unix_socket() {
    let (Some(place), Some(server)) = (Place::new(Engine::MariaDb, Django52), MariaDb::shared()) else { return };
    let url = format!("{}?unix_socket={}", place.url(), server.socket().display());
    share(place, &url);
}

#[test]
fn mariadb_that_demands_tls_by_an_option_file() {
    let (Some(place), Some(server)) = (Place::new(Engine::MariaDb, Django52), MariaDb::shared()) else { return };
    let file = place.folder.path().join("my.cnf");
    let options = format!("[client]\nssl-ca = {}\nssl-verify-server-cert\n", server.authority().display());
    fs::write(&file, options).unwrap();
    // This user may not come without TLS.
    let url = place.url().replace("//site:", "//tls:");
    let url = format!("{url}?read_default_file={}", file.display());
    share(place, &url);
}
