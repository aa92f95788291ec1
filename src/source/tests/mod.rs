//! Tests of the readers on files that are made here, in every form they come in.

mod build;
mod cuts;
mod faults;
mod oracle;
mod packed;
mod several;

use super::*;

/// A packet as a test expects it: time, original length, link type, interface, octets.
pub(super) type Row = (i64, u32, u16, u32, Vec<u8>);

/// Reads all of `octets`: its packets, and how it ended.
pub(super) fn read_all(octets: &[u8]) -> (Vec<Row>, Option<SourceError>) {
    let input = Box::new(std::io::Cursor::new(octets.to_vec()));
    match CaptureFile::from_reader("test", input, None) {
        Ok(source) => drain(source),
        Err(fault) => (Vec::new(), Some(fault)),
    }
}

/// Reads a source to its end.
pub(super) fn drain(mut source: impl PacketSource) -> (Vec<Row>, Option<SourceError>) {
    let mut rows = Vec::new();
    let fault = loop {
        match source.next_packet() {
            Ok(Some(p)) => rows.push((p.ts.nanos(), p.orig_len, p.link.0, p.interface, p.data.to_vec())),
            Ok(None) => break None,
            Err(fault) => break Some(fault),
        }
    };
    // After the end, and after a fault, there is nothing more.
    assert!(matches!(source.next_packet(), Ok(None)));
    (rows, fault)
}
