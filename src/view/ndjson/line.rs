//! One JSON object on one line, written straight into a buffer: no allocation, and
//! numbers without the machinery of `fmt`.

use std::fmt::Write as _;
use std::net::IpAddr;

/// A buffer that JSON objects are appended to.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub bytes: Vec<u8>,
    /// Text of the address formatted last, which the next line often needs again.
    cache: [Option<(IpAddr, u8, [u8; 46])>; 4],
}

struct Ascii<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Ascii<'_> {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0.extend_from_slice(s.as_bytes());
        Ok(())
    }
}

impl Lines {
    /// Opens an object with its type.
    pub fn open(&mut self, kind: &str) {
        self.bytes.extend_from_slice(b"{\"type\":\"");
        self.bytes.extend_from_slice(kind.as_bytes());
        self.bytes.push(b'"');
    }

    /// Closes the object and the line.
    pub fn close(&mut self) {
        self.bytes.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        self.bytes.extend_from_slice(b",\"");
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    /// A number.
    pub fn num(&mut self, key: &str, n: u64) {
        self.key(key);
        self.digits(n);
    }

    /// A number that may be negative.
    pub fn int(&mut self, key: &str, n: i64) {
        self.key(key);
        if n < 0 {
            self.bytes.push(b'-');
        }
        self.digits(n.unsigned_abs());
    }

    /// A number, where there is one.
    pub fn maybe(&mut self, key: &str, n: Option<i64>) {
        if let Some(n) = n {
            self.int(key, n);
        }
    }

    /// `true`, where it is true.
    pub fn flag(&mut self, key: &str, on: bool) {
        if on {
            self.key(key);
            self.bytes.extend_from_slice(b"true");
        }
    }

    /// Text of our own that needs no escaping.
    pub fn word(&mut self, key: &str, word: &str) {
        self.key(key);
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(word.as_bytes());
        self.bytes.push(b'"');
    }

    /// Something that prints itself in characters that need no escaping.
    pub fn display(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.bytes.push(b'"');
        let _ = write!(Ascii(&mut self.bytes), "{value}");
        self.bytes.push(b'"');
    }

    /// An address in its canonical form (RFC 5952).
    pub fn addr(&mut self, key: &str, addr: IpAddr) {
        self.key(key);
        self.bytes.push(b'"');
        let slot = match addr {
            IpAddr::V4(a) => a.to_bits() as usize,
            IpAddr::V6(a) => a.to_bits() as usize,
        } & 3;
        if let Some((cached, len, text)) = &self.cache[slot]
            && *cached == addr
        {
            self.bytes.extend_from_slice(&text[..usize::from(*len).min(46)]);
        } else {
            let start = self.bytes.len();
            let _ = write!(Ascii(&mut self.bytes), "{addr}");
            let written = &self.bytes[start..];
            let mut text = [0; 46];
            if let Some(room) = text.get_mut(..written.len()) {
                room.copy_from_slice(written);
                self.cache[slot] = Some((addr, written.len() as u8, text));
            }
        }
        self.bytes.push(b'"');
    }

    /// Two numbers, `[a→b, b→a]`.
    pub fn pair(&mut self, key: &str, pair: [u64; 2]) {
        self.key(key);
        self.bytes.push(b'[');
        self.digits(pair[0]);
        self.bytes.push(b',');
        self.digits(pair[1]);
        self.bytes.push(b']');
    }

    /// Two numbers, either of which may be unknown: `null`; nothing where both are.
    pub fn maybe_pair(&mut self, key: &str, pair: [Option<i64>; 2]) {
        if pair == [None, None] {
            return;
        }
        self.key(key);
        for (mark, n) in [b'[', b','].into_iter().zip(pair) {
            self.bytes.push(mark);
            match n {
                Some(n) => {
                    if n < 0 {
                        self.bytes.push(b'-');
                    }
                    self.digits(n.unsigned_abs());
                }
                None => self.bytes.extend_from_slice(b"null"),
            }
        }
        self.bytes.push(b']');
    }

    /// Words of our own as an array; nothing when there are none.
    pub fn words<'w>(&mut self, key: &str, words: impl Iterator<Item = &'w str>) {
        let mut first = true;
        for word in words {
            if first {
                self.key(key);
            }
            self.bytes.extend_from_slice(if first { b"[\"" } else { b",\"" });
            first = false;
            self.bytes.extend_from_slice(word.as_bytes());
            self.bytes.push(b'"');
        }
        if !first {
            self.bytes.push(b']');
        }
    }

    /// Opens an object inside the object; what follows must start without its comma.
    pub fn nested(&mut self, key: &str, inside: impl FnOnce(&mut Self)) {
        self.key(key);
        self.bytes.push(b'{');
        let start = self.bytes.len();
        inside(self);
        if self.bytes.get(start) == Some(&b',') {
            self.bytes.remove(start);
        }
        self.bytes.push(b'}');
    }

    fn digits(&mut self, mut n: u64) {
        const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
            2021222324252627282930313233343536373839\
            4041424344454647484950515253545556575859\
            6061626364656667686970717273747576777879\
            8081828384858687888990919293949596979899";
        let mut buffer = [0u8; 20];
        let mut at = buffer.len();
        while n >= 100 {
            let i = (n % 100) as usize * 2;
            n /= 100;
            at -= 2;
            buffer[at..at + 2].copy_from_slice(&PAIRS[i..i + 2]);
        }
        if n >= 10 {
            let i = n as usize * 2;
            at -= 2;
            buffer[at..at + 2].copy_from_slice(&PAIRS[i..i + 2]);
        } else {
            at -= 1;
            buffer[at] = b'0' + n as u8;
        }
        self.bytes.extend_from_slice(&buffer[at..]);
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn numbers_of_every_length() {
        let mut l = Lines::default();
        for n in [0u64, 7, 10, 42, 99, 100, 12_345, u64::MAX] {
            l.bytes.clear();
            l.digits(n);
            assert_eq!(String::from_utf8_lossy(&l.bytes), n.to_string());
        }
    }

    #[test]
    fn a_line_is_json() {
        let mut l = Lines::default();
        l.open("x");
        l.int("a", -5);
        l.words("c", ["d", "e"].into_iter());
        l.words("none", std::iter::empty());
        l.nested("n", |l| l.num("m", 1));
        l.addr("ip", "2001:db8::1".parse().unwrap());
        l.addr("ip2", "2001:db8::1".parse().unwrap());
        l.close();
        let v: serde_json::Value = serde_json::from_slice(&l.bytes).unwrap();
        assert_eq!(v["a"], -5);
        assert_eq!(v["c"][1], "e");
        assert_eq!(v["n"]["m"], 1);
        assert_eq!(v["ip"], v["ip2"]);
    }
}
