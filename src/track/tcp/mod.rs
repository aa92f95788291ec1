//! TCP connections: labels, states, how they begin and end, figures and verdicts.

mod conversation;
mod facts;
mod half;
mod history;
mod label;
mod outstanding;
mod rtt;
mod scale;
mod state;
mod stats;
mod verdict;

pub use conversation::TcpConversation;
pub use rtt::Rtt;
pub use stats::Stats;

pub(super) use conversation::Name;
pub(super) use facts::OptionFacts;
pub(super) use outstanding::Pool;

#[cfg(test)]
mod tests {
    use super::TcpConversation;

    /// Octets that a tracked connection may take, in whole cache lines of 64:
    /// ARCHITECTURE.md states the size of today.
    const ROOM: usize = 1152;

    #[test]
    fn a_connection_grows_only_on_purpose() {
        let size = size_of::<TcpConversation>();
        println!("a tracked connection: {size} octets");
        assert_eq!(size.next_multiple_of(64), ROOM, "{size} octets: state it in ARCHITECTURE.md");
    }
}
