//! `cloakroom delete`

mod keys;
mod user;

use std::process::ExitCode;

use crate::failure::Failure;
use crate::options::{Delete, Place};
use crate::{database, sessions};

pub(crate) fn run(arguments: &Delete, place: &Place) -> Result<ExitCode, Failure> {
    let settings = if arguments.dry_run { database::settings(place)? } else { database::settings_to_write(place)? };
    match &arguments.user {
        Some(user) => user::run(arguments, user, &sessions::open_to_list(settings)?),
        None => keys::run(arguments, &sessions::open(settings)?),
    }
}
