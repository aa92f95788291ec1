//! The programs over real loopback sockets, with friendly and hostile clients.

mod servers;
mod talking;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;

/// A server in a thread of its own; ends when dropped.
struct Running {
    at: SocketAddr,
    stopper: Stopper,
    thread: Option<JoinHandle<Tally>>,
    left: mpsc::Receiver<(ClientId, Gone)>,
}

fn start<S: Service + Send + 'static>(service: S, framing: Framing, limits: Limits) -> Running {
    let listener = listen("127.0.0.1:0".parse().unwrap(), true, BACKLOG).unwrap();
    let at = listener.local_addr().unwrap();
    let (stopper, stop) = Stop::pair().unwrap();
    let (tell, left) = mpsc::channel();
    // Tests do not wait for those who do not read.
    let limits = Limits { farewell: Duration::from_millis(200), ..limits };
    let thread = thread::spawn(move || {
        let mut server = Server::new(listener, service, framing, limits).unwrap();
        server
            .run(&stop, &mut |note| {
                if let Note::Left(id, why) = note {
                    let _ = tell.send((*id, (*why).clone()));
                }
            })
            .unwrap()
    });
    Running { at, stopper, thread: Some(thread), left }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// A chat client under a name.
    fn enter(&self, name: &str) -> Person {
        let stream = self.connect();
        let mut person = Person { lines: BufReader::new(stream.try_clone().unwrap()), stream };
        assert_eq!(person.hears(), "* your name?");
        person.says(name);
        let hello = person.hears();
        assert!(hello.starts_with(&format!("* hello {name}")), "{hello}");
        person
    }

    fn gone(&self) -> Gone {
        self.left.recv_timeout(Duration::from_secs(20)).unwrap().1
    }

    fn end(mut self) -> Tally {
        self.stopper.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

struct Person {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Person {
    fn says(&mut self, text: &str) {
        self.stream.write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }
}
