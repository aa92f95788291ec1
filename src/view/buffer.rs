//! Text written straight into octets: no allocation, and numbers without the machinery of
//! `fmt`. What records, JSON and CSV of very many rows are made in.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

/// The name of a member with all that stands around it, so that it is copied at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key(pub &'static str);

/// `,"name":`, as a [`Key`].
macro_rules! key {
    ($name:expr) => {
        $crate::view::buffer::Key(concat!(",\"", $name, "\":"))
    };
}
pub(super) use key;

/// Octets that text is appended to.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub bytes: Vec<u8>,
    /// Text of IPv6 addresses formatted last, which the next line often needs again.
    cache: [Option<(IpAddr, u8, [u8; 46])>; 8],
}

/// What prints itself, as octets.
struct Printed<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Printed<'_> {
    #[inline]
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

impl Buffer {
    /// Text as it is.
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// One octet.
    #[inline]
    pub fn octet(&mut self, octet: u8) {
        self.bytes.push(octet);
    }

    /// Something that prints itself.
    pub fn display(&mut self, value: impl std::fmt::Display) {
        let _ = write!(Printed(&mut self.bytes), "{value}");
    }

    /// What `inside` writes, in quotation marks.
    #[inline]
    pub fn quoted(&mut self, inside: impl FnOnce(&mut Self)) {
        self.octet(b'"');
        inside(self);
        self.octet(b'"');
    }

    /// `[first,second]`.
    #[inline]
    pub fn pair(&mut self, first: impl FnOnce(&mut Self), second: impl FnOnce(&mut Self)) {
        self.octet(b'[');
        first(self);
        self.octet(b',');
        second(self);
        self.octet(b']');
    }

    /// A number that may be negative.
    #[inline]
    pub fn signed(&mut self, n: i64) {
        if n < 0 {
            self.octet(b'-');
        }
        self.digits(n.unsigned_abs());
    }

    /// A number.
    #[inline]
    pub fn digits(&mut self, n: u64) {
        if n < 10 {
            return self.octet(b'0' + n as u8);
        }
        self.text(itoa::Buffer::new().format(n));
    }

    /// An address in its canonical form (RFC 5952).
    #[inline]
    pub fn addr(&mut self, addr: IpAddr) {
        match addr {
            IpAddr::V4(four) => {
                for (i, octet) in four.octets().into_iter().enumerate() {
                    if i > 0 {
                        self.octet(b'.');
                    }
                    self.digits(octet.into());
                }
            }
            IpAddr::V6(six) => {
                let bits = six.to_bits();
                self.cached(addr, (bits ^ bits >> 64) as usize);
            }
        }
    }

    fn cached(&mut self, addr: IpAddr, hash: usize) {
        let slot = &mut self.cache[hash & 7];
        if let Some((cached, len, text)) = slot
            && *cached == addr
        {
            self.bytes.extend_from_slice(&text[..usize::from(*len).min(46)]);
            return;
        }
        let start = self.bytes.len();
        let _ = write!(Printed(&mut self.bytes), "{addr}");
        let written = &self.bytes[start..];
        let mut text = [0; 46];
        if let Some(room) = text.get_mut(..written.len()) {
            room.copy_from_slice(written);
            *slot = Some((addr, written.len() as u8, text));
        }
    }

    /// Gives everything to `out` once there are `gathered` octets or more.
    ///
    /// # Errors
    /// Those of `out`.
    #[inline]
    pub fn drain(&mut self, gathered: usize, out: &mut dyn Write) -> io::Result<()> {
        if self.bytes.len() >= gathered {
            out.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        let mut b = Buffer::default();
        for n in [0u64, 7, 10, 42, 99, 100, 255, 12_345, u64::MAX] {
            b.bytes.clear();
            b.digits(n);
            assert_eq!(String::from_utf8_lossy(&b.bytes), n.to_string());
        }
        for n in [i64::MIN, -1, 0, i64::MAX] {
            b.bytes.clear();
            b.signed(n);
            assert_eq!(String::from_utf8_lossy(&b.bytes), n.to_string());
        }
    }

    #[test]
    fn addresses_as_they_print_themselves() {
        let mut b = Buffer::default();
        for text in ["10.0.0.1", "255.255.255.255", "2001:db8::1", "::", "::ffff:1.2.3.4", "2001:db8::1"] {
            b.bytes.clear();
            b.addr(text.parse().unwrap());
            assert_eq!(String::from_utf8_lossy(&b.bytes), text);
        }
    }
}
