//! The names of members as map keys: Python writes numbers, booleans and `None` as their JSON text.

use std::borrow::Cow;

use serde::de::{self, IntoDeserializer as _, Visitor};
use serde::{forward_to_deserialize_any, ser};

use super::error::{JsonError, Kind};
use super::number::{append_f32, append_f64, parse_f64};
use super::scan::scan;
use super::ser::Writer;

/// Writes a map's key.
pub(super) struct KeyWriter<'w, 'o>(pub(super) &'w mut Writer<'o>);

impl KeyWriter<'_, '_> {
    fn quoted(self, write: impl FnOnce(&mut String)) -> Result<(), JsonError> {
        self.0.out.push('"');
        write(self.0.out);
        self.0.out.push('"');
        Ok(())
    }
}

macro_rules! integer_keys {
    ($($method:ident $type:ty)*) => {
        $(fn $method(self, value: $type) -> Result<(), JsonError> {
            self.quoted(|out| out.push_str(&value.to_string()))
        })*
    };
}

type No = ser::Impossible<(), JsonError>;

impl ser::Serializer for KeyWriter<'_, '_> {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    integer_keys! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
    }

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.quoted(|out| out.push_str(if value { "true" } else { "false" }))
    }
    fn serialize_f32(self, value: f32) -> Result<(), JsonError> {
        self.quoted(|out| append_f32(out, value))
    }
    fn serialize_f64(self, value: f64) -> Result<(), JsonError> {
        self.quoted(|out| append_f64(out, value))
    }
    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        self.0.string(value);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), JsonError> {
        self.quoted(|out| out.push_str("null"))
    }
    fn serialize_some<T: ser::Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), JsonError> {
        self.serialize_none()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), JsonError> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: ser::Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_newtype_variant<T: ser::Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_tuple(self, _: usize) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<No, JsonError> {
        Err(JsonError::KeyNotText)
    }
}

/// Reads a map's key.
pub(super) struct KeyReader<'de>(pub(super) Cow<'de, str>);

impl KeyReader<'_> {
    fn is(&self, kind: Kind) -> bool {
        scan(&self.0) == Ok(kind)
    }
}

macro_rules! integer_keys {
    ($($method:ident $visit:ident $type:ty)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            match self.0.parse::<$type>() {
                Ok(value) if self.is(Kind::Number) => visitor.$visit(value),
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for KeyReader<'de> {
    type Error = JsonError;

    integer_keys! {
        deserialize_i8 visit_i8 i8 deserialize_i16 visit_i16 i16 deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64 deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8 deserialize_u16 visit_u16 u16 deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64 deserialize_u128 visit_u128 u128
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &*self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => self.deserialize_any(visitor),
        }
    }
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_f64(visitor)
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.is(Kind::Number) { visitor.visit_f64(parse_f64(&self.0)) } else { self.deserialize_any(visitor) }
    }
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.0 == "null" { visitor.visit_unit() } else { self.deserialize_any(visitor) }
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_some(self)
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
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
