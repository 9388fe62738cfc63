//! The command line.

use std::path::PathBuf;

use crate::Result;
use crate::place::Kind;

/// The parts, in the order in which they are measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Memory,
    Speed,
    Clearing,
}

pub struct Arguments {
    pub parts: Vec<Part>,
    /// Only these places, where any are named.
    pub places: Vec<Kind>,
    /// How many sessions are many.
    pub count: usize,
    /// How often a clearing is measured.
    pub rounds: usize,
    pub out: Option<PathBuf>,
}

impl Arguments {
    pub fn parse(given: &[String]) -> Result<Self> {
        let mut parsed = Self { parts: Vec::new(), places: Vec::new(), count: 1_000_000, rounds: 3, out: None };
        let mut quick = false;
        let mut given = given.iter();
        while let Some(option) = given.next() {
            let mut value = || given.next().ok_or(format!("{option} needs a value"));
            match option.as_str() {
                "--quick" => {
                    quick = true;
                    parsed.count = 100_000;
                }
                "--only" => parsed.parts.push(match value()?.as_str() {
                    "memory" => Part::Memory,
                    "speed" => Part::Speed,
                    "clearing" => Part::Clearing,
                    other => return Err(format!("--only {other}: memory, speed or clearing").into()),
                }),
                "--place" => {
                    let name = value()?;
                    let found =
                        Kind::ALL.into_iter().find(|kind| kind.name().to_lowercase().replace(' ', "-") == *name);
                    parsed.places.push(found.ok_or(format!("--place {name}: no such place"))?);
                }
                "--rounds" => parsed.rounds = value()?.parse()?,
                "--count" => parsed.count = value()?.parse()?,
                "--out" => parsed.out = Some(value()?.into()),
                other => return Err(format!("{other}: no such option; the README names them").into()),
            }
        }
        if parsed.parts.is_empty() {
            parsed.parts = vec![Part::Memory, Part::Speed, Part::Clearing];
        }
        if parsed.out.is_none() && !quick {
            parsed.out = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../results/growth.json").into());
        }
        Ok(parsed)
    }

    pub fn wants(&self, kind: Kind) -> bool {
        self.places.is_empty() || self.places.contains(&kind)
    }
}
