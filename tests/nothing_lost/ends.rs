//! What ends a capture: signals, its interface, its reader.

use nix::sys::signal::Signal;
use synfin::source::Followed;

use super::*;

#[test]
fn signals_leave_a_whole_file_and_a_summary() {
    inside("ends::signals_leave_a_whole_file_and_a_summary", || {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            for name in ["a.pcapng", "a.pcap"] {
                let folder = folder();
                let path = join(&folder, name);
                let capture = Capture::start(&["-i", "lo", "-w", text(&path)]);
                Sender::new("127.0.0.1", 100).send(500);
                capture.signal(signal);
                let (status, tables, said) = capture.end();
                assert_eq!(status.code(), Some(0), "{signal}: {said}");
                assert!(tables.contains("500 UDP datagrams"), "{signal}: {tables}");
                for word in ["500 packets saved to", "500 packets captured", ", 0 dropped by the kernel"] {
                    assert!(said.contains(word), "{signal}: no '{word}' in {said}");
                }
                let (numbers, fault) = saved(&path);
                assert_eq!((numbers.len(), in_order(&numbers), fault), (500, true, None), "{signal} {name}");
            }
        }
    });
}

#[test]
fn killed_it_leaves_what_was_flushed() {
    inside("ends::killed_it_leaves_what_was_flushed", || {
        for name in ["a.pcapng", "a.pcap"] {
            let folder = folder();
            let path = join(&folder, name);
            let mut capture = Capture::start(&["-i", "lo", "-w", text(&path)]);
            let mut sender = Sender::new("127.0.0.1", 100);
            sender.send(300);
            // Nothing else comes, and still they reach the file: within a second, says the help.
            let mut followed = Followed::open(&path, Default::default()).unwrap();
            for _ in 0..300 {
                assert!(followed.next_packet().unwrap().is_some());
            }
            sender.send(300);
            capture.child.kill().unwrap();
            let (status, ..) = capture.end();
            assert_eq!(status.code(), None, "it was killed");
            let (numbers, fault) = saved(&path);
            assert!(numbers.len() >= 300 && in_order(&numbers), "{name}: {}", numbers.len());
            assert!(fault.is_none_or(|f| f.contains("cut short")), "{name}");
        }
    });
}

#[test]
fn an_interface_that_goes_away_is_told_and_what_it_carried_is_saved() {
    inside("ends::an_interface_that_goes_away_is_told_and_what_it_carried_is_saved", || {
        for end in ["link set va down", "link del va"] {
            ip("link add va type veth peer name vb");
            for command in [
                "link set va up",
                "link set vb up",
                "addr add 10.77.0.1/24 dev va",
                "neigh add 10.77.0.2 lladdr 02:00:00:00:00:02 dev va",
            ] {
                ip(command);
            }
            let folder = folder();
            let path = join(&folder, "a.pcapng");
            let capture = Capture::start(&["-i", "va", "-w", text(&path), "--for", "60s"]);
            Sender::new("10.77.0.2", 100).send(300);
            ip(end);
            let (status, tables, said) = capture.end();
            assert_eq!(status.code(), Some(1), "{end}: {said}");
            assert!(said.contains("went down") || said.contains("disappeared"), "{end}: {said}");
            assert!(said.contains("300 packets saved") && said.contains("dropped by the kernel"), "{said}");
            assert!(tables.contains("300 UDP datagrams"), "{end}: {tables}");
            let (numbers, fault) = saved(&path);
            assert_eq!((numbers.len(), in_order(&numbers), fault), (300, true, None), "{end}");
            let _ = may("ip", &["link", "del", "va"]);
        }
    });
}
