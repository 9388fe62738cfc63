//! Those that look into the sessions and end them.

use std::num::NonZero;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

pub(super) const LIST_HELP: &str = "\
A session is shown by the first eight digits of its key's SHA-256, as in a log line: the key itself is as good as a
password, and shown with --keys only. Live and expired sessions are listed, of cached_db those in the database, in the
order of their keys (on Redis in its own). Where the next page begins is on standard error, or \"next\" in JSON; that
holds good in a later run. memcached, a Redis Cluster and Django's file-based cache cannot list what they hold.

Examples:
  cloakroom list
  cloakroom list --limit 1000 --after 3f
  cloakroom list --keys --json | jq -r '.sessions[] | select(.expired) | .key' | cloakroom delete -";

#[derive(Args, Debug)]
pub(crate) struct List {
    /// How many sessions at most; on Redis, about
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    pub(crate) limit: NonZero<usize>,
    /// Begin where an earlier page ended
    #[arg(long, value_name = "POSITION")]
    pub(crate) after: Option<String>,
    /// Show the session keys: whoever sees one can act as the visitor
    #[arg(long)]
    pub(crate) keys: bool,
    /// Answer in JSON: {"sessions": [{"session": …, "bytes": n, "expires": …, "expired": false}], "next": …}
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const SHOW_HELP: &str = "\
The members go to standard output as they are stored, one a line; size, end and which secret verified the session to
standard error. What no secret verifies is not shown. Of cached_db it is what the database holds.

Masked are the members by which somebody could act as the visitor: _auth_…, _csrftoken and _password_reset_token.

Other users of the machine can see a command line: give the key on standard input there.

Examples:
  cloakroom show - < key.txt
  cloakroom show --json abcdefgh01234567abcdefgh01234567";

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The session key, or - for standard input
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// Show the masked members too
    #[arg(long)]
    pub(crate) unmasked: bool,
    /// Answer in JSON, on one line: {"session": …, "bytes": n, "expires": …, "data": {…}} and more
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const DELETE_HELP: &str = "\
With keys: ends these sessions, also in the cache in front of the database. A key that names no session is told by its
short form, and the others are ended all the same.

With --user: ends every session in which that user is logged in, after a stolen password for example. Whose a session is
stands in its data alone, so all sessions are read, a page at a time. A login that is made meanwhile may be missed: lock
the account or change its password first. Sessions that no known secret verifies are left, and counted. Ctrl-C ends it
between two sessions; what was ended stays ended. Where sessions cannot be listed (memcached, a Redis Cluster, Django's
file-based cache, signed cookies) nothing is done.

Other users of the machine can see a command line: give the keys on standard input there, one a line.

Exit codes: 0 done; 1 not done, or not for all: a key that names no session, a session that nobody can read; 2 wrong
usage; 130 and 143 interrupted by Ctrl-C and by a request to end.

Examples:
  cloakroom delete - < keys.txt
  cloakroom delete --user 42 --dry-run
  cloakroom delete --user 42";

#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// The session keys, or - for those on standard input
    #[arg(value_name = "KEY", required_unless_present = "user", conflicts_with = "user")]
    pub(crate) keys: Vec<String>,
    /// All sessions of the user with this primary key
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) user: Option<String>,
    /// Count the user's sessions and end none
    #[arg(long, conflicts_with = "keys")]
    pub(crate) dry_run: bool,
    /// Answer in JSON: {"ended": n, "end": "complete", …}
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const STATS_HELP: &str = "\
Session keys are random, so the first 10,000 in their order are a fair sample, and how far they reach tells how many
there are: the answer takes a moment however many, and is off by 2 %, in one case of twenty more. All are counted where
there are few, where they are not in the order of their keys (Redis), where the keys are not random, and with --exact,
which shows how far it is and can be ended by Ctrl-C.

Exit codes: 0 done, 1 not done, 2 wrong usage, 130 and 143 interrupted: counted is what was looked at by then.

Examples:
  cloakroom stats
  cloakroom stats --exact --json";

#[derive(Args, Debug)]
pub(crate) struct Stats {
    /// Count all sessions
    #[arg(long, conflicts_with = "sample")]
    pub(crate) exact: bool,
    /// How many sessions an estimate is made of [default: 10000]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sample: Option<NonZero<usize>>,
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
}
