//! The engines cache and cached_db against golden vectors made by Django: on real Redis and memcached servers, in files
//! and in tables.
#![cfg(all(feature = "redis", feature = "memcached", feature = "file", feature = "sqlite"))]
#![allow(missing_docs, clippy::unwrap_used)]

mod load;
mod ops;
mod place;
mod save;
#[path = "../support/mod.rs"]
mod support;

use place::{Backend, Place};
use serde_json::Value;
use support::{Report, text, vectors};

/// Runs every vector of a backend, each in a place of its own.
async fn run(backend: Backend) {
    if !backend.is_there() {
        return;
    }
    let of_backend =
        |vector: &Value| vector["backend"] == backend.name() && matches!(text(&vector["op"]), "save" | "load" | "ops");
    let vectors: Vec<Value> = vectors("cache").into_iter().filter(of_backend).collect();
    let mut report = Report::default();
    let mut tally = save::Tally::default();
    for vector in &vectors {
        report.begin(vector);
        let place = Place::new(backend, vector).await;
        match text(&vector["op"]) {
            "save" => save::run(&mut report, &mut tally, vector, &place).await,
            "load" => load::run(&mut report, vector, &place).await,
            _ => ops::run(&mut report, vector, &place).await,
        }
    }
    println!("{} of {} values are the same bytes", tally.same_bytes, tally.values);
    report.finish(vectors.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cache_vector_holds_on_redis() {
    run(Backend::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cache_vector_holds_on_redis_as_django_redis_has_it() {
    run(Backend::DjangoRedis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cache_vector_holds_on_memcached() {
    run(Backend::Memcached).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cache_vector_holds_in_files() {
    run(Backend::File).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cache_vector_holds_in_a_table() {
    run(Backend::Db).await;
}
