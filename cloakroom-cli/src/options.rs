//! The command line.

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  export DATABASE_URL=sqlite:///db.sqlite3
  cloakroom migrate
  cloakroom clearsessions
  SECRET_KEY=… cloakroom decode - < stored.txt

Settings come from the environment, under Django's names: DATABASE_URL, SESSION_ENGINE, SECRET_KEY,
SECRET_KEY_FALLBACKS (separated by commas), USE_TZ, TIME_ZONE. Secrets are read from there only: other
users of the machine could see a command line.

Exit codes: 0 done, 1 not done (the reason is on standard error), 2 wrong usage.";

/// Looks after the sessions that cloakroom and Django share: makes their table, clears the expired ones, and
/// shows what stored data holds.
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
    /// The database: sqlite:///relative/path or sqlite:////absolute/path
    // The URL of a database may hold a password: help must not show what the environment says.
    #[arg(long, global = true, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// The engine, by Django's dotted name or the short one [default: db]
    #[arg(long, global = true, value_name = "NAME", env = "SESSION_ENGINE", hide_env_values = true)]
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
    /// Show what stored session data or a signed cookie holds, as JSON
    #[command(after_help = DECODE_HELP)]
    Decode(Decode),
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
Expired sessions are never loaded again; this only makes room. Run it every day, from cron for example:
  0 4 * * *  cloakroom clearsessions --database-url sqlite:////srv/site/db.sqlite3";

#[derive(Args, Debug)]
pub(crate) struct Clearsessions {
    /// Answer in JSON: {"removed": n}
    #[arg(long)]
    pub(crate) json: bool,
}

const DECODE_HELP: &str = "\
The signature is checked with SECRET_KEY, then with the SECRET_KEY_FALLBACKS. The JSON goes to standard output
exactly as it was stored, one member a line; when it was signed, and which key verified it, to standard error.

Examples:
  sqlite3 db.sqlite3 'SELECT session_data FROM django_session LIMIT 1' | cloakroom decode
  cloakroom decode --json .eJyrVkpUslIy…
  cloakroom decode --cookie - < cookie.txt";

#[derive(Args, Debug)]
pub(crate) struct Decode {
    /// The stored data, or - for standard input
    #[arg(value_name = "TEXT", default_value = "-", hide_default_value = true)]
    pub(crate) text: String,
    /// The text is a cookie of the signed_cookies engine
    #[arg(long)]
    pub(crate) cookie: bool,
    /// Print the JSON on one line, and nothing on standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Do not check the signature: what is shown may have been written by anybody
    #[arg(long)]
    pub(crate) unverified: bool,
}
