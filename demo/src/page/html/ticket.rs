//! The ticket: what is known of the session, and the members it holds.

use cloakroom::wire::json;

use super::super::view::{Ends, TestCookie, View};
use super::super::words;
use super::escape::escape;

/// Values beyond this many characters are cut, to keep the page light.
const SHOWN: usize = 2_000;

pub(super) fn ticket(view: &View) -> String {
    let stub = match &view.key_hash {
        Some(hash) => format!(
            r#"<p class="label">Ticket</p><p class="number">{hash}</p><p class="hint">a short hash of the session key</p>"#
        ),
        None => r#"<p class="label">Ticket</p><p class="number none">none yet</p><p class="hint">the first thing you hand in gets you one</p>"#.to_owned(),
    };
    let fact = |class: &str, name: &str, value: &str| format!("<div{class}><dt>{name}</dt><dd>{value}</dd></div>\n");
    let broad = r#" class="broad""#;
    let yes_no = |yes| if yes { "yes" } else { "no" };
    let at_close = view.expiry.as_ref().map_or("unknown", |ends| yes_no(ends.at_browser_close));
    let worked = match view.test_cookie {
        TestCookie::Worked => r#"<span class="good">worked</span>"#,
        TestCookie::NotSet => "not set",
    };
    let rows = [
        fact(broad, "Expires", &expires(view)),
        fact("", "At browser close", at_close),
        fact("", "Test cookie", worked),
        fact(broad, "Cookie", &format!("<code>{}</code>", escape(&view.cookie_name))),
        fact("", "Engine", &format!("<code>{}</code>", view.engine)),
        fact("", "Accessed, modified", &format!("{}, {}", yes_no(view.accessed), yes_no(view.modified))),
    ]
    .concat();
    format!(
        r#"<section class="ticket" aria-label="The session">
<div class="stub">{stub}</div>
<dl class="facts">
{rows}</dl>
</section>"#
    )
}

fn expires(view: &View) -> String {
    let Ends { age, date, custom, .. } = match &view.expiry {
        Ok(ends) => ends,
        Err(problem) => return format!(r#"<span class="bad">{}</span>"#, escape(problem)),
    };
    let (before, after) = if *age < 0.0 { ("ended ", " ago") } else { ("in ", "") };
    let policy = if *custom { "its own" } else { "global policy" };
    // Values from a session: Rust would write a small number with many digits.
    let seconds = json::to_string(age).unwrap_or_default();
    let seconds = seconds.strip_suffix(".0").unwrap_or(&seconds);
    format!(
        r#"{before}{words}{after} <span class="hint">({seconds} s, {policy})</span><br><time datetime="{date}">{when}</time>"#,
        words = words::duration(*age),
        when = words::moment(*date),
    )
}

pub(super) fn members(view: &View) -> String {
    if view.members.is_empty() {
        return r#"<section class="card wide"><h2>Your things</h2><p class="empty">The session holds nothing. Hand something in below.</p></section>"#.to_owned();
    }
    let rows: String = view.members.iter().map(|(name, value)| row(name, value.as_str())).collect();
    format!(
        r#"<section class="card wide"><h2>Your things</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">Name</th><th scope="col">Value, as JSON</th><th scope="col"><span class="away">Controls</span></th></tr></thead>
<tbody>
{rows}</tbody>
</table></div>
</section>"#
    )
}

fn row(name: &str, value: &str) -> String {
    let cut = value.char_indices().nth(SHOWN).map_or(value.len(), |(at, _)| at);
    let rest = match value.len() - cut {
        0 => String::new(),
        more => format!(r#" <span class="hint">… and {more} more characters</span>"#),
    };
    let shown = if name.is_empty() { "<i>no name</i>".to_owned() } else { escape(name) };
    let (value, label, member) = (escape(&value[..cut]), escape(name), escape(&json::escape(name)));
    format!(
        r#"<tr><th scope="row">{shown}</th><td><div><code>{value}</code>{rest}</div></td><td class="controls"><form method="post" action="/do/pop"><input type="hidden" name="member" value="{member}"><button class="quiet" aria-label="Pop {label}">Pop</button><button class="quiet danger" formaction="/do/delete" aria-label="Delete {label}">Delete</button></form></td></tr>
"#
    )
}
