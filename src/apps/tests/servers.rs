//! The TCP servers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn echo_returns_every_octet_to_a_client_that_half_closes() {
    for (framing, payload) in [
        (Framing::Raw, (0..3_000_000u32).map(|i| (i % 251) as u8).collect::<Vec<_>>()),
        (Framing::Line, b"a line\n\nand another\n".repeat(20_000)),
        (Framing::Length, [&b"\0\0\0\x05hello"[..], b"\0\0\0\0"].concat().repeat(50_000)),
    ] {
        let server = start(Echo, framing, Limits::ALONE);
        let stream = server.connect();
        let writer = stream.try_clone().unwrap();
        let sent = payload.clone();
        // Far more than both sockets hold: it must be read while it is written.
        let thread = thread::spawn(move || {
            (&writer).write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        (&stream).read_to_end(&mut back).unwrap();
        thread.join().unwrap();
        assert!(back == payload, "{framing}: {} of {}", back.len(), payload.len());
        assert_eq!(server.gone(), Gone::Closed);
        server.end();
    }
}

#[test]
fn messages_are_whole_though_each_octet_is_a_segment() {
    let server = start(Echo, Framing::Length, Limits::ALONE);
    let stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for octet in b"\0\0\0\x06whole!" {
        (&stream).write_all(&[*octet]).unwrap();
    }
    let mut back = [0; 10];
    (&stream).read_exact(&mut back).unwrap();
    assert_eq!(&back, b"\0\0\0\x06whole!");
    let tally = server.end();
    assert_eq!((tally.messages, tally.octets), (1, 6));
}

#[test]
fn a_chat_of_three_until_one_says_exit() {
    let server = start(Chat::default(), Framing::Line, Limits::CHAT);
    let mut ann = server.enter("ann");
    let mut bob = server.enter("bob");
    assert_eq!(ann.hears(), "* bob joined");
    let mut eve = server.enter("eve");
    assert_eq!([ann.hears(), bob.hears()], ["* eve joined", "* eve joined"]);
    ann.says("hello");
    assert_eq!([bob.hears(), eve.hears()], ["ann: hello", "ann: hello"]);
    eve.says("\x1b[2J\x07\u{202e}gone");
    let seen = "eve: \\u{1b}[2J\\u{7}\\u{202e}gone";
    assert_eq!([ann.hears(), bob.hears()], [seen, seen]);
    bob.says("exit");
    assert_eq!([bob.hears(), bob.hears()], ["* goodbye", ""]);
    assert_eq!([ann.hears(), eve.hears()], ["* bob left", "* bob left"]);
    eve.stream.shutdown(Shutdown::Both).unwrap();
    assert_eq!(ann.hears(), "* eve left");
    server.end();
    assert_eq!([ann.hears(), ann.hears()], ["* the chat is over", ""]);
}

#[test]
fn names_are_checked() {
    let server = start(Chat::default(), Framing::Line, Limits::CHAT);
    let _ann = server.enter("ann");
    let stream = server.connect();
    let mut other = Person { lines: BufReader::new(stream.try_clone().unwrap()), stream };
    assert_eq!(other.hears(), "* your name?");
    let cases = [
        ("ANN", "* that name is taken; another?"),
        ("", "* a name has 1 to 24 characters; another?"),
        ("* server", "* a name is made of letters, digits, '-', '_' and '.'; another?"),
        ("\x1b[31mred", "* a name is made of letters, digits, '-', '_' and '.'; another?"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "* a name has 1 to 24 characters; goodbye"),
        ("late", ""),
    ];
    for (name, answer) in cases {
        let _ = other.stream.write_all(format!("{name}\n").as_bytes());
        assert_eq!(other.hears(), answer);
    }
    server.end();
}

#[test]
fn one_who_never_reads_is_dropped_and_the_others_talk_on() {
    let limits = Limits { rate: None, queue: 0, ..Limits::CHAT };
    let server = start(Chat::default(), Framing::Line, limits);
    let mut ann = server.enter("ann");
    let deaf = server.enter("deaf");
    assert_eq!(ann.hears(), "* deaf joined");
    let mut bob = server.enter("bob");
    assert_eq!(ann.hears(), "* bob joined");
    let line = "x".repeat(2000);
    let heard = thread::spawn(move || {
        let mut lines = 0;
        loop {
            match bob.hears() {
                told if told.starts_with("* deaf left") => return (lines, told),
                said => assert!(said.starts_with("ann: xxx"), "{said}"),
            }
            lines += 1;
        }
    });
    let mut said = 0;
    while !heard.is_finished() {
        ann.says(&line);
        said += 1;
    }
    let (lines, told) = heard.join().unwrap();
    assert_eq!(told, "* deaf left (did not read what it was sent)");
    assert!(lines <= said);
    assert_eq!(server.gone(), Gone::TooSlow);
    // Dropped with RST: nothing of it is left in the kernel.
    let mut rest = deaf.lines;
    let end = io::copy(&mut rest, &mut io::sink());
    assert!(end.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset));
    server.end();
}

#[test]
fn an_echo_client_that_never_reads_stops_only_itself() {
    let limits = Limits { stall: Duration::from_millis(300), ..Limits::ALONE };
    let server = start(Echo, Framing::Raw, limits);
    let deaf = server.connect();
    let flood = thread::spawn(move || {
        let piece = vec![7; 64 * 1024];
        // Ends when the server has had enough of it.
        while (&deaf).write_all(&piece).is_ok() {}
    });
    let mut calls = 0;
    while !flood.is_finished() {
        let friend = server.connect();
        (&friend).write_all(b"hi").unwrap();
        let mut back = [0; 2];
        (&friend).read_exact(&mut back).unwrap();
        calls += 1;
    }
    flood.join().unwrap();
    assert!(calls > 0);
    assert!(
        std::iter::from_fn(|| server.left.try_recv().ok()).any(|(id, why)| id.0 == 1 && why == Gone::TooSlow)
    );
    server.end();
}

#[test]
fn ten_megabytes_without_a_newline_end_that_client_alone() {
    let server = start(Chat::default(), Framing::Line, Limits::CHAT);
    let mut ann = server.enter("ann");
    let mut bob = server.enter("bob");
    assert_eq!(ann.hears(), "* bob joined");
    let mut eve = server.enter("eve");
    assert_eq!([ann.hears(), bob.hears()], ["* eve joined", "* eve joined"]);
    let flood = thread::spawn(move || {
        let piece = [b'x'; 10_000];
        let _ = (0..1000).try_for_each(|_| eve.stream.write_all(&piece));
        eve.lines.lines().map_while(Result::ok).last()
    });
    let told = "* eve left (a message longer than 2048 octets)";
    assert_eq!([ann.hears(), bob.hears()], [told, told]);
    ann.says("still here");
    assert_eq!(bob.hears(), "ann: still here");
    flood.join().unwrap();
    server.end();
}

#[test]
fn the_one_who_says_too_much_is_told_why() {
    let server = start(Chat::default(), Framing::Line, Limits::CHAT);
    let mut eve = server.enter("eve");
    eve.says(&"x".repeat(5000));
    assert_eq!([eve.hears(), eve.hears()], ["* a message longer than 2048 octets; goodbye", ""]);
    server.end();
}

#[test]
fn a_flood_of_short_lines_is_slowed_and_harms_nobody() {
    let limits = Limits { rate: Some(Rate { burst: 5, per_second: 50 }), ..Limits::CHAT };
    let server = start(Chat::default(), Framing::Line, limits);
    let mut ann = server.enter("ann");
    let mut eve = server.enter("eve");
    assert_eq!(ann.hears(), "* eve joined");
    let start = Instant::now();
    eve.stream.write_all(&b"a\n".repeat(40)).unwrap();
    for _ in 0..40 {
        assert_eq!(ann.hears(), "eve: a");
    }
    // Her name and 40 lines at 50 a second, 5 of them at once.
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
    server.end();
}

#[test]
fn the_silent_are_closed_and_their_place_is_free_again() {
    let short = Some(Duration::from_millis(200));
    let limits = Limits { clients: 2, per_address: 2, first: short, ..Limits::CHAT };
    let server = start(Chat::default(), Framing::Line, limits);
    let mut ann = server.enter("ann");
    let silent = server.connect();
    let mut silent = BufReader::new(silent).lines().map_while(Result::ok);
    assert_eq!(silent.next().unwrap(), "* your name?");
    let mut third = BufReader::new(server.connect()).lines().map_while(Result::ok);
    assert_eq!(third.next().unwrap(), "* the chat is full; try later");
    assert_eq!(third.next(), None);
    assert_eq!(silent.next().unwrap(), "* silent for 0 s; goodbye");
    assert_eq!(silent.next(), None);
    assert!(matches!(server.gone(), Gone::Silent(_)));
    // The place is free once the silent one has closed too.
    drop(silent);
    let mut bob = loop {
        let stream = server.connect();
        let mut bob = Person { lines: BufReader::new(stream.try_clone().unwrap()), stream };
        if bob.hears() == "* your name?" {
            break bob;
        }
    };
    bob.says("bob");
    assert!(bob.hears().starts_with("* hello bob"));
    assert_eq!(ann.hears(), "* bob joined");
    assert!(server.end().refused >= 1);
}

#[test]
fn discard_reads_it_all_and_says_nothing() {
    let server = start(Discard, Framing::Raw, Limits::ALONE);
    let stream = server.connect();
    (&stream).write_all(&vec![1; 1_000_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    (&stream).read_to_end(&mut back).unwrap();
    assert!(back.is_empty());
    assert_eq!(server.end().octets, 1_000_000);
}

#[test]
fn a_reset_in_the_middle_is_a_break() {
    let server = start(Chat::default(), Framing::Line, Limits::CHAT);
    let mut ann = server.enter("ann");
    let bob = server.enter("bob");
    assert_eq!(ann.hears(), "* bob joined");
    socket2::SockRef::from(&bob.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(bob);
    assert!(ann.hears().starts_with("* bob left (Connection reset"));
    server.end();
}

#[test]
fn the_port_can_be_bound_again_while_old_connections_are_in_time_wait() {
    let server = start(Echo, Framing::Raw, Limits::ALONE);
    let at = server.at;
    let stream = server.connect();
    (&stream).write_all(b"x").unwrap();
    (&stream).read_exact(&mut [0]).unwrap();
    // The server closes first, so TIME-WAIT is on its side.
    let end = thread::spawn(move || server.end());
    assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
    drop(stream);
    end.join().unwrap();
    assert_eq!(listen(at, false, BACKLOG).unwrap_err().error.kind(), io::ErrorKind::AddrInUse);
    listen(at, true, BACKLOG).unwrap();
}

#[test]
fn one_thread_moves_a_server_by_turns() {
    let listener = listen("127.0.0.1:0".parse().unwrap(), true, BACKLOG).unwrap();
    let mut server = Server::new(listener, Echo, Framing::Line, Limits::ALONE).unwrap();
    let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    (&client).write_all(b"turn by turn\n").unwrap();
    client.set_nonblocking(true).unwrap();
    let mut calls = Vec::new();
    let mut back = [0; 64];
    let got = loop {
        server.turn(Some(Duration::ZERO), None, &mut |note| calls.push(note.to_string())).unwrap();
        if let Ok(got) = (&client).read(&mut back) {
            break got;
        }
    };
    assert_eq!(&back[..got], b"turn by turn\n");
    assert!(calls[0].starts_with("client 1: accept() = 127.0.0.1:"), "{calls:?}");
    assert_eq!(calls[1..], ["client 1: recv(16384) = 13", "client 1: send(13) = 13"]);
}
