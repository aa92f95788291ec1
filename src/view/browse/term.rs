//! The terminal: raw mode and the alternate screen, given back on every way out.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout};
use std::os::fd::{AsFd, OwnedFd};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

use super::app::Key;

/// The terminal while it is ours.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Where keys come from.
    keys: OwnedFd,
    stop: Arc<AtomicBool>,
    signals: Vec<SigId>,
    hook: Arc<Hook>,
}

/// What the user did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Key(Key),
    Resized,
    Suspend,
    /// A signal asks to end.
    Stop,
    /// Nothing, for a while.
    Quiet,
}

/// What the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Ready,
    Quiet,
    Gone,
}

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Sync + Send + 'static>;

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Err(io::Error::other(
                "browsing needs a terminal on standard output; replay prints tables anywhere",
            ));
        }
        let keys = match io::stdin() {
            stdin if stdin.is_terminal() => stdin.as_fd().try_clone_to_owned()?,
            _ => File::open("/dev/tty")?.into(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let mut signals = Vec::new();
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            signals.push(signal_hook::flag::register(signal, Arc::clone(&stop))?);
        }
        // The message of a panic belongs on the ordinary screen.
        let hook: Arc<Hook> = Arc::new(panic::take_hook());
        let before = Arc::clone(&hook);
        panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        enter()
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())))
            .map(|terminal| Self { terminal, keys, stop, signals: signals.clone(), hook: Arc::clone(&hook) })
            .inspect_err(|_| leave(&signals, &hook))
    }

    /// What comes within `patience`.
    pub(super) fn input(&self, patience: Duration) -> io::Result<Input> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(Input::Stop);
        }
        // Keys that were read already; else whatever comes first.
        if self.wait(Duration::ZERO)? == Wait::Gone {
            return Ok(Input::Stop);
        }
        if !event::poll(Duration::ZERO)? {
            let patience = match self.wait(patience)? {
                Wait::Gone => return Ok(Input::Stop),
                Wait::Ready => patience,
                Wait::Quiet => Duration::ZERO,
            };
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Input::Stop);
            }
            if !event::poll(patience)? {
                return Ok(Input::Quiet);
            }
        }
        Ok(match event::read()? {
            Event::Resize(..) => Input::Resized,
            Event::Key(k) if k.kind != KeyEventKind::Release => match key(k.code, k.modifiers) {
                Some(Key::Ctrl('z')) => Input::Suspend,
                Some(key) => Input::Key(key),
                None => Input::Quiet,
            },
            _ => Input::Quiet,
        })
    }

    /// Waits for a key or a signal. Before keys are read it must be known that the terminal is
    /// there, for crossterm reads the end of one over and over, and never returns.
    fn wait(&self, patience: Duration) -> io::Result<Wait> {
        let mut keys = [PollFd::new(self.keys.as_fd(), PollFlags::POLLIN)];
        match poll(&mut keys, PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX)) {
            // A signal: a new size, or the end.
            Err(Errno::EINTR) | Ok(0) => Ok(Wait::Quiet),
            Err(e) => Err(e.into()),
            Ok(_) => {
                let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
                let is_gone = keys.iter().any(|k| k.revents().is_some_and(|r| r.intersects(gone)));
                Ok(if is_gone { Wait::Gone } else { Wait::Ready })
            }
        }
    }

    /// To the shell, until it brings us back.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        enter()?;
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave(&self.signals, &self.hook);
    }
}

/// Undoes all that [`Screen::open`] did.
fn leave(signals: &[SigId], hook: &Arc<Hook>) {
    give_back();
    if !std::thread::panicking() {
        let hook = Arc::clone(hook);
        panic::set_hook(Box::new(move |info| hook(info)));
    }
    for &id in signals {
        signal_hook::low_level::unregister(id);
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen)
}

/// As it was; harmless when it is so already.
fn give_back() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Key> {
    Some(match code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}
