//! Where the fields of a header stand: boxes on rows of 32 bits, counted from the
//! header's first octet as the RFCs do.

use crate::decode::headers::{Field, HeaderTree, Layer, Share};

/// Bits in a row.
pub(super) const ROW: usize = 32;

/// Rows of one field that are drawn at most; the middle of a longer one is left out.
const FIELD_ROWS: usize = 6;

/// A transport header beside the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub what: &'static str,
    /// Octets.
    pub octets: usize,
    /// It is the one that is drawn.
    pub own: bool,
}

/// The innermost TCP or UDP header beside what each of the two can be: 8 octets, or 20 to 60.
pub(super) fn beside(tree: &HeaderTree) -> Vec<Length> {
    let transport = |l: &&Layer| !l.quoted && matches!(l.name, "TCP" | "UDP");
    let Some(layer) = tree.layers.iter().rev().find(transport) else { return Vec::new() };
    let tcp = layer.name == "TCP";
    let length = |what, octets, own| Length { what, octets, own };
    let mut all = vec![
        length("UDP, always", 8, !tcp),
        length("TCP, without options", 20, tcp && layer.len == 20),
        length("TCP, at most", 60, tcp && layer.len == 60),
    ];
    if all.iter().all(|l| !l.own) {
        all.insert(2, length("this TCP header", layer.len, true));
    }
    all
}

/// One row of boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Octets into the frame of its first bit.
    pub offset: usize,
    /// Its boxes from left to right.
    pub cells: Vec<Cell>,
}

/// One box: all of a field, or what of it is in this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Index of the field in its layer.
    pub field: usize,
    /// First bit in the row, 0 to 31.
    pub from: usize,
    /// The bit after its last, 1 to 32.
    pub to: usize,
    /// What stands in it.
    pub content: Content,
    /// None of it is there.
    pub missing: bool,
}

/// What stands in a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// The field's name and value.
    Label,
    /// The field goes on; its octets here.
    More,
    /// Octets of the field that are not drawn.
    Elided(usize),
}

impl Cell {
    /// Bits wide.
    pub const fn bits(&self) -> usize {
        self.to - self.from
    }
}

/// The rows of a layer.
pub(super) fn rows(layer: &Layer) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let base = layer.offset.saturating_mul(8);
    for (i, field) in layer.fields.iter().enumerate() {
        for (row, cell) in pieces(i, field, field.bit_offset.saturating_sub(base)) {
            let offset = layer.offset.saturating_add(row.saturating_mul(ROW / 8));
            match rows.last_mut() {
                Some(last) if last.offset == offset => last.cells.push(cell),
                _ => rows.push(Row { offset, cells: vec![cell] }),
            }
        }
    }
    rows
}

/// A field cut at the ends of rows and where it stops being there, each piece with
/// the number of its row. `at` is its first bit, counted from the header's.
fn pieces(index: usize, field: &Field, at: usize) -> Vec<(usize, Cell)> {
    let end = at.saturating_add(field.bit_len);
    let there = at.saturating_add(field.bits_there());
    let (first_row, last_row) = (at / ROW, end.saturating_sub(1) / ROW);
    let elide = last_row - first_row >= FIELD_ROWS;
    let mut pieces = Vec::new();
    let mut bit = at;
    while bit < end {
        let row = bit / ROW;
        if elide && row == first_row + FIELD_ROWS / 2 {
            let octets = (last_row - row).saturating_mul(ROW / 8);
            let content = Content::Elided(octets);
            let missing = there <= bit;
            pieces.push((row, Cell { field: index, from: 0, to: ROW, content, missing }));
            bit = last_row * ROW;
            continue;
        }
        let missing = bit >= there;
        let mut to = ((row + 1) * ROW).min(end);
        if !missing {
            to = to.min(there);
        }
        let (from, to_in_row) = (bit - row * ROW, to - row * ROW);
        let cell = Cell { field: index, from, to: to_in_row, content: Content::More, missing };
        pieces.push((row, cell));
        bit = to;
    }
    // The name stands in the first of the widest pieces.
    let widest = pieces.iter().map(|(_, c)| c.bits()).max().unwrap_or(0);
    if let Some((_, cell)) = pieces.iter_mut().find(|(_, c)| c.bits() == widest && c.content == Content::More)
    {
        cell.content = Content::Label;
    }
    pieces
}

/// The lines between two rows, or above the first or below the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edges {
    /// A horizontal line at each bit: the boxes above and below are different fields.
    pub level: [bool; ROW],
    /// A vertical line before each bit of the row above, and after its last.
    pub up: [bool; ROW + 1],
    /// The same for the row below.
    pub down: [bool; ROW + 1],
}

/// The lines where `above` meets `below`.
pub(super) fn edges(above: Option<&Row>, below: Option<&Row>) -> Edges {
    let field_at = |row: Option<&Row>, b: usize| {
        row.and_then(|r| r.cells.iter().find(|c| c.from <= b && b < c.to)).map(|c| c.field)
    };
    let bar = |row: Option<&Row>, b: usize| {
        let before = b.checked_sub(1).and_then(|b| field_at(row, b));
        before != field_at(row, b)
    };
    Edges {
        level: std::array::from_fn(|b| field_at(above, b) != field_at(below, b)),
        up: std::array::from_fn(|b| bar(above, b)),
        down: std::array::from_fn(|b| bar(below, b)),
    }
}

/// The octets in `cell`, in hex, where it begins and ends with one.
pub(super) fn cell_hex(tree: &HeaderTree, row: &Row, cell: &Cell) -> String {
    if !cell.from.is_multiple_of(8) || !cell.to.is_multiple_of(8) || cell.missing {
        return String::new();
    }
    let (from, to) = (row.offset + cell.from / 8, row.offset + cell.to / 8);
    let octets = tree.data.get(from..to.min(tree.data.len())).unwrap_or(&[]);
    let hex: Vec<String> = octets.iter().map(|b| format!("{b:02x}")).collect();
    hex.join(" ")
}

/// How many octets a layer has, and how many it claims where that is more.
pub(super) fn size(layer: &Layer, share: Option<&Share>) -> String {
    match share {
        Some(s) if s.octets != layer.len => format!("{} of {} octets", s.octets, layer.len),
        _ => format!("{} octets", layer.len),
    }
}

/// Value and meaning together, if there is one.
pub(super) fn words(field: &Field) -> String {
    match (field.shown.is_empty(), field.meaning.is_empty()) {
        (true, _) => field.meaning.clone(),
        (false, true) => field.shown.clone(),
        (false, false) => format!("{} · {}", field.shown, field.meaning),
    }
}
