//! The SVG pen: the same boxes, with the octets below and the layers' shares above.

use std::fmt::Write;

use super::layout::{Cell, Content, ROW, Row, beside, cell_hex, edges, rows, size, words};
use crate::decode::headers::{Field, HeaderTree, Layer, Share, Value};
use crate::view::drawing::{columns, escape, fit, svg_hatch, svg_text, wrap};

/// The look, light, and dark where the reader prefers that. Scoped to the class of the
/// root, so that several drawings can stand in one page.
const CSS: &str = include_str!("style.css");

const WIDTH: f64 = 980.0;
const LEFT: f64 = 56.0;
const BIT: f64 = 28.0;
/// Classes of colour that fields take in turn.
const COLORS: usize = 6;
/// Rows of the dump that are drawn of each layer.
const DUMP_ROWS: usize = 24;

pub(super) fn render(tree: &HeaderTree) -> String {
    let mut pen = Pen { tree, shares: tree.shares(), out: String::new(), y: 0.0 };
    pen.frame();
    for (i, layer) in tree.layers.iter().enumerate() {
        pen.layer(i, layer);
    }
    pen.dump();
    pen.beside();
    let height = pen.y + 12.0;
    let title = format!("Headers of a frame of {} octets", tree.wire);
    let names: Vec<&str> = tree.layers.iter().map(|l| l.name).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"headers\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n\
         <style>\n{CSS}</style>\n<rect class=\"bg\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n{}</svg>\n",
        escape(&title),
        escape(&names.join(", ")),
        pen.out
    )
}

struct Pen<'a> {
    tree: &'a HeaderTree,
    shares: Vec<Share>,
    out: String,
    /// Where the next thing goes.
    y: f64,
}

const fn color(layer: usize, field: usize) -> usize {
    (layer + field) % COLORS
}

/// About how wide a text is, in the sizes of the style above.
fn sans(text: &str) -> f64 {
    columns(text) as f64 * 6.5
}

fn mono(text: &str) -> f64 {
    columns(text) as f64 * 7.9
}

impl Pen<'_> {
    fn rect(&mut self, class: &str, (x, y): (f64, f64), (w, h): (f64, f64)) {
        let _ = writeln!(
            self.out,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}"/>"#
        );
    }

    /// The frame as one bar, each layer in its share.
    fn frame(&mut self) {
        let tree = self.tree;
        let text = format!(
            "{} octets on the wire, {} captured; link type {}",
            tree.wire,
            tree.data.len(),
            tree.link
        );
        svg_text(&mut self.out, (LEFT, 26.0), "title", &text);
        let whole = BIT * ROW as f64;
        let mut x = LEFT;
        for share in self.shares.clone() {
            let Some(layer) = tree.layers.get(share.layer) else { continue };
            let w = whole * share.share;
            let _ = writeln!(self.out, "<g>");
            let percent = share.share * 100.0;
            let osi = layer.osi.map_or(String::new(), |n| format!("layer {n}, {}: ", layer.osi_name()));
            let title = format!("{osi}{}, {} octets, {percent:.1} %", layer.name, share.octets);
            let _ = writeln!(self.out, "<title>{}</title>", escape(&title));
            self.rect(&format!("c{}", share.layer % COLORS), (x, 42.0), (w, 34.0));
            let there = if share.octets == 0 { 1.0 } else { share.captured as f64 / share.octets as f64 };
            if there < 1.0 {
                svg_hatch(&mut self.out, (x + w * there, 42.0), (w * (1.0 - there), 34.0));
            }
            let name = if sans(layer.name) < w { layer.name } else { "" };
            svg_text(&mut self.out, (x + w / 2.0, 56.0), "name", name);
            let octets = format!("{} · {percent:.1} %", share.octets);
            if sans(&octets) < w {
                svg_text(&mut self.out, (x + w / 2.0, 70.0), "note", &octets);
            }
            let _ = writeln!(self.out, "</g>");
            let _ = writeln!(self.out, r#"<path class="edge" d="M{x:.1} 42H{:.1}V76H{x:.1}Z"/>"#, x + w);
            x += w;
        }
        self.y = 84.0;
    }

    /// UDP's header beside TCP's, in boxes of four octets as the rows above.
    fn beside(&mut self) {
        const OCTET: f64 = 11.5;
        let lengths = beside(self.tree);
        if lengths.is_empty() {
            return;
        }
        self.y += 34.0;
        svg_text(&mut self.out, (LEFT, self.y), "title", "UDP beside TCP, octets of header");
        self.y += 10.0;
        let left = LEFT + 150.0;
        for length in lengths {
            let class = if length.own { "c2" } else { "c0" };
            svg_text(
                &mut self.out,
                (LEFT, self.y + 14.0),
                if length.own { "l name" } else { "l" },
                length.what,
            );
            let w = OCTET * length.octets as f64;
            self.rect(class, (left, self.y), (w, 20.0));
            let mut d = format!("M{left:.1} {:.1}h{w:.1}v20h-{w:.1}Z", self.y);
            for n in 1..length.octets.div_ceil(4) {
                let _ = write!(d, "M{:.1} {:.1}v20", left + OCTET * 4.0 * n as f64, self.y);
            }
            let _ = writeln!(self.out, r#"<path class="edge" d="{d}"/>"#);
            svg_text(&mut self.out, (left + w + 8.0, self.y + 14.0), "l", &length.octets.to_string());
            self.y += 26.0;
        }
    }

    fn layer(&mut self, li: usize, layer: &Layer) {
        let _ = writeln!(self.out, r#"<g class="layer">"#);
        self.y += 30.0;
        let quoted = if layer.quoted { " (quoted)" } else { "" };
        svg_text(&mut self.out, (LEFT, self.y), "title", &format!("{}{quoted}", layer.name));
        let share = self.shares.get(li).map_or(0.0, |s| s.share * 100.0);
        let octets = size(layer, self.shares.get(li));
        let mut note = format!("{octets}, {share:.1} % of the frame");
        if let Some(osi) = layer.osi {
            note = format!("layer {osi} ({}) · {note}", layer.osi_name());
        }
        if !layer.standard.is_empty() {
            note = format!("{} · {note}", layer.standard);
        }
        svg_text(&mut self.out, (LEFT + BIT * ROW as f64, self.y), "r", &note);
        self.y += 16.0;
        for b in 0..ROW {
            let x = LEFT + BIT * (b as f64 + 0.5);
            svg_text(&mut self.out, (x, self.y), "ruler", &b.to_string());
        }
        self.y += 4.0;
        let rows = rows(layer);
        let heights: Vec<f64> = rows.iter().map(|r| self.height(layer, r)).collect();
        let top = self.y;
        for (row, &h) in rows.iter().zip(&heights) {
            svg_text(&mut self.out, (LEFT - 8.0, self.y + h / 2.0 + 4.0), "r", &row.offset.to_string());
            for cell in &row.cells {
                self.cell(li, layer, row, cell, h);
            }
            self.y += h;
        }
        self.edges(&rows, &heights, top);
        let _ = writeln!(self.out, "</g>");
    }

    /// The lines around the boxes, all of a layer as one path.
    fn edges(&mut self, rows: &[Row], heights: &[f64], top: f64) {
        let mut d = String::new();
        let mut y = top;
        for n in 0..=rows.len() {
            let (above, below) = (n.checked_sub(1).and_then(|n| rows.get(n)), rows.get(n));
            let edges = edges(above, below);
            for (b, _) in edges.level.iter().enumerate().filter(|(_, line)| **line) {
                let x = LEFT + BIT * b as f64;
                let _ = write!(d, "M{x:.1} {y:.1}h{BIT}");
            }
            let Some(&h) = heights.get(n) else { break };
            for (b, _) in edges.down.iter().enumerate().filter(|(_, bar)| **bar) {
                let x = LEFT + BIT * b as f64;
                let _ = write!(d, "M{x:.1} {y:.1}v{h:.1}");
            }
            y += h;
        }
        let _ = writeln!(self.out, r#"<path class="edge" d="{d}"/>"#);
    }

    /// A label takes three lines, or four; octets one.
    fn height(&self, layer: &Layer, row: &Row) -> f64 {
        let label = |c: &Cell| c.content == Content::Label;
        let lines = row.cells.iter().filter(|c| label(c)).filter_map(|c| {
            let field = layer.fields.get(c.field)?;
            let (name, below) = texts(field, c);
            Some(name.len() + below.len() + usize::from(!field.shown.is_empty()))
        });
        lines.max().map_or(24.0, |n| 14.0 * n.max(2) as f64 + 10.0)
    }

    fn cell(&mut self, li: usize, layer: &Layer, row: &Row, cell: &Cell, h: f64) {
        let Some(field) = layer.fields.get(cell.field) else { return };
        let (x, w) = (LEFT + BIT * cell.from as f64, BIT * cell.bits() as f64);
        let (y, mid) = (self.y, LEFT + BIT * (cell.from as f64 + cell.bits() as f64 / 2.0));
        let _ = writeln!(self.out, "<g><title>{}</title>", escape(&title(field)));
        self.rect(&format!("c{}", color(li, cell.field)), (x, y), (w, h));
        if cell.missing {
            svg_hatch(&mut self.out, (x, y), (w, h));
        }
        match cell.content {
            Content::Elided(n) => {
                let text = format!("… {n} octets more …");
                svg_text(&mut self.out, (mid, y + h / 2.0 + 4.0), "note", &text);
            }
            Content::More => {
                let hex = cell_hex(self.tree, row, cell);
                if mono(&hex) < w {
                    svg_text(&mut self.out, (mid, y + h / 2.0 + 4.0), "hex note", &hex);
                }
            }
            Content::Label => self.label(field, cell, (mid, y), (w, h)),
        }
        let _ = writeln!(self.out, "</g>");
    }

    fn label(&mut self, field: &Field, cell: &Cell, (mid, y): (f64, f64), (w, h): (f64, f64)) {
        let (names, below) = texts(field, cell);
        let value = fit(&field.shown, (w / 7.9) as usize, '…');
        let lines = names.len() + below.len() + usize::from(!value.is_empty());
        let mut at = y + (h - 14.0 * lines as f64) / 2.0 + 10.5;
        if cell.missing {
            let widest = names.iter().chain(&below).map(|t| sans(t)).fold(0.0, f64::max).min(w - 6.0);
            let plate = (widest + 10.0, 14.0 * lines as f64 + 2.0);
            self.rect("plate", (mid - plate.0 / 2.0, at - 11.5), plate);
        }
        let one = cell.bits() == 1;
        for name in &names {
            svg_text(&mut self.out, (mid, at), if one { "name bit" } else { "name" }, name);
            at += 14.0;
        }
        if !value.is_empty() {
            let class = match field.wrong {
                true => "value bad",
                false if one && field.value == Value::Number(1) => "value set",
                false => "value",
            };
            svg_text(&mut self.out, (mid, at), class, &value);
            at += 14.0;
        }
        for line in &below {
            let class = if field.wrong { "note bad" } else { "note" };
            svg_text(&mut self.out, (mid, at), class, line);
            at += 14.0;
        }
    }

    /// The octets in hex, each layer from a new line on, in the colours of the fields.
    fn dump(&mut self) {
        const STEP: f64 = 24.0;
        self.y += 34.0;
        svg_text(&mut self.out, (LEFT, self.y), "title", "Octets");
        self.y += 10.0;
        for (li, layer) in self.tree.layers.iter().enumerate() {
            let Some(share) = self.shares.get(li).copied() else { continue };
            let rows = share.captured.div_ceil(16);
            for n in 0..rows.min(DUMP_ROWS) {
                let at = layer.offset + n * 16;
                let end = (layer.offset + share.captured).min(at + 16);
                let octets = self.tree.data.get(at..end).unwrap_or(&[]);
                svg_text(&mut self.out, (LEFT - 8.0, self.y + 14.0), "r hex", &format!("{at:04x}"));
                let mut ascii = String::new();
                for (k, b) in octets.iter().enumerate() {
                    let bit = (at + k) * 8;
                    let field = layer.fields.partition_point(|f| f.bit_offset <= bit).saturating_sub(1);
                    let x = LEFT + STEP * k as f64 + if k >= 8 { 8.0 } else { 0.0 };
                    self.rect(&format!("c{}", color(li, field)), (x, self.y), (STEP, 19.0));
                    svg_text(&mut self.out, (x + STEP / 2.0, self.y + 14.0), "hex", &format!("{b:02x}"));
                    ascii.push(if b.is_ascii_graphic() { char::from(*b) } else { '.' });
                }
                svg_text(&mut self.out, (LEFT + STEP * 16.0 + 24.0, self.y + 14.0), "l hex", &ascii);
                if n == 0 {
                    let x = LEFT + BIT * ROW as f64;
                    svg_text(&mut self.out, (x, self.y + 14.0), "r", layer.name);
                }
                self.y += 21.0;
            }
            let more = rows.saturating_sub(DUMP_ROWS);
            let gone = share.octets.saturating_sub(share.captured);
            let notes = [
                (more > 0).then(|| format!("… {more} rows of 16 octets more")),
                (gone > 0).then(|| format!("… {gone} octets of {} were not captured", layer.name)),
            ];
            for note in notes.into_iter().flatten() {
                svg_text(&mut self.out, (LEFT, self.y + 14.0), "l note", &note);
                self.y += 21.0;
            }
            self.y += 4.0;
        }
    }
}

/// All that there is to say of a field, for whoever points at it.
fn title(field: &Field) -> String {
    let mut text = match field.group {
        Some(group) => format!("{group}: {}", field.name),
        None => field.name.to_owned(),
    };
    let _ = write!(text, ", {} bits at byte {}", field.bit_len, field.bit_offset / 8);
    if !field.bit_offset.is_multiple_of(8) {
        let _ = write!(text, ", bit {}", field.bit_offset % 8);
    }
    let hex = field.hex().filter(|h| *h != field.shown).map(|h| format!("{h} = ")).unwrap_or_default();
    match field.value {
        Value::Missing(m) if m.bits_there > 0 => {
            let _ = write!(text, "; only {} bits are there, the rest {}", m.bits_there, m.why.text());
        }
        Value::Missing(m) => {
            let _ = write!(text, "; {}", m.why.text());
        }
        _ => {
            let _ = write!(text, "; {hex}{}", words(field));
        }
    }
    if let Some(p) = field.problem {
        let _ = write!(text, "; wrong: {}", p.text());
    }
    text
}

/// The lines of a name, and what stands under the value, as far as it fits.
fn texts(field: &Field, cell: &Cell) -> (Vec<String>, Vec<String>) {
    let w = BIT * cell.bits() as f64 - 4.0;
    let room = (w / 6.5).max(1.0) as usize;
    let names = if cell.bits() == 1 {
        vec![field.name.chars().take(3).collect()]
    } else {
        wrap(field.name, room).iter().map(|n| fit(n, room, '.')).collect()
    };
    let below = match field.value {
        Value::Missing(m) if cell.missing => m.why.text().to_owned(),
        Value::Missing(_) => String::new(),
        _ if cell.bits() == 1 => String::new(),
        _ => {
            let hex = field.hex().filter(|h| *h != field.shown && field.bit_len >= 8 && h.len() <= 10);
            match (hex, field.meaning.is_empty()) {
                (Some(hex), true) => hex,
                (Some(hex), false) if sans(&hex) + sans(&field.meaning) + 20.0 < w => {
                    format!("{hex} · {}", field.meaning)
                }
                _ => field.meaning.clone(),
            }
        }
    };
    let below = wrap(&below, room);
    let fits = below.len() <= 2 && below.iter().all(|l| columns(l) <= room);
    (names, if fits { below } else { Vec::new() })
}
