//! What the settings say, and what is done where they say nothing.

use cloakroom::{EngineName, Settings};

use crate::failure::Failure;
use crate::secret::{self, SecretFile};

const DEFAULT_ADDRESS: &str = "127.0.0.1:8000";
const SECRET_FILE: &str = "cloakroom-demo.secret";
/// Cookies do not know ports: under Django's usual name the demo would end the session of another site that
/// is being developed on this host.
const COOKIE_NAME: &str = "cloakroom_demo_sessionid";

/// The demo's configuration.
pub(crate) struct Config {
    pub(crate) address: String,
    /// Whether the routes are there that only tests need.
    pub(crate) test_routes: bool,
    /// Whether there is a Django site whose users are to be known.
    pub(crate) users: bool,
    pub(crate) settings: Settings,
    /// Nothing was named that another site may share: what the demo keeps is its own.
    pub(crate) own: bool,
    pub(crate) secret_file: Option<SecretFile>,
}

impl Config {
    pub(crate) fn from_environment() -> Result<Self, Failure> {
        let mut settings = Settings::new().time_zone("UTC").with_all_sources()?;
        let named: &[&str] = match settings.engine_name() {
            EngineName::File => &["SESSION_FILE_PATH"],
            EngineName::Cache => &["CACHE_URL", "SESSION_CACHE_ALIAS"],
            EngineName::SignedCookies | EngineName::Memory => &[],
            _ => &["DATABASE_URL", "SESSION_DATABASE_ALIAS"],
        };
        let own = !named.iter().any(|name| settings.is_set(name));
        if own && !settings.is_set("SESSION_COOKIE_NAME") {
            settings = settings.session_cookie_name(COOKIE_NAME);
        }
        settings.validate()?;
        let has_secret =
            ["SECRET_KEY", "SECRET_KEY_B64", "SESSION_SIGNING_KEY"].iter().any(|name| settings.is_set(name));
        // A secret made up for what others share would make all their sessions unreadable.
        let own_secret = own && signs(settings.engine_name()) && !has_secret;
        let secret_file = if own_secret { Some(secret::read_or_make(SECRET_FILE.as_ref())?) } else { None };
        if let Some(file) = &secret_file {
            settings = settings.secret_key(file.secret());
        }
        Ok(Self {
            address: std::env::var("DEMO_ADDR").unwrap_or_else(|_| DEFAULT_ADDRESS.to_owned()),
            test_routes: std::env::var("DEMO_TEST_ROUTES").is_ok_and(|value| value == "1"),
            users: std::env::var("DEMO_USERS").is_ok_and(|value| value == "1"),
            settings,
            own,
            secret_file,
        })
    }
}

/// Whether the engine signs what it keeps, and so needs a secret.
pub(crate) fn signs(engine: EngineName) -> bool {
    !matches!(engine, EngineName::Memory | EngineName::Cache)
}
