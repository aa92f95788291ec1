//! Zeek's history of a connection, and its summary of the states.

use crate::model::{Side, TcpFlags};
use crate::track::packed::{Packed, Packer, Unpacker};
use crate::track::{Handshake, Teardown};

/// Zeek's history string: a letter for each kind of packet, upper case for the
/// originator; each kind once per side, `T` and `W` again at the 10th, 100th, ….
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct History {
    letters: [u8; 28],
    len: u8,
    /// Two sets of 13 letters that were noted.
    noted: [u16; 2],
    repeats: [[u32; 2]; 2],
}

const ONCE: &[u8] = b"shadfrgqi^";

/// The bit that tells whether a letter was noted.
const fn bit(letter: u8) -> u16 {
    let mut at = 0;
    while at < ONCE.len() {
        if ONCE[at] == letter {
            return 1 << at;
        }
        at += 1;
    }
    0
}

impl History {
    /// Notes a letter (lower case) for a direction, 0 or 1 by who sent first.
    fn once(&mut self, dir: usize, letter: u8) {
        let bit = bit(letter);
        if self.noted[dir & 1] & bit == 0 {
            self.noted[dir & 1] |= bit;
            self.push(dir, letter);
        }
    }

    fn logarithmic(&mut self, dir: usize, which: usize, letter: u8) {
        let count = &mut self.repeats[dir & 1][which];
        *count = count.saturating_add(1);
        if count.is_power_of_ten() {
            self.push(dir, letter);
        }
    }

    fn push(&mut self, dir: usize, letter: u8) {
        if let Some(slot) = self.letters.get_mut(usize::from(self.len)) {
            // The case is decided when it is printed: the roles may not be known yet.
            *slot = letter | if dir == 0 { 0x80 } else { 0 };
            self.len += 1;
        }
    }

    /// Notes what a segment shows. `resent`: it repeats payload; `gap`: payload before it
    /// is missing.
    #[inline]
    pub fn note(&mut self, dir: usize, flags: TcpFlags, len: u32, window: u16, resent: bool, gap: bool) {
        const DATA: u16 = bit(b'd');
        const ACK: u16 = bit(b'a');
        // Nearly every segment shows no more than one before it did.
        let usual = if len > 0 { DATA } else { ACK };
        let plain =
            !flags.any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) && !resent && !gap && window != 0;
        if !plain || self.noted[dir & 1] & usual == 0 {
            self.note_news(dir, flags, len, window, resent, gap);
        }
    }

    fn note_news(&mut self, dir: usize, flags: TcpFlags, len: u32, window: u16, resent: bool, gap: bool) {
        use TcpFlags as F;
        let ends = flags.has(F::FIN) || flags.has(F::RST);
        if flags.has(F::SYN) && ends {
            self.once(dir, b'q');
        } else if flags.has(F::FIN) && flags.has(F::RST) {
            self.once(dir, b'i');
        }
        if flags.has(F::SYN) {
            self.once(dir, if flags.has(F::ACK) { b'h' } else { b's' });
        }
        if gap {
            self.once(dir, b'g');
        }
        if window == 0 && !flags.any(F::SYN | F::FIN | F::RST) {
            self.logarithmic(dir, 1, b'w');
        }
        if len > 0 {
            if resent {
                self.logarithmic(dir, 0, b't');
            } else {
                self.once(dir, b'd');
            }
        } else if flags.has(F::ACK) && !flags.has(F::SYN) && !ends {
            self.once(dir, b'a');
        }
        if flags.has(F::FIN) {
            self.once(dir, b'f');
        }
        if flags.has(F::RST) {
            self.once(dir, b'r');
        }
    }

    /// The string, with the originator in upper case; `^` first when the sender of the
    /// first packet turned out to be the responder.
    pub fn text(&self, first_sender: Side) -> String {
        let mut text = String::with_capacity(usize::from(self.len) + 1);
        if first_sender == Side::Resp {
            text.push('^');
        }
        for &l in self.letters.iter().take(usize::from(self.len)) {
            let by_first = l & 0x80 != 0;
            let letter = char::from(l & 0x7f);
            let orig = by_first == (first_sender == Side::Orig);
            text.push(if orig { letter.to_ascii_uppercase() } else { letter });
        }
        text
    }
}

trait PowerOfTen {
    fn is_power_of_ten(&self) -> bool;
}

impl PowerOfTen for u32 {
    fn is_power_of_ten(&self) -> bool {
        matches!(
            *self,
            1 | 10 | 100 | 1000 | 10_000 | 100_000 | 1_000_000 | 10_000_000 | 100_000_000 | 1_000_000_000
        )
    }
}

/// Zeek's `conn_state`, from how the connection began and ended.
pub(super) fn conn_state(
    handshake: Handshake,
    teardown: Teardown,
    orig_fin: bool,
    resp_fin: bool,
) -> &'static str {
    match (handshake, teardown) {
        (Handshake::Midstream, _) => "OTH",
        (Handshake::Refused, _) => "REJ",
        (Handshake::Unanswered, Teardown::Reset { by: Side::Orig, .. }) => "RSTOS0",
        (Handshake::Unanswered, Teardown::Reset { by: Side::Resp, .. }) => "REJ",
        (Handshake::Unanswered, _) if orig_fin => "SH",
        (Handshake::Unanswered, _) => "S0",
        (Handshake::SynAckOnly, Teardown::Reset { by: Side::Resp, .. }) => "RSTRH",
        (Handshake::SynAckOnly, _) if resp_fin => "SHR",
        (Handshake::SynAckOnly, _) => "OTH",
        (_, Teardown::Reset { by: Side::Orig, .. }) => "RSTO",
        (_, Teardown::Reset { by: Side::Resp, .. }) => "RSTR",
        (_, Teardown::Open) => "S1",
        (_, Teardown::HalfClosed { by: Side::Orig }) => "S2",
        (_, Teardown::HalfClosed { by: Side::Resp }) => "S3",
        (_, Teardown::Closed { .. } | Teardown::Simultaneous { .. }) => "SF",
    }
}

impl Packed for History {
    fn pack(&self, to: &mut Packer) {
        self.len.pack(to);
        for eight in self.letters.chunks(8).take(usize::from(self.len).div_ceil(8)) {
            eight.iter().rev().fold(0, |n, &letter| n << 8 | u64::from(letter)).pack(to);
        }
        let [a, b] = self.noted;
        (u32::from(a) << 16 | u32::from(b)).pack(to);
        (self.repeats != [[0; 2]; 2]).then_some(self.repeats).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let len = u8::unpack(from);
        let mut letters = [0; 28];
        for eight in letters.chunks_mut(8).take(usize::from(len).div_ceil(8)) {
            eight.iter_mut().zip(u64::unpack(from).to_le_bytes()).for_each(|(letter, l)| *letter = l);
        }
        let noted = u32::unpack(from);
        let noted = [(noted >> 16) as u16, noted as u16];
        Self { letters, len, noted, repeats: Option::unpack(from).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::track::CONN_STATES;

    #[test]
    fn every_summary_is_one_of_the_list() {
        let mut seen = Vec::new();
        for handshake in Handshake::ALL {
            for by in Side::BOTH {
                let teardowns = [
                    Teardown::Open,
                    Teardown::HalfClosed { by },
                    Teardown::Closed { first: by, three_segments: true, acknowledged: true },
                    Teardown::Simultaneous { first: by, acknowledged: true },
                    Teardown::Reset { by, state: None, frame: 1 },
                ];
                for teardown in teardowns {
                    for (orig_fin, resp_fin) in [(false, false), (true, false), (false, true)] {
                        seen.push(conn_state(handshake, teardown, orig_fin, resp_fin));
                    }
                }
            }
        }
        assert!(seen.iter().all(|word| CONN_STATES.contains(word)), "{seen:?}");
        assert!(CONN_STATES.iter().all(|word| seen.contains(word)), "{seen:?}");
    }
}
