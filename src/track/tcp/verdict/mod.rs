//! What really happened, with evidence.

/// What the verdicts need to remember of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {}
