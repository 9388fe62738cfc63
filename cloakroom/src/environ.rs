//! Files of variables and values in URLs, read by the rules of the Python package `django-environ`, so that one
//! `.env` serves a Django site and the service beside it.
//!
//! [`Settings::load`](crate::Settings::load) reads such a file; this is for those who want to look into one.
//!
//! Where django-environ answers something that nobody can have meant, cloakroom refuses instead: truth values
//! other than `true`, `on`, `ok`, `y`, `yes`, their opposites and whole numbers; URLs with an unknown scheme, with
//! escapes that are not UTF-8, a host in an SQLite URL. A value that begins with `$` names another variable in
//! both; where that is not set and could not even be a name, as in many a generated secret, django-environ
//! fails and cloakroom takes the value as it stands.
//!
//! ```
//! use cloakroom::environ::DotEnvFile;
//!
//! let file = DotEnvFile::parse("SECRET_KEY='n0t$so#secret(1)'\n# a remark\nDEBUG=off");
//! assert_eq!(file.get("SECRET_KEY"), Some("n0t$so#secret(1)"));
//! ```

pub use crate::settings::environ::{DotEnvFile, DotEnvVariable, OptionValue};
