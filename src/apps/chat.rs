//! A chat: several clients, names, join and leave notices, and what one says goes to
//! all others, until one says "exit" and leaves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use super::service::{ClientId, Gone, Outbox, Service};
use crate::model::Printable;

/// The word that leaves a chat, or ends a talk.
pub const EXIT: &[u8] = b"exit";

/// Characters of a name at most.
const NAME: usize = 24;
/// Names a client may try before it is sent away.
const TRIES: u8 = 5;

/// The chat service. Notices start with `* `, which no name may, so that nobody can
/// pretend to be the server; what people type is made printable before it goes out.
#[derive(Debug, Default)]
pub struct Chat {
    members: BTreeMap<ClientId, Member>,
}

#[derive(Debug)]
enum Member {
    Unnamed { tries: u8 },
    Named(String),
}

impl Chat {
    fn names(&self) -> impl Iterator<Item = (ClientId, &str)> {
        self.members.iter().filter_map(|(id, member)| match member {
            Member::Named(name) => Some((*id, name.as_str())),
            Member::Unnamed { .. } => None,
        })
    }

    fn broadcast(&self, text: &str, except: Option<ClientId>, out: &mut Outbox) {
        let text: Rc<[u8]> = text.as_bytes().into();
        for (id, _) in self.names().filter(|(id, _)| Some(*id) != except) {
            out.send(id, Rc::clone(&text));
        }
    }

    /// Takes what an unnamed client typed as its name.
    fn name(&mut self, client: ClientId, typed: &str, tries: u8, out: &mut Outbox) {
        let taken = self.names().any(|(_, name)| name.to_lowercase() == typed.to_lowercase());
        let wrong = if taken {
            "that name is taken"
        } else if typed.is_empty() || typed.chars().count() > NAME {
            "a name has 1 to 24 characters"
        } else if !typed.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
            "a name is made of letters, digits, '-', '_' and '.'"
        } else {
            self.members.insert(client, Member::Named(typed.to_owned()));
            let here = self.names().map(|(_, name)| name).collect::<Vec<_>>().join(", ");
            self.broadcast(&format!("* {typed} joined"), Some(client), out);
            out.send(client, format!("* hello {typed}; here: {here}; \"exit\" leaves").into_bytes());
            return;
        };
        if tries + 1 >= TRIES {
            out.send(client, format!("* {wrong}; goodbye").into_bytes());
            out.dismiss(client);
        } else {
            self.members.insert(client, Member::Unnamed { tries: tries + 1 });
            out.send(client, format!("* {wrong}; another?").into_bytes());
        }
    }
}

impl Service for Chat {
    fn joined(&mut self, client: ClientId, _: SocketAddr, out: &mut Outbox) {
        self.members.insert(client, Member::Unnamed { tries: 0 });
        out.send(client, &b"* your name?"[..]);
    }

    fn message(&mut self, client: ClientId, message: &[u8], out: &mut Outbox) {
        let text = String::from_utf8_lossy(message);
        let text = text.trim();
        if text.as_bytes() == EXIT {
            out.send(client, &b"* goodbye"[..]);
            out.dismiss(client);
            return;
        }
        match self.members.get(&client) {
            Some(Member::Unnamed { tries }) => self.name(client, text, *tries, out),
            Some(Member::Named(name)) if !text.is_empty() => {
                self.broadcast(&format!("{name}: {}", Printable(text)), Some(client), out);
            }
            _ => {}
        }
    }

    fn left(&mut self, client: ClientId, why: &Gone, out: &mut Outbox) {
        let member = self.members.remove(&client);
        match why {
            Gone::Unframed(error) => out.send(client, format!("* {error}; goodbye").into_bytes()),
            Gone::Silent(_) => out.send(client, format!("* {why}; goodbye").into_bytes()),
            Gone::ServerEnds => out.send(client, &b"* the chat is over"[..]),
            _ => {}
        }
        if let Some(Member::Named(name)) = member {
            let text = match why {
                Gone::ServerEnds => return,
                Gone::Closed | Gone::Dismissed => format!("* {name} left"),
                _ => format!("* {name} left ({why})"),
            };
            self.broadcast(&text, None, out);
        }
    }

    fn full(&self) -> Option<&'static [u8]> {
        Some(b"* the chat is full; try later")
    }
}
