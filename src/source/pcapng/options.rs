//! Options of pcapng blocks: code, length, value, padding to four octets.

use super::super::bytes::Order;

/// The end of the options.
const END: u16 = 0;
/// A comment, in any block.
pub(crate) const COMMENT: u16 = 1;

/// The options in `octets`: code and value. Ends quietly where they do, or where
/// they stop making sense: options never decide whether a packet is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a> {
    pub(crate) octets: &'a [u8],
    pub(crate) order: Order,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let code = self.order.u16(self.octets.get(..4)?, 0);
        let length = usize::from(self.order.u16(self.octets, 2));
        if code == END {
            return None;
        }
        let value = self.octets.get(4..4 + length)?;
        self.octets = self.octets.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

impl<'a> Options<'a> {
    /// The value of the first option `code`.
    pub(crate) fn find(mut self, code: u16) -> Option<&'a [u8]> {
        self.find_map(|(c, value)| (c == code).then_some(value))
    }

    /// The text of the first option `code`; octets that are not UTF-8 are replaced.
    pub(crate) fn text(self, code: u16) -> Option<String> {
        self.find(code).map(|value| String::from_utf8_lossy(value).trim_end_matches('\0').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_where_they_stop_making_sense() {
        let all =
            [1, 0, 2, 0, b'h', b'i', 0, 0, 9, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, b'x', 0, 0, 0];
        for cut in 0..=all.len() {
            let options = Options { octets: &all[..cut], order: Order::Little };
            let found: Vec<_> = options.collect();
            let expected = if cut >= 13 { 2 } else { usize::from(cut >= 6) };
            assert_eq!(found.len(), expected, "cut at {cut}");
            assert_eq!(options.text(COMMENT).as_deref(), (cut >= 6).then_some("hi"));
        }
    }
}
