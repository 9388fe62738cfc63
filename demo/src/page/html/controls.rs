//! The forms.

use super::super::forms::Fields;
use super::escape::escape;

/// All forms. Fields keep what was typed; those of the refused form are marked.
pub(super) fn controls(refused: Option<&str>, typed: &Fields) -> String {
    format!(
        "<div class=\"cards\">\n{}\n{}\n{}\n{}\n{}\n{}\n</div>",
        member(refused, typed),
        update(refused, typed),
        expiry(refused, typed),
        key(),
        small(),
        storage()
    )
}

/// Attributes of a field of a refused form.
fn mark(refused: Option<&str>, actions: &[&str]) -> &'static str {
    if refused.is_some_and(|action| actions.contains(&action)) {
        r#" aria-invalid="true" aria-describedby="problem" autofocus"#
    } else {
        ""
    }
}

fn member(refused: Option<&str>, typed: &Fields) -> String {
    let text = typed.kind == "text";
    let checked = |yes| if yes { " checked" } else { "" };
    format!(
        r##"<section class="card"><h2>Hand in</h2>
<form method="post" action="/do/set">
<label for="name">Name</label>
<input id="name" name="name" value="{name}" placeholder="colour" required autocomplete="off" autocapitalize="off" spellcheck="false">
<label for="value">Value</label>
<textarea id="value" name="value" rows="2" placeholder="&quot;green&quot;" spellcheck="false"{mark}>{value}</textarea>
<fieldset class="inline"><legend class="away">The value is</legend>
<label><input type="radio" name="kind" value="json"{json}> JSON</label>
<label><input type="radio" name="kind" value="text"{plain}> Text</label>
</fieldset>
<div class="buttons"><button class="main">Set</button><button formaction="/do/setdefault">Set if missing <code>setdefault</code></button></div>
</form></section>"##,
        name = escape(&typed.name),
        // A browser passes over the first line break in a text area.
        value = format_args!("\n{}", escape(&typed.value)),
        mark = mark(refused, &["set", "setdefault"]),
        json = checked(!text),
        plain = checked(text),
    )
}

fn update(refused: Option<&str>, typed: &Fields) -> String {
    format!(
        r#"<section class="card"><h2>Several at once</h2>
<form method="post" action="/do/update">
<label for="members">Members, as one JSON object</label>
<textarea id="members" name="members" rows="4" placeholder="{{&quot;hat&quot;: &quot;felt&quot;, &quot;gloves&quot;: 2}}" required spellcheck="false"{mark}>{members}</textarea>
<div class="buttons"><button class="main">Update</button></div>
</form></section>"#,
        members = format_args!("\n{}", escape(&typed.members)),
        mark = mark(refused, &["update"]),
    )
}

fn expiry(refused: Option<&str>, typed: &Fields) -> String {
    format!(
        r#"<section class="card"><h2>Expiry</h2>
<form method="post" action="/do/expire_after">
<label for="seconds">Seconds after the last change</label>
<div class="row"><input id="seconds" name="seconds" value="{seconds}" placeholder="300" inputmode="decimal" required autocomplete="off"{mark_seconds}><button aria-label="Set the seconds">Set</button></div>
</form>
<form method="post" action="/do/expire_at">
<label for="at">At a moment, in ISO 8601</label>
<div class="row"><input id="at" name="at" value="{at}" placeholder="2030-01-17T11:36:34+01:00" required autocomplete="off" spellcheck="false"{mark_at}><button aria-label="Set the moment">Set</button></div>
</form>
<form method="post" action="/do/expire_at_browser_close">
<div class="buttons"><button>When the browser closes</button><button formaction="/do/expire_by_policy">By the global policy</button></div>
</form></section>"#,
        seconds = escape(&typed.seconds),
        at = escape(&typed.at),
        mark_seconds = mark(refused, &["expire_after"]),
        mark_at = mark(refused, &["expire_at"]),
    )
}

fn key() -> &'static str {
    r#"<section class="card"><h2>The ticket</h2>
<form method="post" action="/do/cycle_key">
<dl class="acts">
<div><dt><button>New key</button></dt><dd><code>cycle_key</code> keeps the data; the old key is dead. Done at a login.</dd></div>
<div><dt><button formaction="/do/clear">Clear</button></dt><dd><code>clear</code> removes all members; the key stays.</dd></div>
<div><dt><button class="danger" formaction="/do/flush">Flush</button></dt><dd><code>flush</code> ends the session: data, key and cookie. Done at a logout.</dd></div>
</dl>
</form></section>"#
}

fn small() -> &'static str {
    r#"<section class="card"><h2>Test cookie and visits</h2>
<form method="post" action="/do/set_test_cookie">
<dl class="acts">
<div><dt><button aria-label="Set the test cookie">Set</button></dt><dd><code>set_test_cookie</code>: if your browser brings it back, it worked.</dd></div>
<div><dt><button formaction="/do/delete_test_cookie" aria-label="Delete the test cookie">Delete</button></dt><dd><code>delete_test_cookie</code>, once it has told.</dd></div>
<div><dt><button class="main" formaction="/do/visit">Count a visit</button></dt><dd>Adds 1 to the member <code>visits</code>.</dd></div>
</dl>
</form></section>"#
}

fn storage() -> &'static str {
    r#"<section class="card"><h2>The storage, at once</h2>
<form method="post" action="/do/save">
<dl class="acts">
<div><dt><button>Save now</button></dt><dd><code>asave</code>, without waiting for the request's end.</dd></div>
<div><dt><button formaction="/do/load">Load again</button></dt><dd><code>aload</code> and <code>aexists</code>: is it stored?</dd></div>
<div><dt><button formaction="/do/mark_modified">Mark modified</button></dt><dd><code>set_modified</code>: saved at the request's end.</dd></div>
<div><dt><button formaction="/do/create">Store anew</button></dt><dd><code>acreate</code>: under a new key, beside the old one.</dd></div>
<div><dt><button class="danger" formaction="/do/remove">Remove</button></dt><dd><code>adelete</code> what is stored under this key.</dd></div>
<div><dt><button formaction="/do/clear_expired">Sweep</button></dt><dd><code>clear_expired</code> removes every expired session.</dd></div>
</dl>
</form></section>"#
}
