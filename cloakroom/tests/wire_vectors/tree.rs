//! Two views of JSON for the vectors: one that is equal exactly where Python's values are, and one made through serde.

use std::fmt;

use cloakroom::wire::json;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A Python value, read with nothing but the library's scanner.
#[derive(Debug, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    /// Without a sign for zero, as `int` has it.
    Int(String),
    /// The bits; one pattern for all that is not a number.
    Float(u64),
    /// UTF-16, which can hold what Rust's strings cannot.
    Text(Vec<u16>),
    List(Vec<Tree>),
    /// In Python's order: a name stands where it came first, with the value that came last.
    Dict(Vec<(Vec<u16>, Tree)>),
}

impl Tree {
    pub fn parse(json: &str) -> Result<Self, String> {
        let json = json.trim_matches([' ', '\t', '\n', '\r']);
        Ok(match json::scan(json).map_err(|error| format!("{error:?}"))? {
            json::Kind::Null => Self::Null,
            json::Kind::Bool => Self::Bool(json == "true"),
            json::Kind::String => Self::Text(utf16(&json[1..json.len() - 1])),
            json::Kind::Number if json.bytes().all(|b| b == b'-' || b.is_ascii_digit()) => {
                Self::Int(if json == "-0" { "0" } else { json }.to_owned())
            }
            json::Kind::Number => {
                let float: f64 = json.parse().map_err(|error| format!("{error:?}"))?;
                Self::Float(if float.is_nan() { f64::NAN } else { float }.to_bits())
            }
            json::Kind::Array => Self::List(elements(json).into_iter().map(Self::parse).collect::<Result<_, _>>()?),
            json::Kind::Object => {
                let mut found = Vec::new();
                json::scan_object(json, |name, value| found.push((name, value)))
                    .map_err(|error| format!("{error:?}"))?;
                let mut members: Vec<(Vec<u16>, Tree)> = Vec::new();
                for (name, value) in found {
                    let (name, value) = (utf16(&json[name]), Self::parse(&json[value])?);
                    match members.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, old)) => *old = value,
                        None => members.push((name, value)),
                    }
                }
                Self::Dict(members)
            }
        })
    }

    /// Whether the value goes into Rust's own types: no half of a surrogate pair, no integer beyond 128 bits, not too
    /// deep.
    pub fn fits_rust(&self, levels: usize) -> bool {
        let whole = |text: &Vec<u16>| String::from_utf16(text).is_ok();
        match self {
            Self::Text(text) => whole(text),
            Self::Int(digits) => digits.parse::<i128>().is_ok() || digits.parse::<u128>().is_ok(),
            Self::List(items) => levels > 0 && items.iter().all(|item| item.fits_rust(levels - 1)),
            Self::Dict(members) => {
                levels > 0 && members.iter().all(|(name, value)| whole(name) && value.fits_rust(levels - 1))
            }
            _ => true,
        }
    }
}

/// The elements of a valid array: cut at the commas that are neither in a string nor in something nested.
fn elements(json: &str) -> Vec<&str> {
    let inside = &json[1..json.len() - 1];
    let (mut cuts, mut depth, mut in_string, mut escaped) = (vec![], 0, false, false);
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b',' if depth == 0 => cuts.push(at),
            _ => {}
        }
    }
    if inside.trim_matches([' ', '\t', '\n', '\r']).is_empty() {
        return vec![];
    }
    let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut + 1));
    starts.zip(cuts.iter().copied().chain([inside.len()])).map(|(start, end)| &inside[start..end]).collect()
}

/// The inside of a JSON string as UTF-16, by way of its canonical escapes.
fn utf16(raw: &str) -> Vec<u16> {
    let canonical = json::canonical_name(raw);
    let (mut units, mut rest) = (vec![], canonical.as_ref());
    while let Some(character) = rest.chars().next() {
        match rest.as_bytes() {
            [b'\\', b'u', ..] => {
                units.push(u16::from_str_radix(&rest[2..6], 16).unwrap());
                rest = &rest[6..];
            }
            [b'\\', ..] => {
                units.extend(json::unescape(&rest[..2]).unwrap().encode_utf16());
                rest = &rest[2..];
            }
            _ => {
                units.extend(character.encode_utf16(&mut [0; 2]).iter());
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    units
}

/// A value that is read and written through serde.
#[derive(Debug)]
pub enum Typed {
    Null,
    Bool(bool),
    Signed(i128),
    Unsigned(u128),
    Float(f64),
    Text(String),
    List(Vec<Typed>),
    Dict(Vec<(String, Typed)>),
}

impl Serialize for Typed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Signed(value) => serializer.serialize_i128(*value),
            Self::Unsigned(value) => serializer.serialize_u128(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Dict(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TypedVisitor)
    }
}

struct TypedVisitor;

impl<'de> Visitor<'de> for TypedVisitor {
    type Value = Typed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<Typed, E> {
        Ok(Typed::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Typed, E> {
        Ok(Typed::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Typed, E> {
        Ok(Typed::Signed(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Typed, E> {
        Ok(Typed::Unsigned(value.into()))
    }
    fn visit_i128<E>(self, value: i128) -> Result<Typed, E> {
        Ok(Typed::Signed(value))
    }
    fn visit_u128<E>(self, value: u128) -> Result<Typed, E> {
        Ok(Typed::Unsigned(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Typed, E> {
        Ok(Typed::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Typed, E> {
        Ok(Typed::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Typed, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Typed::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Typed, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Typed::Dict(members))
    }
}
