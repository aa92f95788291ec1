//! Dots in character cells: braille, two by four to a cell, or ASCII, one to a cell.

use super::layout::Role;

/// One character cell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    dots: u8,
    /// The most important of what is in it.
    pub(super) role: Option<Role>,
    letter: Option<char>,
}

/// A picture of cells, its origin at the bottom left.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) columns: usize,
    pub(super) rows: usize,
    ascii: bool,
    cells: Vec<Cell>,
}

/// The bit of each dot, by column and by row from the top (Unicode's braille patterns).
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Canvas {
    pub(super) fn new(columns: usize, rows: usize, ascii: bool) -> Self {
        Self { columns, rows, ascii, cells: vec![Cell::default(); columns.saturating_mul(rows)] }
    }

    /// Dots across.
    pub(super) const fn width(&self) -> usize {
        if self.ascii { self.columns } else { self.columns * 2 }
    }

    /// Dots up.
    pub(super) const fn height(&self) -> usize {
        if self.ascii { self.rows } else { self.rows * 4 }
    }

    /// The nearest dot to a place between 0 and 1 on both axes, where it is on the canvas.
    pub(super) fn dot(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let place = |f: f64, dots: usize| {
            let at = (f * dots.saturating_sub(1) as f64).round();
            (at >= 0.0 && at < dots as f64).then_some(at as usize)
        };
        Some((place(x, self.width())?, place(y, self.height())?))
    }

    /// The same, moved to the nearest edge where it is outside.
    pub(super) fn near(&self, x: f64, y: f64) -> (usize, usize) {
        self.dot(x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)).unwrap_or((0, 0))
    }

    fn cell(&mut self, x: usize, y: usize) -> Option<(&mut Cell, u8)> {
        let (dx, dy) = if self.ascii { (1, 1) } else { (2, 4) };
        let (column, up) = (x / dx, y / dy);
        let row = self.rows.checked_sub(1 + up)?;
        if column >= self.columns {
            return None;
        }
        let bit = *BITS.get(x % dx)?.get(dy - 1 - y % dy)?;
        self.cells.get_mut(row * self.columns + column).map(|cell| (cell, bit))
    }

    /// Sets one dot.
    pub(super) fn set(&mut self, x: usize, y: usize, role: Role) {
        if let Some((cell, bit)) = self.cell(x, y) {
            cell.dots |= bit;
            cell.role = cell.role.max(Some(role));
        }
    }

    /// A dot that can be seen on its own: two by two.
    pub(super) fn blot(&mut self, x: usize, y: usize, role: Role) {
        let more = usize::from(!self.ascii);
        for (dx, dy) in [(0, 0), (more, 0), (0, more), (more, more)] {
            self.set((x + dx).min(self.width() - 1), (y + dy).min(self.height() - 1), role);
        }
    }

    pub(super) const fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Puts a letter over whatever is there.
    pub(super) fn letter(&mut self, x: usize, y: usize, letter: char, role: Role) {
        if let Some((cell, _)) = self.cell(x, y)
            && cell.role <= Some(role)
        {
            (cell.letter, cell.role) = (Some(letter), Some(role));
        }
    }

    /// The character and role of the cell in `row` (from the top) and `column`.
    pub(super) fn at(&self, row: usize, column: usize) -> (char, Option<Role>) {
        let cell = self.cells.get(row * self.columns + column).copied().unwrap_or_default();
        let c = match (cell.letter, cell.role) {
            (Some(letter), _) => letter,
            (None, None) => ' ',
            (None, Some(role)) if self.ascii => ascii(role),
            (None, Some(_)) => char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' '),
        };
        (c, cell.role)
    }
}

/// What stands for a role where there are only ASCII characters.
pub(super) const fn ascii(role: Role) -> char {
    match role {
        Role::Window => '.',
        Role::Estimate => ',',
        Role::Congestion => '=',
        Role::Ack | Role::Floor => '-',
        Role::Flight | Role::Rate => '#',
        Role::Goodput => '+',
        Role::Sample => '*',
        Role::Data => '|',
        Role::Sack => 's',
        Role::Late => 'o',
        Role::Resent => 'r',
        Role::Syn | Role::Fin => '^',
    }
}
