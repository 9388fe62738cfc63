//! `cloakroom list`

use cloakroom::storage::Cursor;
use cloakroom::{ListedSession, SessionPage, Timestamp};
use serde_json::json;

use crate::failure::Failure;
use crate::numbers::{end_from, grouped, to_the_second};
use crate::options::{List, Place};
use crate::output::print;
use crate::{database, sessions};

pub(crate) fn run(arguments: &List, place: &Place) -> Result<(), Failure> {
    let store = sessions::open_to_list(database::settings(place)?)?;
    let after = arguments.after.as_deref().map(Cursor::new);
    let page = database::wait(store.page(after.as_ref(), arguments.limit.get()))??;
    let now = Timestamp::now();
    if arguments.json {
        return print(&object(&page, arguments.keys, now).to_string());
    }
    if page.sessions.is_empty() {
        eprintln!("cloakroom: no sessions are stored{}", if after.is_some() { " from there on" } else { "" });
        return Ok(());
    }
    print(&table(&page.sessions, arguments.keys, now))?;
    if let Some(next) = &page.next {
        eprintln!("more: --after {}", next.position());
    }
    Ok(())
}

fn object(page: &SessionPage, keys: bool, now: Timestamp) -> serde_json::Value {
    let sessions = page.sessions.iter().map(|listed| {
        let mut session = json!({
            "session": listed.key.short_hash(),
            "bytes": listed.bytes,
            "expires": listed.expires.map(|end| end.to_string()),
            "expired": listed.expires.map(|end| end <= now),
        });
        if keys {
            session["key"] = listed.key.as_str().into();
        }
        session
    });
    let next = page.next.as_ref().map(Cursor::position);
    json!({ "sessions": sessions.collect::<Vec<_>>(), "next": next })
}

fn table(sessions: &[ListedSession], keys: bool, now: Timestamp) -> String {
    let sizes: Vec<_> = sessions.iter().map(|listed| grouped(listed.bytes)).collect();
    let size = sizes.iter().map(String::len).max().unwrap_or_default().max("BYTES".len());
    let longest = sessions.iter().map(|listed| listed.key.as_str().len()).max().unwrap_or_default();
    let key = |text: &str| if keys { format!("{text:longest$}  ") } else { String::new() };
    let mut lines = vec![format!("SESSION   {}{:>size$}  ENDS", key("KEY"), "BYTES")];
    for (listed, bytes) in sessions.iter().zip(&sizes) {
        let end = match listed.expires {
            Some(end) => format!("{}  {}", to_the_second(end), end_from(now, end)),
            None => "unknown".to_owned(),
        };
        lines.push(format!("{}  {}{bytes:>size$}  {end}", listed.key.short_hash(), key(listed.key.as_str())));
    }
    lines.join("\n")
}
