//! TCP options: the walk must account for every octet, once.
#![no_main]

use synfin::decode::{OptionField, TcpOption, TcpOptions};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut octets = 0;
    for option in TcpOptions::new(data) {
        assert!(!option.to_string().is_empty());
        octets += match option {
            TcpOption::End { padding } => 1 + padding,
            TcpOption::Nop => 1,
            TcpOption::MaxSegmentSize(_) => 4,
            TcpOption::WindowScale(_) => 3,
            TcpOption::SackPermitted => 2,
            TcpOption::Sack(blocks) => 2 + 8 * blocks.as_slice().len(),
            TcpOption::Timestamps { .. } => 10,
            TcpOption::Md5(d) | TcpOption::Ao(d) | TcpOption::Mptcp(d) => 2 + d.len(),
            TcpOption::FastOpen(d) => 2 + d.len(),
            // A magic number of two octets stands before the cookie.
            TcpOption::FastOpenExperimental(d) => 4 + d.len(),
            TcpOption::Other { data, .. } => 2 + data.len(),
            TcpOption::Malformed { rest, .. } => rest.len(),
        };
    }
    assert_eq!(octets, data.len());
    let _ = OptionField(data).to_string();
});
