//! The figures of `compare`: what was counted, the claims they bear out, the table.

use std::time::Duration;

use super::compare::{MESSAGE, MESSAGES};
use super::outcome::{FigureTable, Verdict};

/// What one transfer showed.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub first_frame: usize,
    pub frames: usize,
    pub payload: u64,
    pub headers: u64,
    /// Frames with octets that an earlier one had.
    pub resent: Vec<usize>,
    /// Frames that nobody got.
    pub lost: Vec<usize>,
    /// Frames that a later one overtook on the wire.
    pub overtaken: Vec<usize>,
    /// Packets that carry nothing but an acknowledgment.
    pub acks: usize,
    /// Octets of the shortest and of the longest transport header.
    pub header: Option<(u8, u8)>,
    /// The smallest window that the receiver announced, octets.
    pub window: Option<u64>,
    /// Segments sent again, as the sender's kernel counts them.
    pub counted: i64,
    /// Calls of recv that gave something, and those of them that gave other than one message.
    pub recvs: (usize, usize),
    pub before_data: usize,
    pub first_data: Option<usize>,
    pub first_octet: Duration,
    /// From the first packet to the first with data.
    pub silence: Duration,
    pub time: Duration,
    pub cpu: Duration,
    pub received: u64,
    pub missing: usize,
    pub disorder: usize,
}

/// What the figures bear out.
pub(super) fn claims(
    [tcp, udp, tcp_lossy, udp_lossy]: [&Figures; 4],
    loss: f64,
    delay: Duration,
) -> Vec<Verdict> {
    let whole = (MESSAGES * MESSAGE) as u64;
    let claim = |text: &str, held: bool, seen: String, frames: Vec<usize>| Verdict {
        claim: text.into(),
        check: "measured".into(),
        held,
        seen,
        frames,
    };
    vec![
        claim(
            "TCP sends the three packets of the handshake before the first with data, UDP none",
            tcp.before_data == 3 && udp.before_data == 0,
            format!("{} and {}", tcp.before_data, udp.before_data),
            tcp.first_data.into_iter().chain(udp.first_data).collect(),
        ),
        claim(
            "TCP's first octet leaves a round trip after its first packet, UDP's in its first packet",
            tcp.silence >= delay * 2 && udp.silence.is_zero(),
            format!("received after {:.1} ms and {:.1} ms", ms(tcp.first_octet), ms(udp.first_octet)),
            tcp.first_data.into_iter().chain(udp.first_data).collect(),
        ),
        claim(
            "TCP needs more packets and more header octets for the same payload",
            tcp.frames > udp.frames && tcp.headers > udp.headers,
            format!("{} and {} packets, {} and {} octets", tcp.frames, udp.frames, tcp.headers, udp.headers),
            tcp.first_data.into_iter().chain(udp.first_data).collect(),
        ),
        claim(
            "UDP's header has 8 octets, TCP's 20 and, with options, more",
            udp.header == Some((8, 8)) && tcp.header.is_some_and(|(least, most)| least >= 20 && most > 20),
            format!("{} and {} octets", span(tcp.header), span(udp.header)),
            tcp.first_data.into_iter().chain(udp.first_data).collect(),
        ),
        claim(
            "UDP keeps messages apart: one recv, one message; TCP is a stream without marks",
            udp.recvs.1 == 0 && tcp.recvs.1 > 0,
            format!(
                "other than one message in {} of {} recvs, and in {} of {}",
                tcp.recvs.1, tcp.recvs.0, udp.recvs.1, udp.recvs.0
            ),
            Vec::new(),
        ),
        claim(
            "without loss both deliver everything",
            tcp.received == whole && udp.received == whole,
            format!("{} and {} of {whole} octets", tcp.received, udp.received),
            Vec::new(),
        ),
        claim(
            &format!("at {loss}% loss TCP still delivers everything, and sends again what was lost"),
            tcp_lossy.received == whole && (!tcp_lossy.resent.is_empty() || loss == 0.0),
            format!("{} octets, {} packets sent again", tcp_lossy.received, tcp_lossy.resent.len()),
            tcp_lossy.resent.clone(),
        ),
        claim(
            "the sender's kernel counts as many of them (Tcp.RetransSegs)",
            i64::try_from(tcp_lossy.resent.len()) == Ok(tcp_lossy.counted),
            format!("{} on the wire, {} counted", tcp_lossy.resent.len(), tcp_lossy.counted),
            tcp_lossy.resent.clone(),
        ),
        claim(
            "UDP does not: what was lost on the wire is what the program misses",
            udp_lossy.missing == udp_lossy.lost.len() && (udp_lossy.missing > 0 || loss == 0.0),
            format!("{} lost on the wire, {} missing", udp_lossy.lost.len(), udp_lossy.missing),
            udp_lossy.lost.clone(),
        ),
        claim(
            "what was overtaken on the wire reaches UDP's program out of order, TCP's in order all the same",
            udp_lossy.disorder == udp_lossy.overtaken.len() && tcp_lossy.received == whole,
            format!(
                "{} and {} packets overtaken, none and {} out of order",
                tcp_lossy.overtaken.len(),
                udp_lossy.overtaken.len(),
                udp_lossy.disorder
            ),
            tcp_lossy.overtaken.iter().chain(&udp_lossy.overtaken).copied().collect(),
        ),
    ]
}

fn span(octets: Option<(u8, u8)>) -> String {
    match octets {
        None => "none".into(),
        Some((least, most)) if least == most => least.to_string(),
        Some((least, most)) => format!("{least} to {most}"),
    }
}

fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1000.0
}

/// The figures side by side, and what follows from them.
pub(super) fn table(runs: &[Figures], numbers: &[Option<usize>], loss: f64, delay: Duration) -> FigureTable {
    let whole = MESSAGES * MESSAGE;
    let row = |label: &str, cell: &dyn Fn(&Figures) -> String| {
        std::iter::once(label.to_owned()).chain(runs.iter().map(cell)).collect::<Vec<_>>()
    };
    let number = |frame: Option<usize>| {
        frame.and_then(|i| numbers.get(i).copied().flatten()).map_or("none".into(), |n| n.to_string())
    };
    let rows = vec![
        row("packets", &|f| f.frames.to_string()),
        row("of them before the first data", &|f| f.before_data.to_string()),
        row("octets of TCP's or UDP's header", &|f| span(f.header)),
        row("header octets (IP and above)", &|f| f.headers.to_string()),
        row("headers' share of all octets", &|f| {
            format!("{:.1}%", f.headers as f64 * 100.0 / (f.headers + f.payload).max(1) as f64)
        }),
        row("first octet received after, ms", &|f| format!("{:.1}", ms(f.first_octet))),
        row("that is, in round trips", &|f| {
            format!("{:.1}", f.first_octet.as_secs_f64() / (delay.as_secs_f64() * 2.0).max(1e-9))
        }),
        row("time to the last octet, ms", &|f| format!("{:.1}", ms(f.time))),
        row("CPU time, ns per octet received", &|f| {
            format!("{:.1}", f.cpu.as_secs_f64() * 1e9 / f.received.max(1) as f64)
        }),
        row("packets lost on the wire", &|f| f.lost.len().to_string()),
        row("packets overtaken on the wire", &|f| f.overtaken.len().to_string()),
        row("packets sent again", &|f| f.resent.len().to_string()),
        row("sent again by the kernel's count", &|f| f.counted.to_string()),
        row("packets that only acknowledge", &|f| f.acks.to_string()),
        row("smallest window announced, octets", &|f| f.window.map_or("none".into(), |w| w.to_string())),
        row("octets the program received", &|f| format!("{} of {whole}", f.received)),
        row("messages it missed", &|f| f.missing.to_string()),
        row("recvs of other than one message", &|f| format!("{} of {}", f.recvs.1, f.recvs.0)),
        row("messages out of order", &|f| f.disorder.to_string()),
        row("first packet of the transfer", &|f| number(Some(f.first_frame))),
        row("first packet with data", &|f| number(f.first_data)),
    ];
    let columns = vec![
        format!("{MESSAGES} messages of {MESSAGE} octets"),
        "TCP".into(),
        "UDP".into(),
        format!("TCP, {loss}% loss"),
        format!("UDP, {loss}% loss"),
    ];
    let first = |i: usize| runs.get(i);
    let mut notes = vec![
        "Packets, headers and losses are counted on the wire; times are the receiving program's, from the first \
         call on; CPU time is that of both kernels, both programs and the wire together (getrusage)."
            .into(),
    ];
    if let (Some(tcp), Some(udp), Some(tl), Some(ul)) = (first(0), first(1), first(2), first(3)) {
        notes.push(format!(
            "Choose TCP when every octet must arrive, in order: at {loss}% loss it sent {} packets again and the \
             program missed nothing; it cost {} header octets and {:.0} ms.",
            tl.resent.len(),
            tl.headers,
            ms(tl.time)
        ));
        notes.push(format!(
            "Choose UDP when a message must be early rather than certain, goes to many at once, or stands alone: its \
             first octet came after {:.1} ms (TCP: {:.1} ms) with {} header octets in all (TCP: {}); at {loss}% loss \
             the program missed {} of {MESSAGES} messages, and nobody told it.",
            ms(udp.first_octet),
            ms(tcp.first_octet),
            udp.headers,
            tcp.headers,
            ul.missing
        ));
    }
    FigureTable { columns, rows, notes }
}
