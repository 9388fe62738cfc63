//! The page's HTML.

mod controls;
mod escape;
mod ticket;

use axum::http::StatusCode;

use super::forms::Fields;
use super::view::View;
use escape::escape;

const HANGER: &str = r#"<svg class="hanger" viewBox="0 0 48 32" aria-hidden="true" focusable="false"><path d="M24 13V9.5c3.2-.6 4.6-2.4 4.6-4.6A4.4 4.4 0 0 0 24 .9a4.4 4.4 0 0 0-4.4 4.2M24 13 3.6 25.4c-2.3 1.5-1.4 4.2 1.2 4.2h38.4c2.6 0 3.5-2.7 1.2-4.2Z" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/></svg>"#;

/// The whole page. `problem` is the action that was refused and why; its form shows again what was typed.
pub(super) fn page(view: &View, notice: Option<&str>, problem: Option<(&str, &str)>, typed: &Fields) -> String {
    let message = match (problem, notice) {
        (Some((_, why)), _) => format!(r#"<p class="message problem" id="problem" role="alert">{}</p>"#, escape(why)),
        (None, Some(what)) => format!(r#"<p class="message" role="status">{}</p>"#, escape(what)),
        (None, None) => String::new(),
    };
    let body = format!(
        r#"{message}
{ticket}
{members}
{controls}"#,
        ticket = ticket::ticket(view),
        members = ticket::members(view),
        controls = controls::controls(problem.map(|(action, _)| action), typed),
    );
    document("cloakroom · your session", &body)
}

/// A page that says what went wrong, without a session.
pub(super) fn error(status: StatusCode, what: &str) -> String {
    let reason = status.canonical_reason().unwrap_or("Error");
    let body = format!(
        r#"<section class="card"><h2>{} {reason}</h2><p>{}</p><p><a href="/">Back to the session</a></p></section>"#,
        status.as_u16(),
        escape(what)
    );
    document("cloakroom", &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header class="top">
{HANGER}
<h1>cloakroom</h1>
<p>Your browser holds the ticket; the server keeps your things.</p>
</header>
<main>
{body}
</main>
<footer>
<p>The same as JSON: <a href="/api/session"><code>/api/session</code></a>. Looking at this page creates no session.</p>
</footer>
</body>
</html>
"#
    )
}
