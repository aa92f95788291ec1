//! Reading ahead on a thread: full blocks go one way, emptied ones come back.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Octets of a block.
const BLOCK: usize = 1 << 18;
/// Blocks between the threads at most.
const BLOCKS: usize = 4;

/// A block and how many of its octets are filled, or what went wrong.
type Message = io::Result<(Vec<u8>, usize)>;

/// Reads from another thread, which reads from a reader.
pub(super) struct Ahead {
    full: Receiver<Message>,
    empty: Sender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
    end: usize,
}

impl Ahead {
    /// Starts reading `input` on a thread. The thread ends with `input`, or soon
    /// after the reader is dropped.
    pub(super) fn new(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (to_reader, full) = sync_channel(BLOCKS);
        let (empty, from_reader) = channel();
        thread::Builder::new()
            .name("unpack".to_owned())
            .spawn(move || run(input, &to_reader, &from_reader))?;
        Ok(Self { full, empty, block: Vec::new(), at: 0, end: 0 })
    }
}

fn run(mut input: impl Read, full: &SyncSender<Message>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut block = empty.try_recv().unwrap_or_else(|_| vec![0; BLOCK]);
        let message = loop {
            match input.read(&mut block) {
                Ok(0) => return,
                Ok(n) => break Ok((block, n)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
        };
        let failed = message.is_err();
        if full.send(message).is_err() || failed {
            return;
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at == self.end {
            if !self.block.is_empty() {
                // The thread may have ended; then nobody wants the block back.
                let _ = self.empty.send(std::mem::take(&mut self.block));
            }
            // A closed channel is the end of the input.
            let Ok(message) = self.full.recv() else { return Ok(0) };
            (self.block, self.end) = message?;
            self.at = 0;
        }
        let have = self.block.get(self.at..self.end).unwrap_or_default();
        let n = have.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), have.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Ok(n)
    }
}
