//! Into a FIFO or a pipe: packets for whoever reads, as long as somebody does.

use nix::sys::signal::Signal;

use super::*;

/// A FIFO that anybody may read.
fn fifo(folder: &TempDir) -> PathBuf {
    let path = join(folder, "fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    path
}

#[test]
fn a_fifo_whose_reader_leaves_is_told() {
    inside("streams::a_fifo_whose_reader_leaves_is_told", || {
        let folder = folder();
        let path = fifo(&folder);
        let at = path.clone();
        let (left, gone) = std::sync::mpsc::channel();
        let reader = thread::spawn(move || {
            let mut file = CaptureFile::open(&at).unwrap();
            let mut numbers = Vec::new();
            for _ in 0..10 {
                numbers.push(number(file.next_packet().unwrap().unwrap().data));
            }
            drop(file);
            left.send(()).unwrap();
            numbers
        });
        let capture = Capture::start(&["-i", "lo", "-w", text(&path), "--for", "60s"]);
        let mut sender = Sender::new("127.0.0.1", 100);
        sender.send(100);
        gone.recv().unwrap();
        sender.send(1);
        let (status, tables, said) = capture.end();
        assert!(in_order(&reader.join().unwrap()));
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("nobody reads it any more"), "{said}");
        assert!(tables.contains("101 UDP datagrams"), "{tables}");
    });
}

#[test]
fn a_fifo_that_nobody_reads_does_not_outlive_a_signal_or_its_time() {
    inside("streams::a_fifo_that_nobody_reads_does_not_outlive_a_signal_or_its_time", || {
        let folder = folder();
        let path = fifo(&folder);
        let words = ["-i", "lo", "-w", text(&path)];
        let ends = [Some(Signal::SIGINT), Some(Signal::SIGTERM), Some(Signal::SIGHUP), None];
        for end in ends {
            let time = if end.is_none() { &["--for", "300ms"][..] } else { &[] };
            let capture = Capture::start_until("waiting until somebody reads it", &[&words, time].concat());
            if let Some(signal) = end {
                capture.signal(signal);
            }
            let (status, _, said) = capture.end();
            assert_eq!(status.code(), Some(1), "{end:?}: {said}");
            assert!(said.contains("fifo: nobody has opened it for reading"), "{end:?}: {said}");
        }
    });
}

#[test]
fn a_fifo_waits_for_its_reader_and_then_writing_does() {
    inside("streams::a_fifo_waits_for_its_reader_and_then_writing_does", || {
        let folder = folder();
        let path = fifo(&folder);
        let words = ["-i", "lo", "-w", text(&path), "-c", "500"];
        let mut capture = Capture::start_until("waiting until somebody reads it", &words);
        let mut file = fs::File::open(&path).unwrap();
        capture.hear("capturing on");
        // More than the kernel holds for a FIFO, before anything is read.
        Sender::new("127.0.0.1", 1000).send(500);
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).unwrap();
        let (status, _, said) = capture.end();
        assert_eq!(status.code(), Some(0), "{said}");
        let (numbers, fault) = piped(&folder, &octets);
        assert_eq!((numbers.len(), in_order(&numbers), fault), (500, true, None), "{said}");
    });
}

/// What is in a capture that came through a pipe.
fn piped(folder: &TempDir, octets: &[u8]) -> (Vec<u32>, Option<String>) {
    let copy = join(folder, "copy.pcapng");
    fs::write(&copy, octets).unwrap();
    saved(&copy)
}

#[test]
fn a_pipe_gets_the_packets_and_nothing_else() {
    inside("streams::a_pipe_gets_the_packets_and_nothing_else", || {
        let folder = folder();
        for format in ["text", "ndjson", "csv"] {
            let words =
                ["capture", "-i", "lo", "-c", "20", "-w", "-", "--format", format, "udp", "port", "7777"];
            let mut child = Command::new(&*PROGRAM)
                .args(words)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut errors = BufReader::new(child.stderr.take().unwrap());
            let mut said = String::new();
            while !said.contains("capturing on") {
                assert!(errors.read_line(&mut said).unwrap() > 0, "{format}: {said}");
            }
            Sender::new("127.0.0.1", 100).send(20);
            let rest = thread::spawn(move || {
                errors.read_to_string(&mut said).unwrap();
                said
            });
            let mut octets = Vec::new();
            child.stdout.take().unwrap().read_to_end(&mut octets).unwrap();
            let (status, said) = (child.wait().unwrap(), rest.join().unwrap());
            assert_eq!(status.code(), Some(0), "{format}: {said}");
            let (numbers, fault) = piped(&folder, &octets);
            assert_eq!((numbers.len(), in_order(&numbers), fault), (20, true, None), "{format}");
            let shown = if format == "text" { "20 UDP datagrams" } else { "127.0.0.1" };
            assert!(said.contains(shown) && said.contains("20 packets saved to standard output"), "{said}");
            // And from a file, without a capture.
            let copy = join(&folder, "copy.pcapng");
            let out = Command::new(&*PROGRAM)
                .args(["replay", text(&copy), "-w", "-", "--format", format])
                .output()
                .unwrap();
            let said = String::from_utf8(out.stderr).unwrap();
            assert_eq!(piped(&folder, &out.stdout).1, None, "{format}: {said}");
            assert!(said.contains(shown), "{format}: {said}");
        }
    });
}

#[test]
fn no_packets_are_written_to_a_terminal() {
    let test = "streams::no_packets_are_written_to_a_terminal";
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/chat-lo.pcapng");
    let line = format!("'{}' replay '{capture}' -w -", *PROGRAM);
    // A terminal of its own, whose output it hands over as it is.
    match Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output() {
        Ok(out) => {
            let said = String::from_utf8_lossy(&out.stdout);
            assert_eq!(out.status.code(), Some(1), "{said}");
            assert!(said.contains("packets are not for a terminal"), "{said}");
            assert!(said.len() < 300, "{said}");
        }
        Err(e) => println!("{test}: SKIPPED, script: {e}"),
    }
}
