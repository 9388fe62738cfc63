//! Numbers, strings and what is remembered, opcode by opcode.

use super::integer;
use super::opcode::*;
use super::write::Writer;

impl Writer<'_> {
    pub(super) fn write_int(&mut self, value: i64) {
        match value {
            0..=0xff => self.out.write(&[BININT1, value as u8]),
            0x100..=0xffff => {
                self.out.write(&[BININT2]);
                self.out.write(&(value as u16).to_le_bytes());
            }
            -0x8000_0000..0 | 0x1_0000..=0x7fff_ffff => {
                self.out.write(&[BININT]);
                self.out.write(&(value as i32).to_le_bytes());
            }
            _ => self.write_long(&value.to_le_bytes()),
        }
    }

    pub(super) fn write_long(&mut self, bytes: &[u8]) {
        if let Some(value @ -0x8000_0000..=0x7fff_ffff) = integer::to_i64(bytes) {
            return self.write_int(value);
        }
        let bytes = integer::shortest(bytes);
        match u8::try_from(bytes.len()) {
            Ok(length) => self.out.write(&[LONG1, length]),
            Err(_) => {
                self.out.write(&[LONG4]);
                self.out.write(&(bytes.len() as u32).to_le_bytes());
            }
        }
        self.out.write(bytes);
    }

    pub(super) fn write_text(&mut self, text: &[u8]) {
        self.sized([SHORT_BINUNICODE, BINUNICODE], text);
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) {
        self.sized([SHORT_BINBYTES, BINBYTES], bytes);
    }

    pub(super) fn sized(&mut self, opcodes: [u8; 2], bytes: &[u8]) {
        let mut header = [opcodes[1], 0, 0, 0, 0];
        // Below MAX_BYTES.
        header[1..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        match u8::try_from(bytes.len()) {
            Ok(length) => self.out.write_long(&[opcodes[0], length], bytes),
            Err(_) => self.out.write_long(&header, bytes),
        }
    }

    /// Remembers what was written last; answers its number.
    pub(super) fn memoize(&mut self) -> u32 {
        self.out.write(&[MEMOIZE]);
        self.count += 1;
        self.count - 1
    }

    pub(super) fn recall(&mut self, number: u32) {
        match u8::try_from(number) {
            Ok(number) => self.out.write(&[BINGET, number]),
            Err(_) => {
                self.out.write(&[LONG_BINGET]);
                self.out.write(&number.to_le_bytes());
            }
        }
    }
}
