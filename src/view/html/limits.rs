//! How large a page may become.

/// Bounds of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of the table of connections.
    pub connections: usize,
    /// Rows in the table of packets of one conversation.
    pub packets: usize,
    /// Events listed for one conversation.
    pub events: usize,
    /// Conversations shown closely.
    pub conversations: usize,
    /// Octets of the parts about single conversations together.
    pub bytes: usize,
}

impl Default for Limits {
    /// A page below 10 MB that opens within two seconds.
    fn default() -> Self {
        Self { connections: 2_000, packets: 1_000, events: 500, conversations: 25, bytes: 7_000_000 }
    }
}

/// What is left of the bounds while the page is made.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    conversations: usize,
    /// What did not fit, in words.
    pub(super) left_out: Vec<String>,
}

impl Budget {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { bytes: limits.bytes, conversations: limits.conversations, left_out: Vec::new() }
    }

    /// May one more conversation be shown?
    pub(super) fn conversation(&mut self) -> bool {
        let more = self.conversations > 0 && self.bytes > 0;
        self.conversations = self.conversations.saturating_sub(1);
        more
    }

    /// Takes room for `markup`, or says that `what` was left out.
    pub(super) fn fit(&mut self, markup: String, what: impl FnOnce() -> String) -> Result<String, String> {
        match self.bytes.checked_sub(markup.len()) {
            Some(rest) => {
                self.bytes = rest;
                Ok(markup)
            }
            None => {
                let words = format!(
                    "{}: {} kB, and only {} kB of this page's room were left.",
                    what(),
                    markup.len().div_ceil(1000),
                    self.bytes / 1000
                );
                self.left_out.push(words.clone());
                Err(words)
            }
        }
    }
}
