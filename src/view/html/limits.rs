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
    /// Elements of these parts together: what a browser takes its time for.
    pub elements: usize,
}

impl Default for Limits {
    /// A page below 10 MB that opens within two seconds.
    fn default() -> Self {
        Self {
            connections: 1_500,
            packets: 1_000,
            events: 500,
            conversations: 25,
            bytes: 7_000_000,
            elements: 30_000,
        }
    }
}

/// What is left of the bounds while the page is made.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    elements: usize,
    conversations: usize,
    /// What did not fit, in words.
    pub(super) left_out: Vec<String>,
}

impl Budget {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            bytes: limits.bytes,
            elements: limits.elements,
            conversations: limits.conversations,
            left_out: Vec::new(),
        }
    }

    /// May one more conversation be shown?
    pub(super) fn conversation(&mut self) -> bool {
        let more = self.conversations > 0 && self.bytes > 0;
        self.conversations = self.conversations.saturating_sub(1);
        more
    }

    /// How many of at most `most` rows a table may have, so that room is left for others.
    pub(super) fn rows(&self, most: usize) -> usize {
        most.min(self.elements / 30)
    }

    /// Takes room for `markup`, or says that `what` was left out.
    pub(super) fn fit(&mut self, markup: String, what: impl FnOnce() -> String) -> Result<String, String> {
        let elements = markup.matches('<').count().saturating_sub(markup.matches("</").count());
        match (self.bytes.checked_sub(markup.len()), self.elements.checked_sub(elements)) {
            (Some(bytes), Some(elements)) => {
                (self.bytes, self.elements) = (bytes, elements);
                Ok(markup)
            }
            _ => {
                let words = format!(
                    "{}: {} kB in {elements} elements, and only {} kB and {} elements of this page's room were left.",
                    what(),
                    markup.len().div_ceil(1000),
                    self.bytes / 1000,
                    self.elements
                );
                self.left_out.push(words.clone());
                Err(words)
            }
        }
    }
}
