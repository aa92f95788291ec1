//! One JSON object on one line, written straight into a buffer: no allocation, and
//! numbers without the machinery of `fmt`.

use std::net::IpAddr;

use crate::decode::OptionField;
use crate::model::ProtoPath;
use crate::view::buffer::{Buffer, Key};

/// A buffer that JSON objects are appended to.
#[derive(Debug)]
pub(super) struct Lines {
    pub buffer: Buffer,
    /// The path printed last, and its text: the next record nearly always has the same.
    path: (ProtoPath, Vec<u8>),
}

impl Default for Lines {
    fn default() -> Self {
        Self { buffer: Buffer::default(), path: (ProtoPath::EMPTY, Vec::new()) }
    }
}

impl Lines {
    /// Opens an object with its type.
    #[inline]
    pub fn open(&mut self, kind: &str) {
        self.buffer.text("{\"type\":\"");
        self.buffer.text(kind);
        self.buffer.octet(b'"');
    }

    /// Closes the object and the line.
    #[inline]
    pub fn close(&mut self) {
        self.buffer.text("}\n");
    }

    /// The name of a member, by [`key`](crate::view::buffer::key).
    #[inline(always)]
    fn key(&mut self, Key(key): Key) {
        self.buffer.text(key);
    }

    /// A number.
    #[inline(always)]
    pub fn num(&mut self, key: Key, n: u64) {
        self.key(key);
        self.buffer.digits(n);
    }

    /// A number that may be negative.
    #[inline(always)]
    pub fn int(&mut self, key: Key, n: i64) {
        self.key(key);
        self.buffer.signed(n);
    }

    /// A number, where there is one.
    #[inline]
    pub fn maybe(&mut self, key: Key, n: Option<i64>) {
        if let Some(n) = n {
            self.int(key, n);
        }
    }

    /// `true`, where it is true.
    #[inline]
    pub fn flag(&mut self, key: Key, on: bool) {
        if on {
            self.key(key);
            self.buffer.text("true");
        }
    }

    /// Text of our own that needs no escaping.
    #[inline]
    pub fn word(&mut self, key: Key, word: &str) {
        self.key(key);
        self.buffer.quoted(|b| b.text(word));
    }

    /// Something that prints itself in characters that need no escaping.
    pub fn display(&mut self, key: Key, value: impl std::fmt::Display) {
        self.key(key);
        self.buffer.quoted(|b| b.display(value));
    }

    /// The protocols around a header.
    #[inline]
    pub fn path(&mut self, key: Key, path: ProtoPath) {
        if self.path.0 != path || self.path.1.is_empty() {
            self.path = (path, path.to_string().into_bytes());
        }
        self.key(key);
        self.buffer.octet(b'"');
        self.buffer.bytes.extend_from_slice(&self.path.1);
        self.buffer.octet(b'"');
    }

    /// The options of a TCP header, in the words of [`OptionField`].
    #[inline]
    pub fn options(&mut self, key: Key, octets: &[u8]) {
        // What nearly every segment has: two no-operations and timestamps.
        if let &[1, 1, 8, 10, a, b, c, d, e, f, g, h] = octets {
            self.key(key);
            self.buffer.text("\"nop,nop,ts=");
            self.buffer.digits(u32::from_be_bytes([a, b, c, d]).into());
            self.buffer.octet(b'/');
            self.buffer.digits(u32::from_be_bytes([e, f, g, h]).into());
            self.buffer.octet(b'"');
        } else if !octets.is_empty() {
            self.display(key, OptionField(octets));
        }
    }

    /// An address in its canonical form (RFC 5952).
    #[inline]
    pub fn addr(&mut self, key: Key, addr: IpAddr) {
        self.key(key);
        self.buffer.quoted(|b| b.addr(addr));
    }

    /// Two numbers, `[a→b, b→a]`.
    #[inline]
    pub fn pair(&mut self, key: Key, [a, b]: [u64; 2]) {
        self.key(key);
        self.buffer.pair(|to| to.digits(a), |to| to.digits(b));
    }

    /// Two numbers, either of which may be unknown: `null`; nothing where both are.
    pub fn maybe_pair(&mut self, key: Key, pair: [Option<i64>; 2]) {
        if pair == [None, None] {
            return;
        }
        let put = |n: Option<i64>, to: &mut Buffer| match n {
            Some(n) => to.signed(n),
            None => to.text("null"),
        };
        self.key(key);
        self.buffer.pair(|to| put(pair[0], to), |to| put(pair[1], to));
    }

    /// Words of our own as an array; nothing when there are none.
    pub fn words<'w>(&mut self, key: Key, words: impl Iterator<Item = &'w str>) {
        let mut first = true;
        for word in words {
            if first {
                self.key(key);
            }
            self.buffer.octet(if first { b'[' } else { b',' });
            self.buffer.quoted(|b| b.text(word));
            first = false;
        }
        if !first {
            self.buffer.octet(b']');
        }
    }

    /// Opens an object inside the object; what follows must start without its comma.
    pub fn nested(&mut self, key: Key, inside: impl FnOnce(&mut Self)) {
        self.key(key);
        self.buffer.octet(b'{');
        let start = self.buffer.bytes.len();
        inside(self);
        if self.buffer.bytes.get(start) == Some(&b',') {
            self.buffer.bytes.remove(start);
        }
        self.buffer.octet(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, OptionField};
    use crate::view::buffer::key;

    #[test]
    fn usual_options_are_told_as_all_are() {
        for octets in [&[1, 1, 8, 10, 0, 0, 1, 0, 255, 255, 255, 255][..], &[2, 4, 5, 180], &[]] {
            let mut l = Lines::default();
            l.options(key!("opts"), octets);
            let expected = format!(",\"opts\":\"{}\"", OptionField(octets));
            let text = String::from_utf8(l.buffer.bytes).unwrap();
            assert_eq!(text, if octets.is_empty() { "" } else { &expected });
        }
    }

    #[test]
    fn a_line_is_json() {
        let mut l = Lines::default();
        l.open("x");
        l.int(key!("a"), -5);
        l.words(key!("c"), ["d", "e"].into_iter());
        l.words(key!("none"), std::iter::empty());
        l.nested(key!("n"), |l| l.num(key!("m"), 1));
        l.addr(key!("ip"), "2001:db8::1".parse().unwrap());
        l.addr(key!("ip2"), "2001:db8::1".parse().unwrap());
        l.close();
        let v: serde_json::Value = serde_json::from_slice(&l.buffer.bytes).unwrap();
        assert_eq!(v["a"], -5);
        assert_eq!(v["c"][1], "e");
        assert_eq!(v["n"]["m"], 1);
        assert_eq!(v["ip"], v["ip2"]);
    }
}
