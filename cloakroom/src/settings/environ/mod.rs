//! Files and values by django-environ's rules, so that one `.env` serves a Django site and a Rust one.

mod cast;
mod dotenv;
mod literal;
mod options;
mod proxy;
mod query;
mod url;

pub(crate) use cast::{boolean, list, number};
pub use dotenv::{DotEnvFile, DotEnvVariable};
pub use literal::OptionValue;
pub(crate) use literal::{digits, literal};
pub(crate) use options::{Options, Shown, find, put, without_password};
pub(crate) use proxy::{Proxied, resolve};
pub(crate) use query::{parse_query, unquote, unquote_plus};
pub(crate) use url::Url;
