//! What of the handshake was seen.

use crate::track::packed::packed;

/// What of the handshake was seen, and how long it took.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::track::tcp) struct Begin {
    /// A SYN without ACK, by direction.
    pub syn: [bool; 2],
    /// A SYN-ACK.
    pub syn_ack: bool,
    /// An acknowledgment behind a SYN-ACK.
    pub third: bool,
    /// A reset answered the SYN.
    pub refused: bool,
    /// It shows who is the originator.
    pub roles_known: bool,
    /// SYNs and SYN-ACKs sent again.
    pub retries: u32,
    /// SYN to SYN-ACK, where neither was sent again, nanoseconds.
    pub syn_rtt: Option<i64>,
    /// SYN to the first segment with ACK and without SYN, nanoseconds: the whole path, there and back.
    pub initial_rtt: Option<i64>,
}

packed! { Begin { syn, syn_ack, third, refused, roles_known, retries, syn_rtt, initial_rtt } }
