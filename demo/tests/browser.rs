//! The page in a real browser, with JavaScript and without: it has none, and must not need any.
#![cfg(unix)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use support::Demo;
use support::webdriver::{Chromium, keep};

/// The demo, and a browser that has opened it.
fn visit(javascript: bool) -> Option<(Demo, Chromium)> {
    let chromium = Chromium::start(javascript)?;
    let demo = Demo::start(&[]);
    chromium.open(&home(&demo));
    Some((demo, chromium))
}

fn home(demo: &Demo) -> String {
    format!("http://{}/", demo.address)
}

fn hand_in(chromium: &Chromium, name: &str, value: &str) {
    chromium.fill("#name", name);
    chromium.fill("#value", value);
    chromium.follow("[action='/do/set'] button.main");
}

/// The only cookie.
fn cookie(chromium: &Chromium) -> Value {
    let cookies = chromium.cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    cookies[0].clone()
}

/// In how many seconds the cookie ends; `None` for one that ends with the browser.
fn cookie_age(chromium: &Chromium) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    cookie(chromium)["expiry"].as_u64().map(|expiry| expiry.saturating_sub(now))
}

fn about(age: Option<u64>, expected: u64) -> bool {
    age.is_some_and(|age| age <= expected && age + 120 > expected)
}

fn a_session_from_first_to_last(javascript: bool) {
    let Some((demo, chromium)) = visit(javascript) else { return };
    assert_eq!(chromium.text(".number"), "none yet");
    assert!(chromium.cookies().is_empty(), "looking makes no session");

    hand_in(&chromium, "colour", r#"{"of": ["the", "hät"]}"#);
    assert_eq!(chromium.text(".message"), "The member was set.");
    let kept = cookie(&chromium);
    let key = kept["value"].as_str().expect("text").to_owned();
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{kept}");
    assert_eq!((&kept["name"], &kept["path"]), (&"cloakroom_demo_sessionid".into(), &"/".into()));
    assert_eq!((&kept["httpOnly"], &kept["sameSite"]), (&true.into(), &"Lax".into()), "{kept}");
    assert_eq!((&kept["domain"], &kept["secure"]), (&"127.0.0.1".into(), &false.into()), "{kept}");
    assert!(about(cookie_age(&chromium), 1_209_600), "{kept}");
    assert_eq!(chromium.run("return document.cookie"), "", "no script can read it");
    assert!(!chromium.source().contains(&key));

    let held = |chromium: &Chromium| {
        let value: Value = serde_json::from_str(&chromium.text("tbody code")).expect("JSON");
        (chromium.text("tbody th"), value)
    };
    let expected = ("colour".to_owned(), json!({"of": ["the", "hät"]}));
    chromium.reload();
    assert_eq!(held(&chromium), expected);
    chromium.open(&home(&demo));
    assert_eq!(held(&chromium), expected);
    assert!(chromium.find_all(".message").is_empty());
    assert_eq!(cookie(&chromium)["value"], key.as_str());

    chromium.fill("#seconds", "300");
    chromium.follow("[action='/do/expire_after'] button");
    let expires = chromium.text(".facts dd");
    assert!(expires.starts_with("in 5 minutes (300 s, its own)"), "{expires}");
    assert!(about(cookie_age(&chromium), 300));
    chromium.follow("[action='/do/expire_at_browser_close'] button");
    assert_eq!(cookie_age(&chromium), None);
    chromium.follow("[formaction='/do/expire_by_policy']");
    assert!(about(cookie_age(&chromium), 1_209_600));

    let ticket = chromium.text(".number");
    chromium.follow("[action='/do/cycle_key'] dt button");
    assert_ne!(chromium.text(".number"), ticket);
    assert_ne!(cookie(&chromium)["value"], key.as_str());
    assert_eq!(held(&chromium), expected);

    chromium.follow("[formaction='/do/flush']");
    assert_eq!(chromium.text(".number"), "none yet");
    assert!(chromium.text(".empty").contains("holds nothing"));
    assert!(chromium.cookies().is_empty());
}

#[test]
fn a_session_with_javascript() {
    a_session_from_first_to_last(true);
}

#[test]
fn a_session_without_javascript() {
    a_session_from_first_to_last(false);
}

#[test]
fn a_session_ends_by_itself() {
    for javascript in [true, false] {
        let Some((demo, chromium)) = visit(javascript) else { return };
        hand_in(&chromium, "colour", "1");
        chromium.fill("#seconds", "2");
        let begun = Instant::now();
        chromium.follow("[action='/do/expire_after'] button");
        while chromium.text(".number") != "none yet" {
            assert!(begun.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(200));
            chromium.open(&home(&demo));
        }
        assert!(begun.elapsed() >= Duration::from_secs(1), "too early");
        assert!(chromium.cookies().is_empty() && !chromium.find_all(".empty").is_empty());
    }
}

#[test]
fn a_refused_form_keeps_what_was_typed() {
    for javascript in [true, false] {
        let Some((_demo, chromium)) = visit(javascript) else { return };
        let typed = "\n  gr</textarea>een & \"blue\"";
        hand_in(&chromium, "co<lo\"ur", typed);
        let alert = chromium.find("[role=alert]");
        assert!(alert.text().starts_with("This cannot be read as JSON"), "{}", alert.text());
        let field = chromium.find("#value");
        assert_eq!((chromium.find("#name").value().as_str(), field.value().as_str()), ("co<lo\"ur", typed));
        assert!(field == chromium.active(), "the field to mend has the keyboard");
        assert_eq!(
            (field.attribute("aria-invalid"), field.attribute("aria-describedby")),
            ("true".into(), alert.attribute("id"))
        );
        assert!(chromium.cookies().is_empty(), "nothing was stored");

        chromium.find("[name=kind][value=text]").click();
        chromium.follow("[action='/do/set'] button.main");
        assert_eq!(chromium.text("tbody th"), "co<lo\"ur");
        let stored: String = serde_json::from_str(&chromium.text("tbody code")).expect("JSON");
        assert_eq!(stored, typed.replace('\n', "\r\n"));

        chromium.fill("#seconds", "soon");
        chromium.follow("[action='/do/expire_after'] button");
        assert_eq!(chromium.find("#seconds").value(), "soon");
        assert_eq!(chromium.text("tbody th"), "co<lo\"ur");
    }
}

/// Another site: one page with a form that would end the visitor's session. Answers its port.
fn other_site(demo: &Demo) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let page = format!(r#"<form method="post" action="{}do/flush"><button>You won</button></form>"#, home(demo));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // It ends with the tests.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A browser also opens connections that it may need later: they must not be waited for.
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                if lines.by_ref().any(|line| line.is_ok_and(|line| line.is_empty())) {
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    port
}

#[test]
fn a_form_of_another_site_is_refused() {
    for javascript in [true, false] {
        let Some((demo, chromium)) = visit(javascript) else { return };
        hand_in(&chromium, "colour", "1");
        let before = cookie(&chromium);
        let port = other_site(&demo);
        // The first is another site. The second is the same one, because ports do not count: the browser sends
        // the cookie with it.
        for host in ["localhost", "127.0.0.1"] {
            chromium.open(&format!("http://{host}:{port}/"));
            chromium.follow("button");
            assert_eq!(chromium.text("h2"), "403 Forbidden", "{host}");
            assert!(chromium.text("main").contains("came from another site"));
            chromium.follow("main a");
            assert_eq!(chromium.text("tbody th"), "colour", "{host}");
            assert_eq!(cookie(&chromium), before);
        }
    }
}

#[test]
fn everything_has_a_name_and_shows_the_focus() {
    let Some((_demo, chromium)) = visit(true) else { return };
    hand_in(&chromium, "colour", "1");
    assert_eq!(chromium.find("html").attribute("lang"), "en");
    let mut names = Vec::new();
    for control in chromium.find_all("a, button, input:not([type=hidden]), textarea") {
        let (name, source) = (control.label(), control.attribute("outerHTML"));
        assert!(!name.trim().is_empty(), "{source}");
        assert!(!names.contains(&name), "two are called {name:?}");
        names.push(name);
    }

    // With the keyboard through the whole page. Of the radio buttons only the chosen one is on the way.
    let mut reached = Vec::new();
    chromium.run("document.activeElement.blur()");
    for _ in 0..names.len() - 1 {
        chromium.active().press("\u{e004}");
        let active = chromium.active();
        let name = active.label();
        assert!(names.contains(&name) && !reached.contains(&name), "{name:?} after {reached:?}");
        assert_ne!(active.style("outline-style"), "none", "{name}");
        assert_ne!(active.style("outline-width"), "0px", "{name}");
        reached.push(name);
    }
}

/// What the text on the page has of contrast with what is behind it, where that is less than WCAG 2 asks for.
const WEAK_CONTRAST: &str = r#"
    const numbers = colour => colour.match(/[\d.]+/g).map(Number);
    const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const behind = element => {
        const colour = numbers(getComputedStyle(element).backgroundColor);
        return colour.length === 3 || !element.parentElement ? colour : behind(element.parentElement);
    };
    const weak = [];
    const check = (element, what, style, needed) => {
        const [text, ground] = [numbers(style.color), numbers(`${behind(element)}`)];
        let shown = (text[3] ?? 1) * Number(style.opacity);
        for (let at = element; at; at = at.parentElement) shown *= Number(getComputedStyle(at).opacity);
        const mixed = [0, 1, 2].map(at => text[at] * shown + ground[at] * (1 - shown));
        const found = ratio(luminance(mixed), luminance(ground));
        if (found < needed) weak.push(`${what} ${found.toFixed(2)}`);
    };
    for (const element of document.querySelectorAll("body *")) {
        const style = getComputedStyle(element);
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        const what = `${element.localName}.${element.className} ${element.textContent.slice(0, 20)}`;
        if (own) check(element, what, style, 4.5);
        if (element.placeholder) check(element, `placeholder of ${what}`, getComputedStyle(element, "::placeholder"), 4.5);
        if (element.matches("input:not([type=hidden], [type=radio]), textarea")) {
            check(element.parentElement, `border of ${element.id}`, {color: style.borderTopColor, opacity: 1}, 3);
        }
    }
    return weak.join("\n");
"#;

#[test]
fn text_stands_out_by_day_and_by_night() {
    let Some((_demo, chromium)) = visit(true) else { return };
    chromium.follow("[action='/do/set_test_cookie'] button");
    hand_in(&chromium, "colour", "wrong");
    for scheme in ["light", "dark"] {
        chromium.prefer(scheme);
        assert_eq!(chromium.run(WEAK_CONTRAST), "", "{scheme}");
    }
}

#[test]
fn a_picture_of_the_page() {
    let Some((demo, chromium)) = visit(true) else { return };
    let members = r#"{"name": "Ada", "cart": [{"item": "umbrella", "count": 1}, {"item": "hat", "count": 2}],
        "total": 12.50, "note": "<b>not bold</b> & \"quoted\""}"#;
    chromium.fill("#members", members);
    chromium.follow("[action='/do/update'] button");
    chromium.follow("[formaction='/do/visit']");
    chromium.follow("[action='/do/set_test_cookie'] button");
    chromium.open(&home(&demo));
    // The window is higher than what it shows of a page.
    let frame = chromium.run("return outerHeight - innerHeight").as_u64().expect("a number");
    let page = chromium.run("return document.documentElement.scrollHeight").as_u64().expect("a number");
    chromium.resize(1200, page + frame);
    let page =
        chromium.run("return Math.ceil(document.body.getBoundingClientRect().height)").as_u64().expect("a number");
    chromium.resize(1200, page + frame);
    let wide = chromium.run("return document.documentElement.scrollWidth").as_u64().expect("a number");
    assert_eq!(wide, 1200, "nothing to scroll sideways");
    let picture = chromium.screenshot();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    let size = |at: usize| u64::from(u32::from_be_bytes(picture[at..at + 4].try_into().expect("four bytes")));
    assert_eq!((size(16), size(20)), (1200, page));
    keep(&picture);
}
