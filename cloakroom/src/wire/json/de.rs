//! From JSON text to a value.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Expected, IntoDeserializer as _, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::MAX_VALUE_DEPTH;
use super::duplicates::{Watch, overridden};
use super::error::{JsonError, Kind};
use super::key::KeyReader;
use super::number::{is_integer, parse_f64};
use super::scan::{Members, Scanner, scan_with};
use super::text::unescape;

/// Reads a value out of JSON text, with Python's idea of JSON and serde_json's idea of Rust types.
///
/// Of equal names in an object, only the last one is seen. Integers reach 128 bits; a floating point number is taken from
/// any number. A string without escapes can be borrowed from the text.
///
/// # Errors
/// As [`scan`](super::scan()), of the whole text; then [`JsonError::Mismatch`], [`JsonError::IntegerOutOfRange`],
/// [`JsonError::LoneSurrogate`], [`JsonError::TooDeep`] beyond [`MAX_VALUE_DEPTH`] levels, [`JsonError::Refused`]. No
/// error quotes the data.
///
/// ```
/// use cloakroom::wire::json::from_str;
///
/// let visits: u64 = from_str("3")?;
/// assert_eq!(visits, 3);
///
/// let error = from_str::<u64>("\"private\"").unwrap_err();
/// assert_eq!(error.to_string(), "invalid type: a string, expected u64");
/// # Ok::<(), cloakroom::wire::JsonError>(())
/// ```
pub fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, JsonError> {
    let mut watch = Watch::new(text);
    scan_with(text, &mut watch)?;
    let mut scanner = Scanner::new(text.as_bytes(), 0);
    scanner.skip_space();
    T::deserialize(&mut Reader { text, scanner, depth: 0, duplicates: watch.possible() })
}

fn shown(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a floating point number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::UnitVariant => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Bytes(_) | Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        _ => "a value",
    }
}

fn mismatch(message: fmt::Arguments<'_>) -> JsonError {
    JsonError::Mismatch(message.to_string().into_boxed_str())
}

// The defaults of these methods quote the value, or hand it to `custom` in a text of unknown content.
impl de::Error for JsonError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Refused
    }
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        mismatch(format_args!("invalid type: {}, expected {expected}", shown(&unexpected)))
    }
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        mismatch(format_args!("invalid value: {}, expected {expected}", shown(&unexpected)))
    }
    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        mismatch(format_args!("invalid length {length}, expected {expected}"))
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        mismatch(format_args!("unknown variant, expected one of {expected:?}"))
    }
    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        mismatch(format_args!("unknown field, expected one of {expected:?}"))
    }
    fn missing_field(field: &'static str) -> Self {
        mismatch(format_args!("missing field `{field}`"))
    }
    fn duplicate_field(field: &'static str) -> Self {
        mismatch(format_args!("duplicate field `{field}`"))
    }
}

/// The deserializer: a place in a text that [`scan_with`] has found valid.
struct Reader<'de> {
    text: &'de str,
    scanner: Scanner<'de>,
    depth: usize,
    /// Whether some object may hold a name twice.
    duplicates: bool,
}

impl<'de> Reader<'de> {
    fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        let raw = self.scanner.skip_string()?;
        unescape(self.text.get(raw).unwrap_or_default())
    }

    fn number(&mut self) -> Result<&'de str, JsonError> {
        let start = self.scanner.pos();
        self.scanner.skip_number()?;
        Ok(self.text.get(start..self.scanner.pos()).unwrap_or_default())
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_VALUE_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_VALUE_DEPTH });
        }
        self.depth += 1;
        Ok(())
    }

    fn visit_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn visit_number<V: Visitor<'de>>(&mut self, visitor: V, wide: bool) -> Result<V::Value, JsonError> {
        let token = self.number()?;
        if !is_integer(token) {
            return visitor.visit_f64(parse_f64(token));
        }
        if let Ok(integer) = token.parse() {
            return visitor.visit_u64(integer);
        }
        if let Ok(integer) = token.parse() {
            return visitor.visit_i64(integer);
        }
        match (wide, token.parse(), token.parse()) {
            (true, Ok(integer), _) => visitor.visit_u128(integer),
            (true, _, Ok(integer)) => visitor.visit_i128(integer),
            _ => Err(JsonError::IntegerOutOfRange),
        }
    }

    fn visit_array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        self.enter()?;
        self.scanner.expect(b'[')?;
        let mut elements = Elements { reader: self, seen: 0, ended: false };
        let value = visitor.visit_seq(&mut elements)?;
        if !elements.ended && elements.more()? {
            let length = elements.seen;
            return Err(mismatch(format_args!("invalid length: an array of more than {length} elements")));
        }
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Object<'_, 'de>, JsonError> {
        self.enter()?;
        let members = self.scanner.open_object();
        let overridden = if self.duplicates { overridden(self.text, self.scanner.clone())? } else { Vec::new() };
        Ok(Object { reader: self, members, overridden, ended: false })
    }

    fn visit_object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        let mut object = self.object()?;
        let value = visitor.visit_map(&mut object)?;
        object.finish()?;
        Ok(value)
    }
}

macro_rules! integers {
    ($wide:literal: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            match self.scanner.kind()? {
                Kind::Number => self.visit_number(visitor, $wide),
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.scanner.kind()? {
            Kind::Null => {
                self.scanner.skip_word(b"null")?;
                visitor.visit_unit()
            }
            Kind::Bool => {
                let value = self.scanner.peek() == Some(b't');
                self.scanner.skip_word(if value { b"true" } else { b"false" })?;
                visitor.visit_bool(value)
            }
            Kind::Number => self.visit_number(visitor, true),
            Kind::String => self.visit_string(visitor),
            Kind::Array => self.visit_array(visitor),
            Kind::Object => self.visit_object(visitor),
        }
    }

    integers! { false:
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }
    integers! { true: deserialize_i128 deserialize_u128 }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        // Not by way of an f64: that could round twice.
        match self.scanner.kind()? {
            Kind::Number => visitor.visit_f32(self.number()?.parse().unwrap_or(f32::NAN)),
            _ => self.deserialize_any(visitor),
        }
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.scanner.kind()? != Kind::Number {
            return self.deserialize_any(visitor);
        }
        let token = self.number()?;
        let number = parse_f64(token);
        // Python's `float` of such an integer is an OverflowError, while `1e999` is read as infinite.
        if number.is_infinite() && is_integer(token) {
            return Err(JsonError::IntegerOutOfRange);
        }
        visitor.visit_f64(number)
    }
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.scanner.kind()? != Kind::String {
            return self.deserialize_any(visitor);
        }
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Cow::Owned(text) => visitor.visit_byte_buf(text.into_bytes()),
        }
    }
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_bytes(visitor)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.scanner.kind()? != Kind::Null {
            return visitor.visit_some(self);
        }
        self.scanner.skip_word(b"null")?;
        visitor.visit_none()
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.scanner.kind()? {
            Kind::String => visitor.visit_enum(self.string()?.into_deserializer()),
            Kind::Object => {
                let mut object = self.object()?;
                let value = visitor.visit_enum(Variant(&mut object))?;
                object.finish()?;
                Ok(value)
            }
            _ => self.deserialize_any(visitor),
        }
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.scanner.skip_value(0, &mut ())?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool char str string unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The elements of an array.
struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    seen: usize,
    ended: bool,
}

impl Elements<'_, '_> {
    /// Whether there is another element; if so, the place is set on it.
    fn more(&mut self) -> Result<bool, JsonError> {
        let scanner = &mut self.reader.scanner;
        scanner.skip_space();
        self.ended = scanner.take(b']');
        if !self.ended && self.seen > 0 {
            scanner.expect(b',')?;
            scanner.skip_space();
        }
        Ok(!self.ended)
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        if self.ended || !self.more()? {
            return Ok(None);
        }
        self.seen += 1;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

/// The members of an object.
struct Object<'r, 'de> {
    reader: &'r mut Reader<'de>,
    members: Members,
    /// The places of the names to pass over, in order.
    overridden: Vec<usize>,
    ended: bool,
}

impl<'de> Object<'_, 'de> {
    /// The next name that counts, with the place set on its value.
    fn name(&mut self) -> Result<Option<Cow<'de, str>>, JsonError> {
        while !self.ended {
            let scanner = &mut self.reader.scanner;
            match scanner.next_name(&mut self.members)? {
                None => self.ended = true,
                Some(name) if self.overridden.binary_search(&name.start).is_ok() => {
                    scanner.skip_value(0, &mut ())?;
                }
                Some(name) => return unescape(self.reader.text.get(name).unwrap_or_default()).map(Some),
            }
        }
        Ok(None)
    }

    fn finish(mut self) -> Result<(), JsonError> {
        if self.name()?.is_some() {
            return Err(mismatch(format_args!("invalid length: an object with more members than expected")));
        }
        self.reader.depth -= 1;
        Ok(())
    }
}

impl<'de> de::MapAccess<'de> for Object<'_, 'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        self.name()?.map(|name| seed.deserialize(KeyReader(name))).transpose()
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(&mut *self.reader)
    }
}

/// An enum's variant that is the only member of an object.
struct Variant<'v, 'r, 'de>(&'v mut Object<'r, 'de>);

impl<'v, 'de> de::EnumAccess<'de> for Variant<'v, '_, 'de> {
    type Error = JsonError;
    type Variant = VariantBody<'v, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), JsonError> {
        let name =
            self.0.name()?.ok_or_else(|| mismatch(format_args!("invalid value: an empty object, expected enum")))?;
        Ok((seed.deserialize(KeyReader(name))?, VariantBody(&mut *self.0.reader)))
    }
}

struct VariantBody<'v, 'de>(&'v mut Reader<'de>);

impl<'de> de::VariantAccess<'de> for VariantBody<'_, 'de> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        Deserialize::deserialize(self.0)
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(self.0)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        de::Deserializer::deserialize_any(self.0, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, JsonError> {
        de::Deserializer::deserialize_any(self.0, visitor)
    }
}

#[cfg(test)]
#[path = "de_tests.rs"]
mod tests;
