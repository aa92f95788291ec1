//! The SVG pen.

use std::fmt::Write;

use super::columns::{BAR, Columns, TIE, TIE_PLACES, TIME};
use super::findings::Tone;
use super::label::{clock, duration, gap_words};
use super::layout::{Arrow, Bar, CALL_COLUMNS, Form, Item, LINE, Layout, MARGIN_COLUMNS, What};
use crate::model::{Side, TcpState};
use crate::view::drawing::{columns, escape, fit, svg_text, wrap};

/// The look, light, and dark where the reader prefers that. Scoped to the class of the
/// root, so that several drawings can stand in one page.
const CSS: &str = include_str!("style.css");

/// A long bar says its state again after so much.
const REPEAT: f64 = 420.0;

pub(super) fn draw(layout: &Layout) -> String {
    let columns = Columns::of(layout);
    let head_lines = layout.heads.0.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let top = 44.0 + 15.0 * head_lines;
    let height = top + layout.bottom + 30.0;
    let width = columns.width;
    let mut pen = Pen { layout, c: columns, out: String::new(), top };
    pen.heads();
    pen.lives();
    for side in Side::BOTH {
        for bar in &layout.bars[side] {
            pen.bar(side, *bar);
        }
    }
    for item in &layout.items {
        pen.item(item);
    }
    // Over all lines, so that none crosses out a word.
    for item in &layout.items {
        pen.words(item);
    }
    pen.ties();
    if layout.roles_guessed {
        let text = "No SYN was seen: which end began is a guess.";
        svg_text(&mut pen.out, (TIME + 8.0, height - 10.0), "l soft", text);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ladder\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n\
         <style>\n{CSS}</style>\n<rect class=\"bg\" width=\"{width:.0}\" height=\"{height:.0}\"/>\n{}</svg>\n",
        escape(&layout.title),
        escape(&format!("A ladder of {} packets between two ends.", layout.arrows())),
        pen.out
    )
}

struct Pen<'a> {
    layout: &'a Layout,
    c: Columns,
    out: String,
    /// Where the items begin.
    top: f64,
}

const fn state_class(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed | TcpState::Listen => "idle",
        TcpState::SynSent | TcpState::SynReceived => "opening",
        TcpState::Established => "open",
        TcpState::TimeWait => "waiting",
        TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::Closing
        | TcpState::LastAck => "closing",
    }
}

const fn form_name(form: Form) -> &'static str {
    match form {
        Form::Segment => "data",
        Form::Ack => "ack",
        Form::Reset => "reset",
        Form::Datagram => "datagram",
        Form::Icmp => "icmp",
    }
}

impl Pen<'_> {
    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ = writeln!(
            self.out,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    fn rect(&mut self, class: &str, (x, y): (f64, f64), (w, h): (f64, f64), radius: f64) {
        let _ = writeln!(
            self.out,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" rx="{radius}"/>"#
        );
    }

    fn heads(&mut self) {
        let layout = self.layout;
        svg_text(&mut self.out, (16.0, 26.0), "title", &layout.title);
        for side in Side::BOTH {
            for (i, line) in layout.heads[side].iter().enumerate() {
                let at = (self.c.life[side], 50.0 + 15.0 * i as f64);
                svg_text(&mut self.out, at, if i == 0 { "head" } else { "soft" }, line);
            }
        }
        svg_text(&mut self.out, (42.0, self.top - 6.0), "r soft small", "frame");
        svg_text(&mut self.out, (TIME, self.top - 6.0), "r soft small", "seconds");
    }

    fn lives(&mut self) {
        for side in Side::BOTH {
            let x = self.c.life[side];
            self.line("life", (x, self.top - 4.0), (x, self.top + self.layout.bottom));
        }
    }

    fn bar(&mut self, side: Side, bar: Bar) {
        let (x, y, h) = (self.c.bars[side], self.top + bar.from, bar.to - bar.from);
        self.rect(&format!("bar {}", state_class(bar.state)), (x, y), (BAR, h), 3.0);
        let mut at = 0.0;
        while at + 15.0 <= h {
            svg_text(&mut self.out, (x + BAR / 2.0, y + at + 12.5), "small", bar.state.name());
            at += REPEAT;
        }
    }

    fn item(&mut self, item: &Item) {
        let y = self.top + item.y;
        match &item.what {
            What::Arrow(arrow) => self.arrow(item, arrow, y),
            What::Fold(_) => self.gap_in_lives(y),
            What::Pause(_) => self.gap_in_lives(y),
            What::Call(side, text) => {
                let x = self.c.calls[*side];
                let (class, to) = match side {
                    Side::Orig => ("r call", self.c.bars[Side::Orig]),
                    Side::Resp => ("l call", x - 8.0),
                };
                let from = if *side == Side::Orig { x + 2.0 } else { x - 2.0 };
                self.line("tick", (from, y), (to, y));
                for (i, line) in wrap(text, CALL_COLUMNS).iter().enumerate() {
                    let line = &fit(line, 2 * CALL_COLUMNS, '…');
                    svg_text(
                        &mut self.out,
                        (x - if *side == Side::Orig { 2.0 } else { -2.0 }, y + 4.0 + LINE * i as f64),
                        class,
                        line,
                    );
                }
                let at = item.at.unwrap_or(0);
                svg_text(&mut self.out, (TIME, y + 4.0), "r time soft small", &clock(at));
            }
        }
    }

    /// What stands between the life lines at an item.
    fn words(&mut self, item: &Item) {
        let y = self.top + item.y;
        let (a, b) = (self.c.life[Side::Orig], self.c.life[Side::Resp]);
        let mid = (a + b) / 2.0;
        match &item.what {
            What::Arrow(arrow) => self.label(arrow),
            What::Fold(fold) => {
                let words = fold.words();
                let w = (columns(&words) as f64 * 6.5 + 24.0).min(b - a - 24.0);
                let _ = writeln!(
                    self.out,
                    r#"<rect class="fold" data-packets="{}" x="{:.1}" y="{:.1}" width="{w:.1}" height="20.0" rx="10"/>"#,
                    fold.count(),
                    mid - w / 2.0,
                    y - 10.0
                );
                svg_text(&mut self.out, (mid, y + 4.0), "", &words);
            }
            What::Pause(gap) => svg_text(&mut self.out, (mid, y + 4.0), "soft halo", &duration(*gap)),
            What::Call(..) => {}
        }
    }

    /// The life lines dotted for a while.
    fn gap_in_lives(&mut self, y: f64) {
        for side in Side::BOTH {
            let x = self.c.life[side];
            self.rect("bg", (x - 2.0, y - 9.0), (4.0, 18.0), 0.0);
            self.line("dots", (x, y - 9.0), (x, y + 9.0));
        }
    }

    fn arrow(&mut self, item: &Item, arrow: &Arrow, y: f64) {
        let at = item.at.unwrap_or(0);
        svg_text(&mut self.out, (42.0, y + 4.0), "r soft", &format!("#{}", arrow.frame));
        svg_text(&mut self.out, (TIME, y + 4.0), "r time", &clock(at));
        if let Some(gap) = item.gap.filter(|g| *g != 0) {
            svg_text(&mut self.out, (TIME, y - 8.0), "r soft small", &gap_words(gap));
        }
        let ((x1, y1), (dx, dy)) = self.way(arrow);
        let far = match (arrow.lost, self.layout.slanted) {
            (false, _) => 1.0,
            (true, false) => 0.93,
            (true, true) => 0.7,
        };
        let head = (x1 + dx * far, y1 + dy * far);
        let lost = if arrow.lost { r#" data-lost="yes""# } else { "" };
        let again = if arrow.repeats.is_some() { r#" data-again="yes""# } else { "" };
        let _ = writeln!(
            self.out,
            r#"<g class="segment" data-frame="{}" data-form="{}"{lost}{again}>"#,
            arrow.frame,
            form_name(arrow.form)
        );
        let _ = writeln!(self.out, "<title>{}</title>", escape(&self.title(item, arrow)));
        // The line ends where the head begins, so that its tip is sharp.
        let long = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / long, dy / long);
        let back = if arrow.lost { 0.0 } else { 7.0 };
        self.line("", (x1, y1), (head.0 - ux * back, head.1 - uy * back));
        if arrow.lost {
            let (x, y) = head;
            let _ = writeln!(
                self.out,
                r#"<path d="M{:.1} {:.1}l12 12M{:.1} {:.1}l12 -12"/>"#,
                x - 6.0,
                y - 6.0,
                x - 6.0,
                y + 6.0
            );
        } else {
            let (bx, by) = (head.0 - ux * 10.0, head.1 - uy * 10.0);
            let _ = writeln!(
                self.out,
                r#"<polygon points="{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}"/>"#,
                head.0,
                head.1,
                bx - uy * 4.0,
                by + ux * 4.0,
                bx + uy * 4.0,
                by - ux * 4.0
            );
        }
        let _ = writeln!(self.out, "</g>");
        self.marks(arrow, y);
    }

    /// Where an arrow begins, and how far it goes from there.
    fn way(&self, arrow: &Arrow) -> ((f64, f64), (f64, f64)) {
        let (x1, x2) = (self.c.life[arrow.from], self.c.life[arrow.from.other()]);
        ((x1, self.top + arrow.y_start), (x2 - x1, arrow.y_end - arrow.y_start))
    }

    fn label(&mut self, arrow: &Arrow) {
        let ((x1, y), (dx, dy)) = self.way(arrow);
        let slanted = dy.abs() > 0.5;
        // Among slanted arrows a label stands at its sender, for those of the two sides cross
        // in the middle; so does one whose arrow ends in a cross, to keep clear of it.
        let (class, x) = match (self.layout.slanted || arrow.lost, arrow.from) {
            (false, _) => ("halo", x1 + dx / 2.0),
            (true, Side::Orig) => ("l halo", x1 + 14.0),
            (true, Side::Resp) => ("r halo", x1 - 14.0),
        };
        // From the responder the line goes to the left, so its angle is turned over.
        let angle = if dx < 0.0 { (-dy).atan2(-dx) } else { dy.atan2(dx) }.to_degrees();
        for (i, line) in arrow.labels.iter().enumerate() {
            // Two spaces would shrink to one.
            let line = &line.replace("  ", "\u{2003}");
            let line_y = if i == 0 { y - 5.0 } else { y + LINE * i as f64 };
            let class = if i == 0 { class.to_owned() } else { format!("{class} soft") };
            if slanted {
                let _ = writeln!(
                    self.out,
                    r#"<text x="{x:.1}" y="{line_y:.1}" class="{class}" transform="rotate({angle:.2} {x1:.1} {y:.1})">{}</text>"#,
                    escape(line)
                );
            } else {
                svg_text(&mut self.out, (x, line_y), &class, line);
            }
        }
    }

    fn title(&self, item: &Item, arrow: &Arrow) -> String {
        let from = self.layout.heads[arrow.from].first().map_or("", String::as_str);
        let mut text = format!(
            "#{} at {} s, from {from}: {}",
            arrow.frame,
            clock(item.at.unwrap_or(0)),
            arrow.parts.join(" ")
        );
        if let Some(delay) = arrow.delay {
            let _ = write!(text, "; {} on the way", duration(delay));
        }
        if arrow.lost {
            text.push_str("; lost on the way");
        }
        for mark in &arrow.marks {
            let _ = write!(text, "; {}", mark.text);
        }
        text
    }

    fn marks(&mut self, arrow: &Arrow, y: f64) {
        if arrow.marks.is_empty() {
            return;
        }
        let from = self.c.life[Side::Resp].max(self.c.calls[Side::Resp] - 8.0);
        self.line("lead", (from + 4.0, y), (self.c.notes - 6.0, y));
        let mut at = y + 4.0;
        for mark in &arrow.marks {
            let class = mark.tone.class();
            let _ = writeln!(
                self.out,
                r#"<circle class="{class}" cx="{:.1}" cy="{:.1}" r="3"/>"#,
                self.c.notes,
                at - 4.0
            );
            for line in wrap(&mark.text, MARGIN_COLUMNS) {
                svg_text(&mut self.out, (self.c.notes + 8.0, at), &format!("l {class}"), &line);
                at += LINE;
            }
        }
    }

    fn ties(&mut self) {
        for tie in &self.layout.ties {
            let x = self.c.margin + TIE * (tie.lane % TIE_PLACES) as f64 + 4.0;
            let (from, to) = (self.top + tie.from, self.top + tie.to);
            let start = self.c.life[Side::Resp].max(self.c.calls[Side::Resp] - 8.0) + 4.0;
            let tone = if tie.tone == Tone::Fact { Tone::Notice } else { tie.tone };
            let class = tone.class();
            let _ = writeln!(
                self.out,
                r#"<path class="tie {class}" d="M{start:.1} {from:.1}H{x:.1}V{to:.1}H{:.1}"/>"#,
                self.c.notes - 6.0
            );
            let _ = writeln!(self.out, r#"<circle class="{class}" cx="{x:.1}" cy="{from:.1}" r="2.5"/>"#);
        }
    }
}
