//! `cloakroom doctor`

mod address;
mod compare;
mod compare_cache;
mod proof;
mod python;
mod site;
mod site_cache;
mod toml;

use std::path::Path;
use std::process::ExitCode;

use cloakroom::Settings;

use crate::database;
use crate::failure::Failure;
use crate::options::{Doctor, Place};
use crate::output::print;
use crate::report::{Level, Report};
use python::Django;
use site::Site;
use toml::Written;

pub(crate) fn run(arguments: &Doctor, place: &Place) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    let mut first = None;
    match Django::start(arguments).and_then(|mut django| Ok((django.settings::<Site>()?, django))) {
        Ok((site, mut django)) => {
            report.ok("django", format!("Django {}, sessions by {}", site.version, site.engine()));
            first = examine(&mut report, arguments, place, &site, &mut django)?;
        }
        Err(failure) => report.failure("django", failure),
    }
    if arguments.json {
        let mut answer = report.json();
        answer["first_difference"] = first.into();
        print(&answer.to_string())?;
    } else {
        report.print(false)?;
    }
    Ok(report.exit_code(Level::Error))
}

/// Compares, writes and proves; answers the name of the first setting that differs.
fn examine(
    report: &mut Report,
    arguments: &Doctor,
    place: &Place,
    site: &Site,
    django: &mut Django,
) -> Result<Option<&'static str>, Failure> {
    let obstacles = site.obstacles();
    for obstacle in &obstacles {
        report.error(obstacle.id, &*obstacle.message, obstacle.remedy);
    }
    // Before the new file can be among the sources.
    let own = database::settings(place);
    let kept = write(report, site, &arguments.output, arguments.force);
    let Some((settings, is_own)) = under_test(report, own, kept, place, site) else { return Ok(None) };
    let first = if is_own { compare(report, site, &settings) } else { None };
    if arguments.no_proof {
        report.ok("proof", "left out, as asked");
    } else if obstacles.is_empty() {
        proof::prove(report, django, site, &settings)?;
    } else {
        report.warning("proof", "left out: it could not succeed", "mend the errors above first");
    }
    Ok(first)
}

/// The settings that cloakroom will run with, and whether any of them are its own and not the site's.
fn under_test(
    report: &mut Report,
    own: Result<Settings, Failure>,
    kept: bool,
    place: &Place,
    site: &Site,
) -> Option<(Settings, bool)> {
    let base = match site.settings() {
        Ok(base) => base,
        Err(error) => {
            report.failure("settings", error);
            return None;
        }
    };
    let own = own.and_then(|own| match (database::is_anything_given(&own), kept) {
        (false, _) => Ok((base, false)),
        // Another file than the site's stays in force, with its own gaps.
        (true, true) => Ok((own, true)),
        (true, false) => Ok((database::settings_over(base, place)?, true)),
    });
    own.map_err(|failure| report.failure("settings", failure)).ok()
}

fn compare(report: &mut Report, site: &Site, own: &Settings) -> Option<&'static str> {
    let differences = compare::differences(site, own);
    let Some(first) = differences.first() else {
        report.ok("settings", "cloakroom's own agree with the site's");
        return None;
    };
    for (index, difference) in differences.iter().enumerate() {
        let place = if index == 0 { "the first that differs: " } else { "" };
        let message = format!("{place}{}; {}", difference.message, difference.effect);
        report.error(difference.name, message, "give both sites the same");
    }
    Some(first.name)
}

/// Writes the file; answers whether another one was left in its place.
fn write(report: &mut Report, site: &Site, path: &Path, force: bool) -> bool {
    let (text, left_out) = toml::text(site);
    let shown = path.display();
    if !left_out.is_empty() {
        // A secret of bytes that are no text, one with a comma among the fallbacks, a database of another kind.
        let message = format!("this version cannot write the site's {}", left_out.join(" and "));
        report.error("output", message, "set it by hand");
    }
    match toml::write(path, &text, force) {
        Ok(Written::New) => report.ok("output", format!("wrote {shown}, readable by its owner alone")),
        Ok(Written::Same) if !toml::is_private(path) => {
            let message = format!("{shown} holds the site's settings, secret included, and others may read it");
            report.warning("output", message, "let its owner alone read it: chmod 600");
        }
        Ok(Written::Same) => report.ok("output", format!("{shown} holds the site's settings already")),
        Ok(Written::Kept) => {
            let message = format!("{shown} is there and holds other settings; it was left as it is");
            report.warning("output", message, "overwrite it with --force, or give another file with --output");
            return true;
        }
        Err(error) => {
            report.error("output", format!("{shown} cannot be written: {error}"), "give another file with --output");
        }
    }
    false
}
