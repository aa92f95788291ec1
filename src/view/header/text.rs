//! The text pen: boxes, tables and the hex dump.

use std::io::{self, Write};

use super::layout::{Cell, Content, ROW, Row, beside, cell_hex, edges, rows, size, words};
use crate::decode::headers::{Field, HeaderTree, Layer, Share, Value};
use crate::view::Style;
use crate::view::drawing::{center, columns, fit, left, plain, right, wrap};

/// Columns to the left of the boxes: the offset of the row.
const MARGIN: usize = 5;

pub(super) fn render(tree: &HeaderTree, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let pen = Pen { tree, style, shares: tree.shares() };
    pen.line(
        out,
        &format!("{} octets on the wire, {} captured; link type {}", tree.wire, tree.data.len(), tree.link),
    )?;
    for (i, layer) in tree.layers.iter().enumerate() {
        writeln!(out)?;
        pen.title(i, layer, out)?;
        pen.boxes(i, layer, out)?;
        pen.table(i, layer, out)?;
    }
    writeln!(out)?;
    pen.dump(out)?;
    writeln!(out)?;
    pen.layers(out)
}

struct Pen<'a> {
    tree: &'a HeaderTree,
    style: &'a Style,
    shares: Vec<Share>,
}

/// ANSI colours that fields take in turn: readable on light and on dark.
const COLORS: [&str; 6] = ["36", "33", "32", "35", "34", "91"];

impl Pen<'_> {
    fn plain(&self, text: &str) -> String {
        if self.style.ascii { plain(text) } else { text.to_owned() }
    }

    fn line(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        writeln!(out, "{}", self.plain(text).trim_end())
    }

    /// `text` in the colour of the `i`th field of a layer.
    fn paint(&self, layer: usize, field: usize, text: &str) -> String {
        match COLORS.get((layer + field) % COLORS.len()) {
            Some(c) if self.style.color && !text.trim().is_empty() => format!("\x1b[{c}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }

    fn title(&self, i: usize, layer: &Layer, out: &mut dyn Write) -> io::Result<()> {
        let mut text = layer.name.to_owned();
        if layer.quoted {
            text.push_str(" (quoted)");
        }
        if !layer.standard.is_empty() {
            text = format!("{text}, {}", layer.standard);
        }
        if let Some(osi) = layer.osi {
            text = format!("{text}, layer {osi} ({})", layer.osi_name());
        }
        let share = self.shares.get(i).map_or(0.0, |s| s.share * 100.0);
        let octets = size(layer, self.shares.get(i));
        let text = format!("{text} · {octets}, {share:.1} % of the frame");
        if self.style.color {
            writeln!(out, "\x1b[1m{}\x1b[0m", self.plain(&text))
        } else {
            self.line(out, &text)
        }
    }

    /// Columns for each bit: 2 in 80 columns, more where there is room.
    fn bit(&self) -> usize {
        (self.style.width.saturating_sub(MARGIN + 1) / 32).clamp(2, 4)
    }

    fn boxes(&self, li: usize, layer: &Layer, out: &mut dyn Write) -> io::Result<()> {
        let rows = rows(layer);
        let bit = self.bit();
        let (mut tens, mut ones) = (" ".repeat(MARGIN), " ".repeat(MARGIN));
        for n in 0..32 {
            let ten = if n % 10 == 0 { (n / 10).to_string() } else { " ".into() };
            tens.push_str(&left(&format!("{}{ten}", " ".repeat(bit / 2)), bit));
            ones.push_str(&left(&format!("{}{}", " ".repeat(bit / 2), n % 10), bit));
        }
        self.line(out, &tens)?;
        self.line(out, &ones)?;
        let mut above: Option<&Row> = None;
        for row in &rows {
            self.line(out, &self.border(above, Some(row)))?;
            let texts: Vec<Vec<String>> =
                row.cells.iter().map(|c| self.cell_text(layer, row, c, bit * c.bits() - 1)).collect();
            let height = texts.iter().map(Vec::len).max().unwrap_or(1);
            for n in 0..height {
                let offset = if n == 0 { row.offset.to_string() } else { String::new() };
                write!(out, "{} ", right(&offset, MARGIN - 1))?;
                let mut last = None;
                for (cell, lines) in row.cells.iter().zip(&texts) {
                    let joined = last.is_some_and(|l: &Cell| l.field == cell.field);
                    write!(out, "{}", if joined { ' ' } else { self.bar() })?;
                    // Fewer lines than the row has: in the middle of it.
                    let skip = (height - lines.len()) / 2;
                    let text = n.checked_sub(skip).and_then(|n| lines.get(n)).map_or("", String::as_str);
                    let width = bit * cell.bits() - 1;
                    let text = self.fill(text, width, cell.missing);
                    write!(out, "{}", self.paint(li, cell.field, &text))?;
                    last = Some(cell);
                }
                writeln!(out, "{}", self.bar())?;
            }
            above = Some(row);
        }
        self.line(out, &self.border(above, None))
    }

    const fn bar(&self) -> char {
        if self.style.ascii { '|' } else { '│' }
    }

    /// `text` in the middle, on hatching where it is missing.
    fn fill(&self, text: &str, width: usize, missing: bool) -> String {
        let hatch = if self.style.ascii { '/' } else { '░' };
        if !missing {
            return center(text, width);
        }
        let text = if text.is_empty() { String::new() } else { format!(" {text} ") };
        let text = if columns(&text) > width { text.trim().to_owned() } else { text };
        let free = width.saturating_sub(columns(&text));
        let hatched = |n: usize| hatch.to_string().repeat(n);
        format!("{}{text}{}", hatched(free / 2), hatched(free - free / 2))
    }

    /// What stands in a box of `width` columns, line by line.
    fn cell_text(&self, layer: &Layer, row: &Row, cell: &Cell, width: usize) -> Vec<String> {
        let Some(field) = layer.fields.get(cell.field) else { return Vec::new() };
        match cell.content {
            Content::Elided(octets) => vec![self.plain(&format!("… {octets} octets more …"))],
            Content::More => {
                let hex = cell_hex(self.tree, row, cell);
                vec![if columns(&hex) <= width { hex } else { String::new() }]
            }
            Content::Label => {
                let mut lines = self.name_lines(field.name, width);
                lines.extend(self.value_lines(field, cell, width));
                lines
            }
        }
    }

    fn name_lines(&self, name: &str, width: usize) -> Vec<String> {
        if width <= 3 && columns(name) > width {
            // One bit: its name downwards, as RFC 9293 writes the control bits.
            return name.chars().take(3).map(String::from).collect();
        }
        wrap(name, width).iter().map(|l| fit(l, width, '.')).collect()
    }

    fn value_lines(&self, field: &Field, cell: &Cell, width: usize) -> Vec<String> {
        if let Value::Missing(m) = field.value {
            let text = if cell.missing { m.why.text() } else { "" };
            let lines = wrap(text, width.saturating_sub(2));
            let fits = lines.len() <= 2 && lines.iter().all(|l| columns(l) + 2 <= width);
            return if fits { lines } else { Vec::new() };
        }
        let whole = wrap(&self.plain(&words(field)), width);
        if whole.len() <= 2 && whole.iter().all(|l| columns(l) <= width) {
            return whole;
        }
        vec![fit(&self.plain(&field.shown), width, '.')]
    }

    /// The line between two rows.
    fn border(&self, above: Option<&Row>, below: Option<&Row>) -> String {
        let bit = self.bit();
        let edges = edges(above, below);
        let level = |b: Option<usize>| b.and_then(|b| edges.level.get(b)).copied().unwrap_or(false);
        let mut line = " ".repeat(MARGIN);
        for (b, (up, down)) in edges.up.into_iter().zip(edges.down).enumerate() {
            let (l, r) = (level(b.checked_sub(1)), level(Some(b)));
            line.push(self.joint(up, down, l, r));
            if b < ROW {
                let dash = if self.style.ascii { "-" } else { "─" };
                line.push_str(&if r { dash } else { " " }.repeat(bit - 1));
            }
        }
        line
    }

    const fn joint(&self, up: bool, down: bool, left: bool, right: bool) -> char {
        if self.style.ascii {
            return match (up || down, left || right) {
                (false, false) => ' ',
                (true, false) => '|',
                // Every bit has its mark, as in the RFCs.
                (_, true) => '+',
            };
        }
        match (up, down, left, right) {
            (false, false, false, false) => ' ',
            (false, false, true, true) => '─',
            (true, true, false, false) => '│',
            (false, true, false, true) => '┌',
            (false, true, true, false) => '┐',
            (true, false, false, true) => '└',
            (true, false, true, false) => '┘',
            (true, true, false, true) => '├',
            (true, true, true, false) => '┤',
            (false, true, true, true) => '┬',
            (true, false, true, true) => '┴',
            (true, true, true, true) => '┼',
            (true, false, false, false) => '╵',
            (false, true, false, false) => '╷',
            (false, false, true, false) => '╴',
            (false, false, false, true) => '╶',
        }
    }

    /// The fields in words: where, how wide, name, hex, value and meaning.
    fn table(&self, li: usize, layer: &Layer, out: &mut dyn Write) -> io::Result<()> {
        let name_width = layer.fields.iter().map(|f| columns(f.name)).max().unwrap_or(0).clamp(5, 26);
        let head =
            format!(" {:>7} {:>4}  {} {:<10}  value", "byte", "bits", left("field", name_width), "hex");
        self.line(out, &head)?;
        let indent = 28 + name_width;
        let room = self.style.width.saturating_sub(indent).max(16);
        for (i, f) in layer.fields.iter().enumerate() {
            let byte = match f.bit_offset % 8 {
                0 => format!("{}  ", f.bit_offset / 8),
                bit => format!("{}.{bit}", f.bit_offset / 8),
            };
            // 48 bits and more are in the dump; a column of them would push the rest out.
            let hex = f.hex().filter(|h| h.len() <= 10).unwrap_or_default();
            let mut text = match f.value {
                Value::Missing(m) if m.bits_there > 0 => {
                    format!("{} of {} bits, the rest {}", m.bits_there, f.bit_len, m.why.text())
                }
                Value::Missing(m) => format!("missing: {}", m.why.text()),
                _ => words(f),
            };
            if let Some(p) = f.problem {
                text = format!("{text} !! {}", p.text());
            }
            let mut lines = wrap(&self.plain(&text), room);
            if f.wrong && self.style.color {
                lines = lines.iter().map(|l| format!("\x1b[1;31m{l}\x1b[0m")).collect();
            }
            let name = self.paint(li, i, &left(&fit(f.name, name_width, '.'), name_width));
            let first = lines.first().map_or("", String::as_str);
            let line = format!(" {byte:>7} {:>4}  {name} {hex:<10}  {first}", f.bit_len);
            writeln!(out, "{}", line.trim_end())?;
            for more in lines.iter().skip(1) {
                writeln!(out, "{}{more}", " ".repeat(indent))?;
            }
        }
        Ok(())
    }

    /// The octets, a new line for each header, each in the colour of its field.
    fn dump(&self, out: &mut dyn Write) -> io::Result<()> {
        let limit = self.style.limit.unwrap_or(usize::MAX);
        for (li, (layer, share)) in self.tree.layers.iter().zip(&self.shares).enumerate() {
            let end = layer.offset.saturating_add(share.captured).min(self.tree.data.len());
            let rows = share.captured.div_ceil(16);
            self.line(out, &format!("{}:", layer.name))?;
            for n in 0..rows.min(limit) {
                let at = layer.offset + n * 16;
                let octets = self.tree.data.get(at..end.min(at + 16)).unwrap_or(&[]);
                self.dump_row(li, layer, at, octets, out)?;
            }
            if rows > limit {
                self.line(out, &format!("      … {} rows more (--limit all)", rows - limit))?;
            }
            let gone = share.octets.saturating_sub(share.captured);
            if gone > 0 {
                self.line(out, &format!("      … {gone} octets of {} were not captured", layer.name))?;
            }
        }
        Ok(())
    }

    fn dump_row(
        &self,
        li: usize,
        layer: &Layer,
        at: usize,
        octets: &[u8],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (mut hex, mut text) = (String::new(), String::new());
        for (k, b) in octets.iter().enumerate() {
            let bit = (at + k) * 8;
            let field = layer.fields.partition_point(|f| f.bit_offset <= bit).saturating_sub(1);
            let gap = if k == 8 { "  " } else { " " };
            hex.push_str(gap);
            hex.push_str(&self.paint(li, field, &format!("{b:02x}")));
            let c = if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' };
            text.push_str(&self.paint(li, field, &c.to_string()));
        }
        let missing = 16usize.saturating_sub(octets.len());
        let pad = missing * 3 + usize::from(octets.len() <= 8);
        writeln!(out, "{at:04x} {hex}{}  {text}", " ".repeat(pad))
    }

    /// What each layer takes of the frame.
    fn layers(&self, out: &mut dyn Write) -> io::Result<()> {
        let bar_room = self.style.width.saturating_sub(60).min(40);
        self.line(out, &format!("{:<17} {:<26} {:>6} {:>7}", "OSI layer", "header", "octets", "share"))?;
        for share in &self.shares {
            let Some(layer) = self.tree.layers.get(share.layer) else { continue };
            let osi = match layer.osi {
                Some(n) => format!("{n} {}", layer.osi_name()),
                None => "-".to_owned(),
            };
            let quoted = if layer.quoted { " (quoted)" } else { "" };
            let filled = (share.share * bar_room as f64).round() as usize;
            let block = if self.style.ascii { "#" } else { "█" };
            let line = format!(
                "{osi:<17} {} {:>6} {:>5.1} % {}",
                left(&format!("{}{quoted}", layer.name), 26),
                share.octets,
                share.share * 100.0,
                block.repeat(filled.min(bar_room))
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        let line = format!("{:<44} {:>6} {:>5.1} %", "the frame", self.tree.wire, 100.0);
        self.line(out, &line)?;
        self.beside(out)
    }

    /// UDP's header beside TCP's, two octets a column.
    fn beside(&self, out: &mut dyn Write) -> io::Result<()> {
        let lengths = beside(self.tree);
        if !lengths.is_empty() {
            writeln!(out)?;
            self.line(out, &format!("{:<24} octets", "UDP beside TCP"))?;
        }
        for length in lengths {
            let block = match (self.style.ascii, length.own) {
                (true, true) => "#",
                (true, false) => "=",
                (false, true) => "█",
                (false, false) => "░",
            };
            let bar = block.repeat(length.octets.div_ceil(2).min(30));
            self.line(out, &format!("{:<24} {:>6} {bar}", length.what, length.octets))?;
        }
        Ok(())
    }
}
