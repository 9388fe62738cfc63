//! The command line.

mod looking;

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::report::Level;
use looking::{DELETE_HELP, LIST_HELP, SHOW_HELP, STATS_HELP};
pub(crate) use looking::{Delete, List, Show, Stats};

const EXAMPLES: &str = "\
Examples:
  export DATABASE_URL=sqlite:///db.sqlite3
  cloakroom migrate
  cloakroom clearsessions
  cloakroom stats
  cloakroom list --limit 20
  cloakroom delete --user 42 --dry-run
  SECRET_KEY=… cloakroom decode - < stored.txt

Settings have Django's names: DATABASE_URL, SESSION_ENGINE, SECRET_KEY, SECRET_KEY_FALLBACKS (separated by
commas), USE_TZ, TIME_ZONE and so on. They come from a file cloakroom.toml in the current folder (or the one
that CLOAKROOM_CONFIG names), a file .env beside it, the environment, and the options below; the later ones
win, and `cloakroom settings` shows what came from where. Secrets are no options: other users of the machine
could see a command line.

Exit codes: 0 done, 1 not done (the reason is on standard error), 2 wrong usage.";

/// Looks after the sessions that cloakroom and Django share: makes their table, clears the expired ones, lists, counts,
/// shows and ends them.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where the sessions are.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// The database, in place of DATABASE_URL: sqlite:///relative/path, postgres://user@host/name, mysql://user@host/name.
    /// A password is better kept in DATABASE_URL: other users of the machine could see a command line
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The cache, in place of CACHE_URL: redis://host:6379/0, pymemcache://host:11211, filecache:///path,
    /// dbcache://table. A password is better kept in CACHE_URL
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) cache_url: Option<String>,
    /// The engine, in place of SESSION_ENGINE, by Django's dotted name or the short one [default: db]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) engine: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create the session table, its index and Django's record of them, as far as they are missing
    #[command(after_help = MIGRATE_HELP)]
    Migrate(Migrate),
    /// Remove all expired sessions
    #[command(after_help = CLEARSESSIONS_HELP)]
    Clearsessions(Clearsessions),
    /// List the sessions that are stored, a page at a time
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Show what a stored session holds, as JSON
    #[command(after_help = SHOW_HELP)]
    Show(Show),
    /// End sessions: those of the given keys, or all of a user
    #[command(after_help = DELETE_HELP)]
    Delete(Delete),
    /// Count the sessions: how many, how large, ending when
    #[command(after_help = STATS_HELP)]
    Stats(Stats),
    /// Create the tables of the caches that are kept in the database
    #[command(after_help = CREATECACHETABLE_HELP)]
    Createcachetable(Createcachetable),
    /// Show what stored session data or a signed cookie holds, as JSON
    #[command(after_help = DECODE_HELP)]
    Decode(Decode),
    /// Show every setting, its value and where it came from; secrets are masked
    #[command(after_help = SETTINGS_HELP)]
    Settings(SettingsArguments),
    /// Print the key that signs sessions, or that of the login hash, for a service that shall not have SECRET_KEY
    #[command(after_help = DERIVE_KEY_HELP)]
    DeriveKey(DeriveKey),
    /// Check the settings, the database and whether the secret fits the sessions in it
    #[command(after_help = CHECK_HELP)]
    Check(Check),
    /// Compare with a Django site, write its settings for cloakroom, and prove a session both ways
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
}

const MIGRATE_HELP: &str = "\
A missing SQLite file is created, as Django's `manage.py migrate` does; running either of the two again, or
the other one afterwards, is harmless.

Examples:
  cloakroom migrate --database-url sqlite:///db.sqlite3
  cloakroom migrate --sql";

#[derive(Args, Debug)]
pub(crate) struct Migrate {
    /// Print the statements for an empty database and touch nothing
    #[arg(long)]
    pub(crate) sql: bool,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const CLEARSESSIONS_HELP: &str = "\
Expired sessions are never loaded again; this only makes room. A cache does so itself. They go in small batches with
pauses between, so that the site goes on meanwhile. How far it is shows on standard error: a bar on a terminal, a line
every five seconds elsewhere (in JSON with --json). Ctrl-C ends it after the batch it is at; the next run goes on from
there. Run it every day, from cron for example:
  0 4 * * *  $HOME/.cargo/bin/cloakroom clearsessions --database-url sqlite:////srv/site/db.sqlite3

Exit codes: 0 done, as far as --max-rows and --max-time let it; 1 not done; 2 wrong usage; 3 another clean-up of these
sessions is under way; 130 and 143 interrupted by Ctrl-C and by a request to end.";

#[derive(Args, Debug)]
pub(crate) struct Clearsessions {
    /// How many sessions go in one batch at most [default: 1000]. A batch is made smaller until it takes about 10 ms
    #[arg(long, value_name = "ROWS")]
    pub(crate) batch: Option<NonZero<usize>>,
    /// The pause between two batches: 50ms, 1s [default: as long as the batch took]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) pause: Option<Duration>,
    /// Remove no more than so many
    #[arg(long, value_name = "ROWS")]
    pub(crate) max_rows: Option<NonZero<u64>>,
    /// Take no longer: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) max_time: Option<Duration>,
    /// Count what has expired and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Answer in JSON: {"removed": n, "unreadable": n, "expired": n, "end": "complete", "seconds": n, "dry_run": false}
    #[arg(long)]
    pub(crate) json: bool,
}

/// A length of time with its unit.
fn time(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a number and its unit: 50ms, 1.5s, 10m, 2h";
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let number: f64 = text[..digits].parse().map_err(|_| WRONG)?;
    let unit = match &text[digits..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(WRONG),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| WRONG)
}

const CREATECACHETABLE_HELP: &str = "\
As Django's `manage.py createcachetable`: a table and its index for each of the CACHES whose BACKEND is
django.core.cache.backends.db.DatabaseCache, named by its LOCATION, or for the tables that are named here. A
missing SQLite file is created; a table that is there is left alone.

Examples:
  cloakroom createcachetable
  cloakroom createcachetable cache_table --database-url sqlite:///db.sqlite3
  CACHE_URL=dbcache://cache_table cloakroom createcachetable --dry-run";

#[derive(Args, Debug)]
pub(crate) struct Createcachetable {
    /// The tables, in place of those that CACHES names
    #[arg(value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Print the statements and touch nothing, whether the tables are there or not
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Answer in JSON: {\"created\": {TABLE: true or false}}
    #[arg(long)]
    pub(crate) json: bool,
}

const DECODE_HELP: &str = "\
The signature is checked with SECRET_KEY, then with the SECRET_KEY_FALLBACKS. The JSON goes to standard output
exactly as it was stored, one member a line; when it was signed, and which key verified it, to standard error.
Nothing in a cache is signed. What JSON has no words for in a pickle is shown as text (dates, decimals, UUIDs) or
as an array (sets, tuples, bytes); nothing in it is ever run.

Examples:
  sqlite3 db.sqlite3 'SELECT session_data FROM django_session LIMIT 1' | cloakroom decode
  cloakroom decode --json .eJyrVkpUslIy…
  cloakroom decode --cookie - < cookie.txt
  redis-cli get :1:django.contrib.sessions.cacheKEY | cloakroom decode --cache
  cloakroom decode --cache gAWVEgAAAAAAAAB9…";

#[derive(Args, Debug)]
pub(crate) struct Decode {
    /// The stored data, or - for standard input
    #[arg(value_name = "TEXT", default_value = "-", hide_default_value = true)]
    pub(crate) text: String,
    /// The text is a cookie of the signed_cookies engine
    #[arg(long)]
    pub(crate) cookie: bool,
    /// The text is what a cache holds: a pickle, or what django-redis writes, as its bytes (on standard input), in
    /// hexadecimal digits or in base64
    #[arg(long, conflicts_with_all = ["cookie", "unverified"])]
    pub(crate) cache: bool,
    /// Print the JSON on one line, and nothing on standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not check the signature: what is shown may have been written by anybody
    #[arg(long)]
    pub(crate) unverified: bool,
}

const SETTINGS_HELP: &str = "\
The settings are shown even if one of them cannot be used; then the reason is on standard error and the exit code
is 1.

Examples:
  cloakroom settings
  cloakroom settings --json";

#[derive(Args, Debug)]
pub(crate) struct SettingsArguments {
    /// Answer in JSON: {\"NAME\": {\"value\": …, \"source\": {\"kind\": …}}}
    #[arg(long)]
    pub(crate) json: bool,
}

const DERIVE_KEY_HELP: &str = "\
A signature of Django's needs only a hash of the salt and the secret. A service that is given this key as
SESSION_SIGNING_KEY, and not SECRET_KEY, reads and writes the site's sessions; whoever steals it can forge
sessions, but no password-reset link and no other signature of the site. Run this where SECRET_KEY is known.

With --login it is the key of the hash that binds a login to the user's password: a service that checks or makes
logins needs it as SESSION_AUTH_HASH_KEY.

Examples:
  cloakroom derive-key
  cloakroom derive-key --login
  cloakroom derive-key --fallbacks >> second-service/.env
  cloakroom derive-key --salt signed_cookies";

#[derive(Args, Debug)]
pub(crate) struct DeriveKey {
    /// What the key is for: stored (the engines db, cached_db and file), signed_cookies, or the salt itself
    /// [default: SESSION_SALT, which is that of stored unless set]
    #[arg(long, value_name = "SALT")]
    pub(crate) salt: Option<String>,
    /// The key of the login hash in place of one that signs
    #[arg(long, conflicts_with = "salt")]
    pub(crate) login: bool,
    /// Print lines for a .env file, with the keys of SECRET_KEY_FALLBACKS too
    #[arg(long)]
    pub(crate) fallbacks: bool,
    /// Answer in JSON: {\"key\": …}
    #[arg(long)]
    pub(crate) json: bool,
}

const CHECK_HELP: &str = "\
Read are the settings, the database, folder or cache they name, and up to 50 stored sessions: which secret verifies
them, and whether their expiry fits USE_TZ, TIME_ZONE and SESSION_COOKIE_AGE. A cache is only asked whether it answers.
Nothing is written; neither secrets nor session data are shown.

--deploy adds what Django's `manage.py check --deploy` says about sessions (security.W009, W012, W015, W025) and
S11 to S16 of the security checklist.

Exit codes: 0 nothing as bad as --fail-level was found, 1 something was, 2 wrong usage.

Examples:
  cloakroom check
  cloakroom check --json
  cloakroom check --deploy --fail-level warning";

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Also judge the settings for a site that is open to the world
    #[arg(long)]
    pub(crate) deploy: bool,
    /// From which findings on the exit code is 1
    #[arg(long, value_name = "LEVEL", value_enum, ignore_case = true, default_value = "error")]
    pub(crate) fail_level: Level,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const DOCTOR_HELP: &str = "\
Runs the site's `manage.py shell` with the site's own Python and reads SESSION_*, SECRET_KEY and its fallbacks,
USE_TZ, TIME_ZONE, the database and the cache that its sessions use. Secrets travel through a pipe and are never
shown. Then it
  - compares them with cloakroom's own settings, where some are set, and names what differs, the first first;
  - writes cloakroom.toml, readable by its owner alone;
  - proves a throw-away session both ways: made, changed and ended by Django and by cloakroom in turn.

The Python is --python, or .venv or venv beside manage.py, or python3. It runs in the folder of manage.py and in
this environment: variables that the site reads too are the site's.

Exit codes: 0 the two agree, 1 they do not or could not be compared, 2 wrong usage.

Examples:
  cloakroom doctor --django site/manage.py
  cloakroom doctor --django site/manage.py --python /srv/site/env/bin/python --output service/cloakroom.toml
  cloakroom doctor --django site/manage.py --no-proof --json";

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// The Django site's manage.py
    #[arg(long, value_name = "MANAGE_PY")]
    pub(crate) django: PathBuf,
    /// The Python to run it with
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Where to write the settings
    #[arg(long, value_name = "FILE", default_value = "cloakroom.toml")]
    pub(crate) output: PathBuf,
    /// Overwrite that file
    #[arg(long)]
    pub(crate) force: bool,
    /// Make no throw-away sessions: the site's database is left alone
    #[arg(long)]
    pub(crate) no_proof: bool,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}
