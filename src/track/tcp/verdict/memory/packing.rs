//! How that is packed while the connection rests.

use super::{Hole, Memory, Opened, Print, Rare, Resent, Said, SideMemory, Skip, Trigger};
use crate::track::packed::{Packed, Packer, Unpacker, packed};

packed! {
    Memory { copies, packets, said }
    Said { established, closed, reset, captured_twice, list_full }
    SideMemory {
        recent, newest, syn, srtt, min_rtt, sack_high, duplicate_acks, small, offloaded_in_a_row, ttl,
        ttl_settled, window_closed, window_limited, offload_segments, offload_checksums, nagle_said,
        latest_is_copy, fin_said, sent_fin, rare,
    }
    Rare {
        holes, holes_full, skips, resent, resent_forgotten, repaired, sacked, begins, acked, doubt, heard,
        zero_window, opened, late_ack,
    }
    Opened { closed_by, closed, at, tsval }
    Hole { start, end, frame, ts, id_before, id_after, tsval_after, acked }
    Skip { seq, ip_id, tsval, after }
    Resent {
        frame, seq, end, ts, tsval, ip_id, gap, count, high, trigger, skipped_by, of, wanted, covered,
        answered, filled, eifel, doubted, late, spurious, reported,
    }
}

impl Packed for Print {
    fn pack(&self, to: &mut Packer) {
        let Self { frame, ts, seq, ack, len, tsval, ip_id, checksum, flags, ttl } = *self;
        (frame, ts, (seq, ack)).pack(to);
        (len, tsval).pack(to);
        let fields = u64::from(ip_id) << 40 | u64::from(checksum) << 24 | u64::from(flags) << 8;
        (fields | u64::from(ttl)).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        let (frame, ts, (seq, ack)) = Packed::unpack(from);
        let (len, tsval) = Packed::unpack(from);
        let fields = u64::unpack(from);
        let (ip_id, checksum) = ((fields >> 40) as u16, (fields >> 24) as u16);
        Self {
            frame,
            ts,
            seq,
            ack,
            len,
            tsval,
            ip_id,
            checksum,
            flags: (fields >> 8) as u16,
            ttl: fields as u8,
        }
    }
}

impl Packed for Trigger {
    fn pack(&self, to: &mut Packer) {
        (*self as u8).pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Self {
        match u8::unpack(from) {
            1 => Self::Timeout,
            2 => Self::Recovery,
            3 => Self::Probe,
            _ => Self::Unknown,
        }
    }
}
