//! Sessions outside requests: a background job, and a command-line tool without async.
//!
//! ```text
//! cargo run -p cloakroom --example worker
//! ```
//!
//! Both need the session's key. A request passes it on with `session.session_key()`, which is `None` until the
//! session was saved once: `session.asave().await?` saves it at once. A key is as good as a password: keep it out
//! of logs, URLs and command lines. `short_hash()` is what may be shown.

use cloakroom::{SessionError, SessionKey, SessionStore, Settings};

/// A job that a request started: it works for a while, then tells the visitor how it went.
async fn make_report(store: SessionStore, key: SessionKey) -> Result<(), SessionError> {
    // The long work stands here. No session is held meanwhile.
    tokio::task::yield_now().await;

    // Loaded now, not before the work. What requests change at the same time survives: a save compares, and adds
    // its own members to what is there.
    let session = store.session(Some(&key));
    session.aset("report", "ready").await?;
    // Outside a request nobody saves for you.
    match session.asave().await {
        // The visitor signed out in the last moment. A session that has ended stays ended.
        Err(SessionError::UpdateError) => {
            eprintln!("session {} has ended, nobody waits for the report", key.short_hash());
            Ok(())
        }
        saved => saved,
    }
}

/// What a support tool does: it looks into a session, changes it, ends it. A [`cloakroom::BlockingSession`] waits
/// for the storage on its own, so this is plain code. Inside a runtime its methods answer an error.
fn support(store: &SessionStore, key: &SessionKey) -> Result<(), SessionError> {
    let session = store.blocking_session(Some(key))?;
    for (name, value) in session.items()? {
        println!("{name} = {}", value.as_str());
    }
    session.set("notice", "Your report is ready.")?;
    session.save()
}

fn sign_out(store: &SessionStore, key: &SessionKey) -> Result<(), SessionError> {
    store.blocking_session(Some(key))?.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A tool that looks into a site's sessions opens the site's own store; the example `sqlite` shows how.
    let store = SessionStore::memory(Settings::new())?;

    let visitor = store.blocking_session(None)?;
    visitor.set("user", "ada")?;
    visitor.save()?;
    let key = visitor.session_key().ok_or("a session that was saved has a key")?;

    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(make_report(store.clone(), key.clone()))?;

    support(&store, &key)?;
    println!("expired sessions removed: {}", runtime.block_on(store.clear_expired())?);
    sign_out(&store, &key)?;
    println!("still there: {}", runtime.block_on(store.exists(&key))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_runs() {
        main().unwrap();
    }

    async fn visitor(store: &SessionStore) -> SessionKey {
        let session = store.session(None);
        session.aset("user", "ada").await.unwrap();
        session.asave().await.unwrap();
        session.session_key().unwrap()
    }

    #[tokio::test]
    async fn the_report_and_what_a_request_changed_both_survive() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let key = visitor(&store).await;
        let request = store.session(Some(&key)).load().await.unwrap();
        request.set("cart", &["teapot"]).unwrap();
        make_report(store.clone(), key.clone()).await.unwrap();
        request.asave().await.unwrap();
        let stored = store.session(Some(&key)).aload().await.unwrap();
        assert!(stored.contains("report") && stored.contains("cart") && stored.contains("user"));
    }

    #[tokio::test]
    async fn a_job_does_not_bring_an_ended_session_back() {
        let store = SessionStore::memory(Settings::new()).unwrap();
        let key = visitor(&store).await;
        store.delete(&key).await.unwrap();
        make_report(store.clone(), key.clone()).await.unwrap();
        assert!(!store.exists(&key).await.unwrap());
    }
}
