//! One `DATABASE_URL` or `CACHE_URL` starts both sites, also where it asks for more than a host: TLS, a Unix socket, a
//! schema, an option file, several servers, another serializer.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use test_servers::{MariaDb, Memcached, PostgreSql, Redis};

use crate::life::a_flush_on_one_side_ends_the_session_on_the_other;
use crate::sharing::each_changes_what_the_other_wrote_and_leaves_the_rest;
use crate::support::django::Version::Django52;
use crate::support::place::{Engine, Place};
use crate::support::sites::{OnDjango, OnRust, Sites};

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

/// Shares sessions in a cache by a URL, which is made of the place's own.
fn share_in_a_cache(engine: Engine, url: impl FnOnce(&str) -> String) {
    let Some(place) = Place::new(engine, Django52) else { return };
    let place = place.with_cache_at(url);
    let sites = Sites::start(Arc::new(place), &[], &[]);
    each_changes_what_the_other_wrote_and_leaves_the_rest(&sites);
    a_flush_on_one_side_ends_the_session_on_the_other(&sites);
}

#[test]
fn redis_with_tls() {
    let Some(server) = Redis::shared() else { return };
    let url = format!("{}?ssl_ca_certs={}", server.tls_url(server.new_database()), server.authority().display());
    share_in_a_cache(Engine::Redis, |_| url);
}

#[test]
fn redis_by_its_unix_socket() {
    let Some(server) = Redis::shared() else { return };
    let database = server.new_database();
    let url = server.socket_url(database).replace("unix://", "redis://");
    share_in_a_cache(Engine::Redis, |_| url);
    assert_ne!(server.command(database, &["DBSIZE"]), "0");
}

#[test]
fn django_redis_with_its_json_serializer_and_its_compressor() {
    const JSON: &str = "serializer=django_redis.serializers.json.JSONSerializer";
    const ZLIB: &str = "compressor=django_redis.compressors.zlib.ZlibCompressor";
    for query in [JSON.to_owned(), ZLIB.to_owned(), format!("{JSON}&{ZLIB}"), "key_prefix=shop&version=3".to_owned()] {
        share_in_a_cache(Engine::DjangoRedis, |url| format!("{url}?{query}"));
    }
}

#[test]
fn memcached_by_its_unix_socket() {
    let Some(server) = Memcached::start_on_socket() else { return };
    share_in_a_cache(Engine::Memcached, |_| server.location().replace("unix:", "pymemcache://"));
}

/// Each key has its server, and both sites look for it there.
#[test]
fn several_memcached_servers() {
    let servers: Vec<_> = std::iter::repeat_with(Memcached::start).take(3).flatten().collect();
    let places: Vec<_> = servers.iter().map(Memcached::location).collect();
    if places.is_empty() {
        return;
    }
    let Some(place) = Place::new(Engine::Memcached, Django52) else { return };
    let place = place.with_cache_at(|_| format!("pymemcache://{}", places.join(",")));
    let sites = Sites::start(Arc::new(place), &[], &[]);
    let mut visitor = sites.visitor();
    let mut used = HashSet::new();
    for _ in 0..24 {
        visitor.browser.cookies.clear();
        visitor.send(OnDjango, "PUT", "/api/session/a", "1");
        visitor.send(OnRust, "PUT", "/api/session/b", "2");
        assert_eq!(visitor.data(OnDjango), r#"{"a":1,"b":2}"#);
        let key = format!(":1:django.contrib.sessions.cache{}", visitor.key());
        let holders: Vec<_> = (0..servers.len()).filter(|at| servers[*at].get(&key).is_some()).collect();
        assert_eq!(holders.len(), 1);
        used.extend(holders);
    }
    assert_eq!(used.len(), servers.len());
}
