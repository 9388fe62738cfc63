//! The demo site: one page that shows a visitor's session with everything it can do, and a JSON interface
//! beside it.
#![forbid(unsafe_code)]

mod api;
mod app;
mod config;
mod csrf;
mod failure;
mod headers;
mod page;
mod place;
mod private;
mod secret;
mod serve;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use config::Config;
use failure::Failure;

const USAGE: &str = "\
cloakroom-demo: the demo site of cloakroom

Usage: cloakroom-demo [--help | --version]

Settings are environment variables, or stand in a file .env or cloakroom.toml in this folder:
  DEMO_ADDR             address and port [default: 127.0.0.1:8000]; port 0 takes a free one
  SESSION_ENGINE        db, cache, cached_db, file, signed_cookies or memory [default: db]
  DATABASE_URL          for db and cached_db, perhaps a Django site's: sqlite:///relative/path, postgres://user:password@host/name
                        or mysql://… [default: an SQLite file of the demo's own in this folder]
  CACHE_URL             for cache and cached_db, perhaps a Django site's: redis://:password@host:6379/0,
                        pymemcache://host:11211, filecache:///path … [default: the memory of this process]
  REDIS_BACKEND         for a cache on Redis: django_redis.cache.RedisCache beside a site with django-redis
  SESSION_FILE_PATH     for file, perhaps a Django site's [default: the folder of temporary files]
  DEMO_USERS            1: GET /api/user and POST /api/logout, for who is logged in on the Django site of
                        DATABASE_URL; AUTH_USER_TABLE and its like where that is not auth_user
  SECRET_KEY            the Django site's [default where nothing is shared: one of its own, kept in a file]
  SESSION_SIGNING_KEY   in its place: what `cloakroom derive-key` prints where SECRET_KEY is known
  SESSION_AUTH_HASH_KEY and for DEMO_USERS: what `cloakroom derive-key --login` prints there
  SECRET_KEY_FALLBACKS  further secrets that are accepted, separated by commas
  SESSION_COOKIE_NAME and the other SESSION_… settings, USE_TZ, TIME_ZONE: as in Django
  RUST_LOG              what is logged [default: warn]; cloakroom=debug: each operation of a session, and how long it took";

/// 0: done. 1: the site could not be started. 2: wrong usage.
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => {}
        [only] if only == "--help" || only == "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [only] if only == "--version" || only == "-V" => {
            println!("cloakroom-demo {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("cloakroom-demo: the demo site takes no arguments\n\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .with_span_events(FmtSpan::CLOSE)
        .init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cloakroom-demo: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> Result<(), Failure> {
    let config = Config::from_environment()?;
    let (store, about) = place::open(&config).await?;
    let users = place::users(&config)?;
    let listener = serve::bind(&config.address).await?;
    println!("{about}");
    serve::run(listener, app::router(store, users, config.test_routes)).await
}
