//! Numbers, strings and bytes, and the arguments of opcodes.

use super::node::{Blob, Node};
use super::opcode::*;
use super::read::Machine;
use super::text::{from_raw_escapes, from_repr, is_text};
use super::{PickleError, integer};

impl<'a> Machine<'a> {
    pub(super) fn read_integer(&mut self, opcode: u8) -> Result<(), PickleError> {
        let node = match opcode {
            BININT => Node::Int(i64::from(i32::from_le_bytes(self.array()?))),
            BININT1 => Node::Int(i64::from(self.byte()?)),
            BININT2 => Node::Int(i64::from(u16::from_le_bytes(self.array()?))),
            INT => match self.line()? {
                b"00" => Node::Bool(false),
                b"01" => Node::Bool(true),
                line => integer_line(line).ok_or_else(|| self.error())?,
            },
            LONG => {
                let line = self.line()?;
                integer_line(line.strip_suffix(b"L").unwrap_or(line)).ok_or_else(|| self.error())?
            }
            _ => {
                let length = if opcode == LONG1 { usize::from(self.byte()?) } else { self.signed_length()? };
                let start = self.pos;
                let bytes = integer::shortest(self.take(length)?);
                match integer::to_i64(bytes) {
                    Some(integer) => Node::Int(integer),
                    None => Node::Long(span(start, start + bytes.len())),
                }
            }
        };
        self.push(node)
    }

    pub(super) fn read_float(&mut self, opcode: u8) -> Result<(), PickleError> {
        if opcode == BINFLOAT {
            let number = f64::from_be_bytes(self.array()?);
            return self.push(Node::Float(number));
        }
        let line = std::str::from_utf8(self.line()?).map_err(|_| self.error())?;
        let number: f64 = line.parse().map_err(|_| self.error())?;
        // Too large a number is an OverflowError in Python.
        if number.is_infinite() && line.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err(self.error());
        }
        self.push(Node::Float(number))
    }

    pub(super) fn read_text(&mut self, opcode: u8) -> Result<(), PickleError> {
        if let UNICODE | STRING = opcode {
            let line = self.line()?;
            let text = if opcode == UNICODE { from_raw_escapes(line) } else { from_repr(line.trim_ascii_end()) };
            let text = text.ok_or_else(|| self.error())?;
            let blob = self.own(text)?;
            return self.push(Node::Str(blob));
        }
        let length = match opcode {
            SHORT_BINUNICODE | SHORT_BINSTRING => usize::from(self.byte()?),
            BINUNICODE => u32::from_le_bytes(self.array()?) as usize,
            BINUNICODE8 => self.long_length()?,
            _ => self.signed_length()?,
        };
        let start = self.pos;
        let text = self.take(length)?;
        let valid = match opcode {
            BINSTRING | SHORT_BINSTRING => text.is_ascii(),
            _ => is_text(text),
        };
        if !valid {
            return Err(self.error());
        }
        self.push(Node::Str(span(start, self.pos)))
    }

    pub(super) fn read_bytes(&mut self, opcode: u8) -> Result<(), PickleError> {
        let length = match opcode {
            SHORT_BINBYTES => usize::from(self.byte()?),
            BINBYTES => u32::from_le_bytes(self.array()?) as usize,
            _ => self.long_length()?,
        };
        let start = self.pos;
        self.take(length)?;
        let blob = span(start, self.pos);
        self.push(if opcode == BYTEARRAY8 { Node::ByteArray(blob) } else { Node::Bytes(blob) })
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let end = self.pos.checked_add(length).ok_or(PickleError::Truncated)?;
        let taken = self.source.get(self.pos..end).ok_or(PickleError::Truncated)?;
        self.pos = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        self.take(N)?.try_into().map_err(|_| PickleError::Truncated)
    }

    pub(super) fn byte(&mut self) -> Result<u8, PickleError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn long_length(&mut self) -> Result<usize, PickleError> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| PickleError::Truncated)
    }

    pub(super) fn signed_length(&mut self) -> Result<usize, PickleError> {
        usize::try_from(i32::from_le_bytes(self.array()?)).map_err(|_| self.error())
    }

    /// The rest of the line, without its end.
    pub(super) fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let source: &'a [u8] = self.source;
        let rest = source.get(self.pos..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).ok_or(PickleError::Truncated)?;
        self.pos += length + 1;
        Ok(&rest[..length])
    }

    pub(super) fn index_line(&mut self) -> Result<u64, PickleError> {
        let line = self.line()?;
        let digits = std::str::from_utf8(line).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| self.error())
    }
}

fn span(start: usize, end: usize) -> Blob {
    // Below MAX_BYTES.
    Blob::Source(start as u32, end as u32)
}

fn integer_line(line: &[u8]) -> Option<Node> {
    std::str::from_utf8(line).ok().and_then(integer::from_text)
}
