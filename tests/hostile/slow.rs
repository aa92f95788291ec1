//! What is made to be slow, or to unpack to more than memory holds.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use super::{MEMORY, analyse, processor};

/// A classic pcap file of these frames.
fn pcap(link: u32, frames: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(0xa1b2_c3d4u32.to_le_bytes());
    out.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    out.extend(link.to_le_bytes());
    for (n, frame) in (0u32..).zip(frames) {
        for word in [n, 0, frame.len() as u32, frame.len() as u32] {
            out.extend(word.to_le_bytes());
        }
        out.extend(frame);
    }
    out
}

/// An IPv4 fragment of UDP, `data` octets long, `offset` octets into the datagram.
fn fragment(id: u16, offset: u16, more: bool, data: usize) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend((20 + data as u16).to_be_bytes());
    out.extend(id.to_be_bytes());
    out.extend(((offset / 8) | if more { 0x2000 } else { 0 }).to_be_bytes());
    out.extend([64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    out.resize(20 + data, 0x2e);
    out
}

/// An IPv4 packet with a TCP segment of two octets at `seq`.
fn segment(seq: u32) -> Vec<u8> {
    let mut out = vec![0x45, 0, 0, 42, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 81];
    out.extend(seq.to_be_bytes());
    out.extend([0, 0, 0, 1, 0x50, 0x10, 4, 0, 0, 0, 0, 0, 0x2e, 0x2e]);
    out
}

/// A pcapng file of `n` interfaces whose names have `name` octets, and nothing else.
fn interfaces(n: usize, name: usize) -> Vec<u8> {
    let mut out = vec![0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    out.extend([0xff; 8]);
    out.extend(28u32.to_le_bytes());
    let mut block = 1u32.to_le_bytes().to_vec();
    let length = (24 + name.next_multiple_of(4)) as u32;
    block.extend(length.to_le_bytes());
    block.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0]);
    block.extend((name as u16).to_le_bytes());
    block.resize(block.len() + name.next_multiple_of(4), b'x');
    block.extend(length.to_le_bytes());
    (0..n).for_each(|_| out.extend(&block));
    out
}

/// What is made to be slow: four times as much of it may take four times as long, but not
/// sixteen times.
#[test]
fn what_is_made_to_be_slow_takes_time_in_proportion() {
    let lines = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>().into_bytes();
    type Make<'a> = &'a dyn Fn(usize) -> Vec<u8>;
    let cases: [(&str, usize, Make<'_>); 9] = [
        ("connections in a script", 20_000, &|n| {
            let mut text =
                lines(n, &|i| format!("udp 10.{}.{}.{}:1 > 10.0.0.1:2\n", i >> 16, i >> 8 & 255, i & 255));
            text.extend(b"0 > udp(0)\n");
            text
        }),
        ("labels in a script", 10_000, &|n| {
            let mut text = lines(n, &|i| {
                format!("udp c{i} 10.{}.{}.{}:1 > 10.0.0.1:2\n", i >> 16, i >> 8 & 255, i & 255)
            });
            text.extend(lines(n, &|i| format!("+0 c{} > udp(0)\n", n - 1 - i)));
            text.extend(lines(n, &|i| format!("end c{i} packets=1\n")));
            text
        }),
        ("first fragments of large datagrams", 20_000, &|n| {
            pcap(101, (0..n).map(|i| fragment(i as u16, 65_000, true, 8)))
        }),
        ("stretches of datagrams that never touch", 20_000, &|n| {
            pcap(101, (0..n).map(|i| fragment((i / 4000) as u16, (i % 4000 * 16) as u16, true, 8)))
        }),
        ("whole datagrams behind one that waits", 20_000, &|n| {
            let pair = |i: usize| [fragment(i as u16, 0, true, 8), fragment(i as u16, 8, false, 8)];
            pcap(
                101,
                std::iter::once(fragment(0, 0, true, 8)).chain((0..n).flat_map(|i| pair(1 + i % 65_000))),
            )
        }),
        ("octets in falling order, never acknowledged", 10_000, &|n| {
            pcap(101, (0..n).map(|i| segment(u32::MAX - 2 * i as u32)))
        }),
        ("interfaces", 100_000, &|n| interfaces(n, 4)),
        ("octets of one line of a script", 100_000, &|n| {
            let mut text = b"udp 10.0.0.1:1 > 10.0.0.2:2\n0 > udp(0) ".to_vec();
            text.resize(text.len() + n, b'(');
            text
        }),
        ("repeats of a large datagram in a script", 500, &|n| {
            let mut text = b"udp 10.0.0.1:1 > 10.0.0.2:2\n0 > udp(65000)\n".to_vec();
            text.extend(lines(n, &|_| "+0 dup\n".to_owned()));
            text
        }),
    ];
    for (what, n, make) in cases {
        let time = |n| {
            let octets = make(n);
            let before = processor();
            analyse(&octets);
            (processor() - before, octets.len())
        };
        let ((once, _), (four, octets)) = (time(n), time(4 * n));
        println!("{what}: {n} in {once:?}, {} ({octets} octets) in {four:?}", 4 * n);
        assert!(
            four <= once * 8 + Duration::from_millis(200),
            "{what}: {once:?}, and four times as many {four:?}"
        );
    }
}

#[test]
fn a_little_that_unpacks_to_much_takes_no_memory() {
    use std::io::Write as _;
    let name = "slow::a_little_that_unpacks_to_much_takes_no_memory";
    // Memory is counted for a process: one of its own.
    if std::env::var_os("SYNFIN_HOSTILE_INSIDE").is_none() {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env("SYNFIN_HOSTILE_INSIDE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        print!("{said}");
        assert!(
            run.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&run.stderr)
        );
        return;
    }
    let pack = |pieces: &mut dyn Iterator<Item = Vec<u8>>| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        pieces.for_each(|piece| out.write_all(&piece).unwrap());
        out.finish().unwrap()
    };
    // A D-Bus message may have 128 MiB; nothing else may, and names of interfaces may not either.
    let message = |size: u32| {
        let mut head = pcap(231, std::iter::empty());
        [0, 0, size, size].into_iter().for_each(|word| head.extend(word.to_le_bytes()));
        pack(&mut std::iter::once(head).chain((0..size >> 20).map(|_| vec![0; 1 << 20])))
    };
    let names = interfaces(1, 65_000);
    let names =
        pack(&mut std::iter::once(names[..28].to_vec()).chain((0..8000).map(|_| names[28..].to_vec())));
    for (what, octets) in [("the largest message", message(128 << 20)), ("8,000 names", names)] {
        let (packets, _) = analyse(&octets);
        let memory = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() * 1024;
        println!("{what}: {} octets of file, {packets} packets, {} MB of memory", octets.len(), memory >> 20);
        assert!(memory <= MEMORY, "{what}: {memory} octets of memory");
    }
}
