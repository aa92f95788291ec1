//! Captures in a network namespace that each test makes for itself.

use std::net::UdpSocket;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::*;

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).status().is_ok_and(|status| status.success())
}

/// Runs `test` on a thread with a network of its own, where that can be had.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let run = thread::spawn(|| {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() || !ip("link set lo up") {
            eprintln!("skipped: no network namespace can be made here (it takes root and `ip`)");
            return;
        }
        test();
    });
    if let Err(panic) = run.join() {
        std::panic::resume_unwind(panic);
    }
}

fn options(interface: &str, millis: u64) -> LiveOptions {
    LiveOptions { duration: Some(Duration::from_millis(millis)), ..LiveOptions::new(interface) }
}

fn drain(source: &mut LiveSource) -> Vec<(u64, u32, Vec<u8>)> {
    let mut rows = Vec::new();
    while let Some(p) = source.next_packet().unwrap() {
        rows.push((p.number, p.orig_len, p.data.to_vec()));
    }
    rows
}

#[test]
fn a_burst_is_captured_whole_and_the_deadline_ends_an_idle_capture() {
    in_namespace(|| {
        let filtered = LiveOptions { filter: Some("udp port 7777".to_owned()), ..options("lo", 400) };
        let mut source = LiveSource::open(&filtered).unwrap();
        // More than an immediate capture's buffer has slots for, before anything is read.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..3000u32 {
            socket.send_to(&n.to_be_bytes(), "127.0.0.1:7777").unwrap();
        }
        let started = Instant::now();
        let rows = drain(&mut source);
        assert!(started.elapsed() < Duration::from_secs(3));
        assert_eq!(source.drops().unwrap().kernel, 0);
        assert_eq!(rows.len(), 3000);
        for ((number, orig_len, data), n) in rows.iter().zip(0u32..) {
            assert_eq!((*number, *orig_len), (u64::from(n) + 1, 46));
            assert_eq!(data[42..], n.to_be_bytes());
        }
        assert!(source.next_packet().unwrap().is_none());
    });
}

#[test]
fn what_was_sent_before_the_stop_is_handed_over() {
    in_namespace(|| {
        for immediate in [false, true] {
            let stop = Arc::new(AtomicBool::new(false));
            let asked = LiveOptions { immediate, stop: Arc::clone(&stop), ..LiveOptions::new("any") };
            let mut source = LiveSource::open(&asked).unwrap();
            assert_eq!(source.interfaces()[0].link, LinkType::LINUX_SLL2);
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            // An immediate capture has room for 64 packets, and each comes twice.
            for _ in 0..10 {
                socket.send_to(b"before the stop", "127.0.0.1:7777").unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            let rows = drain(&mut source);
            // `any` sees each twice on lo, leaving and arriving, besides the ICMP errors.
            let sent = rows.iter().filter(|row| row.2.ends_with(b"before the stop") && row.1 == 63).count();
            assert!(sent >= 10, "{sent} of {}", rows.len());
        }
    });
}

#[test]
fn an_interface_that_goes_away_is_told_after_what_was_read() {
    in_namespace(|| {
        let mut source = LiveSource::open(&options("lo", 5000)).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"x", "127.0.0.1:7777").unwrap();
        assert!(source.next_packet().unwrap().is_some());
        assert!(ip("link set lo down"));
        let fault = loop {
            match source.next_packet() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the end is not told"),
                Err(fault) => break fault.to_string(),
            }
        };
        assert!(fault.starts_with("lo: packet "), "{fault}");
        assert!(
            fault.contains("went down") || fault.contains("down") || fault.contains("disappeared"),
            "{fault}"
        );
        assert!(source.next_packet().unwrap().is_none());
    });
}

#[test]
fn what_cannot_be_captured_on_is_named() {
    in_namespace(|| {
        let fault = LiveSource::open(&LiveOptions::new("nope0")).err().unwrap().to_string();
        assert!(
            fault.contains("there is no interface nope0 (there are: ") && fault.contains("lo"),
            "{fault}"
        );
        let bad = LiveOptions { filter: Some("tcp prot 80".to_owned()), ..LiveOptions::new("lo") };
        let fault = LiveSource::open(&bad).err().unwrap().to_string();
        assert!(fault.starts_with("tcp prot 80: bad filter: "), "{fault}");
    });
}
