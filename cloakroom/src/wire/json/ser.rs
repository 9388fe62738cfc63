//! From a value to JSON text.

use std::fmt;

use serde::ser::{self, Serialize};

use super::MAX_VALUE_DEPTH;
use super::error::JsonError;
use super::key::KeyWriter;
use super::number::{append_f32, append_f64};
use super::text::append_escaped;

/// A value as compact ASCII JSON, as Python's `json.dumps(value, separators=(",", ":"))` writes it.
///
/// Enums are written as serde_json writes them (externally tagged), bytes as an array of numbers. Keys of maps that are
/// numbers, booleans or `None` become their JSON text, as in Python. An `f32` is written with its own shortest digits.
///
/// # Errors
/// [`JsonError::KeyNotText`] for other keys, [`JsonError::TooDeep`] beyond [`MAX_VALUE_DEPTH`] levels,
/// [`JsonError::Refused`] where the value's `Serialize` gives up.
///
/// ```
/// use cloakroom::wire::json::to_string;
///
/// assert_eq!(to_string(&("é", 1e22, None::<u8>))?, r#"["\u00e9",1e+22,null]"#);
/// # Ok::<(), cloakroom::wire::JsonError>(())
/// ```
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, JsonError> {
    let mut out = String::new();
    append(&mut out, value)?;
    Ok(out)
}

/// As [`to_string`], at the end of a text that exists. After an error the text is what it was.
///
/// # Errors
/// As [`to_string`].
///
/// ```
/// use cloakroom::wire::json::append;
///
/// let mut line = String::from("visits=");
/// append(&mut line, &[3, 4])?;
/// assert_eq!(line, "visits=[3,4]");
/// # Ok::<(), cloakroom::wire::JsonError>(())
/// ```
pub fn append<T: Serialize + ?Sized>(out: &mut String, value: &T) -> Result<(), JsonError> {
    let before = out.len();
    let result = value.serialize(&mut Writer { out, depth: 0 });
    if result.is_err() {
        out.truncate(before);
    }
    result
}

impl ser::Error for JsonError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Refused
    }
}

/// The serializer.
pub(super) struct Writer<'o> {
    pub(super) out: &'o mut String,
    depth: usize,
}

impl<'o> Writer<'o> {
    pub(super) fn string(&mut self, text: &str) {
        self.out.push('"');
        append_escaped(self.out, text);
        self.out.push('"');
    }

    fn open(&mut self, bracket: char) -> Result<(), JsonError> {
        if self.depth == MAX_VALUE_DEPTH {
            return Err(JsonError::TooDeep { limit: MAX_VALUE_DEPTH });
        }
        self.depth += 1;
        self.out.push(bracket);
        Ok(())
    }

    fn close(&mut self, bracket: char) {
        self.depth -= 1;
        self.out.push(bracket);
    }

    /// `{"Variant":`
    fn open_variant(&mut self, variant: &str) -> Result<(), JsonError> {
        self.open('{')?;
        self.string(variant);
        self.out.push(':');
        Ok(())
    }

    fn parts(&mut self, in_variant: bool, brackets: (char, char)) -> Result<Parts<'_, 'o>, JsonError> {
        self.open(brackets.0)?;
        Ok(Parts { writer: self, first: true, close: brackets.1, in_variant })
    }
}

const ARRAY: (char, char) = ('[', ']');
const OBJECT: (char, char) = ('{', '}');

/// An array or object that is being written.
pub(super) struct Parts<'w, 'o> {
    writer: &'w mut Writer<'o>,
    first: bool,
    close: char,
    in_variant: bool,
}

impl Parts<'_, '_> {
    fn comma(&mut self) {
        if !self.first {
            self.writer.out.push(',');
        }
        self.first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.comma();
        value.serialize(&mut *self.writer)
    }

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), JsonError> {
        self.comma();
        self.writer.string(name);
        self.writer.out.push(':');
        value.serialize(&mut *self.writer)
    }

    fn finish(self) {
        self.writer.close(self.close);
        if self.in_variant {
            self.writer.close('}');
        }
    }
}

macro_rules! integers {
    ($($method:ident $type:ty)*) => {
        $(fn $method(self, value: $type) -> Result<(), JsonError> {
            self.out.push_str(itoa::Buffer::new().format(value));
            Ok(())
        })*
    };
}

impl<'w, 'o> ser::Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = Parts<'w, 'o>;
    type SerializeTuple = Parts<'w, 'o>;
    type SerializeTupleStruct = Parts<'w, 'o>;
    type SerializeTupleVariant = Parts<'w, 'o>;
    type SerializeMap = Parts<'w, 'o>;
    type SerializeStruct = Parts<'w, 'o>;
    type SerializeStructVariant = Parts<'w, 'o>;

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }
    integers! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
    }

    fn serialize_f32(self, value: f32) -> Result<(), JsonError> {
        append_f32(self.out, value);
        Ok(())
    }
    fn serialize_f64(self, value: f64) -> Result<(), JsonError> {
        append_f64(self.out, value);
        Ok(())
    }
    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        self.string(value);
        Ok(())
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<(), JsonError> {
        self.collect_seq(value)
    }
    fn serialize_none(self) -> Result<(), JsonError> {
        self.out.push_str("null");
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), JsonError> {
        self.serialize_none()
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), JsonError> {
        self.serialize_none()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), JsonError> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.close('}');
        Ok(())
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'w, 'o>, JsonError> {
        self.parts(false, ARRAY)
    }
    fn serialize_tuple(self, _: usize) -> Result<Parts<'w, 'o>, JsonError> {
        self.parts(false, ARRAY)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'w, 'o>, JsonError> {
        self.parts(false, ARRAY)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'w, 'o>, JsonError> {
        self.open_variant(variant)?;
        self.parts(true, ARRAY)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'w, 'o>, JsonError> {
        self.parts(false, OBJECT)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'w, 'o>, JsonError> {
        self.parts(false, OBJECT)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'w, 'o>, JsonError> {
        self.open_variant(variant)?;
        self.parts(true, OBJECT)
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident)*) => {
        $(impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = JsonError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
                self.element(value)
            }
            fn end(self) -> Result<(), JsonError> {
                self.finish();
                Ok(())
            }
        })*
    };
}

macro_rules! fields {
    ($($trait:ident)*) => {
        $(impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = JsonError;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), JsonError> {
                self.member(name, value)
            }
            fn end(self) -> Result<(), JsonError> {
                self.finish();
                Ok(())
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

fields! { SerializeStruct SerializeStructVariant }

impl ser::SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = JsonError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        self.comma();
        key.serialize(KeyWriter(self.writer))
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.writer.out.push(':');
        value.serialize(&mut *self.writer)
    }
    fn end(self) -> Result<(), JsonError> {
        self.finish();
        Ok(())
    }
}
