//! UDP echo, and the talking side.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;

fn udp_echo(buffer: usize) -> (SocketAddr, Stopper, JoinHandle<UdpTally>) {
    let socket = bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
    let at = socket.local_addr().unwrap();
    let (stopper, stop) = Stop::pair().unwrap();
    let thread =
        thread::spawn(move || UdpEcho::new(socket, buffer).unwrap().run(&stop, &mut |_| {}).unwrap());
    (at, stopper, thread)
}

#[test]
fn datagrams_keep_their_boundaries_and_long_ones_are_cut() {
    let (at, stopper, thread) = udp_echo(1000);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.connect(at).unwrap();
    for (length, expected) in [(6, 6), (0, 0), (1000, 1000), (1001, 1000), (65_507, 1000), (1, 1)] {
        socket.send(&vec![5; length]).unwrap();
        assert_eq!(socket.recv(&mut [0; 65_535]).unwrap(), expected, "{length}");
    }
    stopper.stop();
    let tally = thread.join().unwrap();
    assert_eq!((tally.received, tally.truncated, tally.unanswered), (6, 2, 0));
    assert_eq!(tally.octets, 6 + 1000 + 1001 + 65_507 + 1);
}

#[test]
fn two_echoes_do_not_play_ping_pong() {
    // From another address with the echo's own port, as a second echo would send.
    let (at, stopper, thread) = udp_echo(1000);
    let twin = UdpSocket::bind(("127.0.0.2", at.port())).unwrap();
    twin.send_to(b"ping", at).unwrap();
    let friend = UdpSocket::bind("127.0.0.1:0").unwrap();
    friend.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    friend.send_to(b"hi", at).unwrap();
    friend.recv(&mut [0; 8]).unwrap();
    twin.set_nonblocking(true).unwrap();
    assert_eq!(twin.recv(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    stopper.stop();
    assert_eq!(thread.join().unwrap().unanswered, 1);
}

const TALK: TalkOptions =
    TalkOptions { framing: Framing::Line, limit: 1024, printable: true, linger: Duration::from_secs(20) };

/// What `talk` types and shows, given all input at once.
fn talk(at: SocketAddr, typed: &str, options: &TalkOptions) -> (io::Result<TalkEnd>, String) {
    let (mut keyboard, mut input) = UnixStream::pair().unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    drop(keyboard);
    let (_stopper, stop) = Stop::pair().unwrap();
    let mut output = Vec::new();
    let stream = TcpStream::connect(at).unwrap();
    let end = talk_tcp(&stream, &mut input, &mut output, options, &stop);
    (end, String::from_utf8(output).unwrap())
}

#[test]
fn talk_shows_the_echo_of_what_was_typed() {
    for framing in [Framing::Line, Framing::Length] {
        let server = start(Echo, framing, Limits::ALONE);
        let options = TalkOptions { framing, ..TALK };
        let cases = [
            ("one\ntwo\n", "one\ntwo\n"),
            ("no end of line", "no end of line\n"),
            ("before\nexit\nafter\n", "before\nexit\n"),
            ("", ""),
            ("\x1b]0;title\x07\n", "\\u{1b}]0;title\\u{7}\n"),
        ];
        for (typed, shown) in cases {
            let (end, text) = talk(server.at, typed, &options);
            assert_eq!((end.unwrap(), text.as_str()), (TalkEnd::InputEnded, shown), "{framing} {typed:?}");
        }
        server.end();
    }
}

#[test]
fn talk_ends_when_the_other_side_does() {
    let (_keyboard, mut input) = UnixStream::pair().unwrap();
    let (_stopper, stop) = Stop::pair().unwrap();
    type Case = (&'static [u8], bool, Result<TalkEnd, io::ErrorKind>, &'static str);
    let cases: [Case; 4] = [
        (b"bye\nhalf a line", false, Ok(TalkEnd::PeerClosed), "bye\nhalf a line\n"),
        (b"", true, Err(io::ErrorKind::ConnectionReset), ""),
        (&[b'x'; 5000], false, Err(io::ErrorKind::InvalidData), ""),
        (b"\x1b[2J\xff\xfe\n", false, Ok(TalkEnd::PeerClosed), "\\u{1b}[2J\u{fffd}\u{fffd}\n"),
    ];
    for (sent, reset, end, shown) in cases {
        let listener = listen("127.0.0.1:0".parse().unwrap(), true, BACKLOG).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(sent).unwrap();
        if reset {
            socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(peer);
        let mut output = Vec::new();
        let got = talk_tcp(&stream, &mut input, &mut output, &TALK, &stop).map_err(|e| e.kind());
        assert_eq!((got, String::from_utf8(output).unwrap().as_str()), (end, shown));
    }
}

#[test]
fn talk_over_udp_sends_a_datagram_a_line_and_hears_of_a_closed_port() {
    let (at, stopper, thread) = udp_echo(1000);
    let (stopper2, stop) = Stop::pair().unwrap();
    let run = |at: SocketAddr, typed: &str| {
        let (mut keyboard, mut input) = UnixStream::pair().unwrap();
        keyboard.write_all(typed.as_bytes()).unwrap();
        drop(keyboard);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(at).unwrap();
        let mut output = Vec::new();
        let options = TalkOptions { linger: Duration::from_millis(500), limit: 100_000, ..TALK };
        let end = talk_udp(&socket, &mut input, &mut output, &options, &stop);
        (end, String::from_utf8(output).unwrap())
    };
    let (end, text) = run(at, "Hello!\nWorld!\nexit\nnever\n");
    assert_eq!((end.unwrap(), text.as_str()), (TalkEnd::PeerSilent, "Hello!\nWorld!\nexit\n"));
    let long = "x".repeat(70_000);
    assert_eq!(run(at, &long).0.unwrap_err().raw_os_error(), Some(nix::errno::Errno::EMSGSIZE as i32));
    stopper.stop();
    assert_eq!(thread.join().unwrap().received, 3);
    assert_eq!(run(at, "anyone?\n").0.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    stopper2.stop();
    assert_eq!(run(at, "").0.unwrap(), TalkEnd::Stopped);
}
