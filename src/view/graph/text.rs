//! The pen for terminals.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::axis::Axis;
use super::canvas::{Canvas, ascii};
use super::layout::{Chart, Panel, Point, Role, Shape};
use crate::view::Style;

/// Draws all panels of `chart`.
pub(super) fn draw(chart: &Chart, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let pen = Pen { ascii: style.ascii, width: style.width };
    let paper = &mut Printed { out, color: style.color };
    pen.wrapped(&pen.plain(&chart.title), paper)?;
    for panel in &chart.panels {
        paper.end()?;
        let axis = if panel.layers.is_empty() { "" } else { panel.y.name };
        let (open, close) = if axis.is_empty() { ("", "") } else { (" (", ")") };
        pen.wrapped(&pen.plain(&format!("{}{open}{axis}{close}", panel.title)), paper)?;
        pen.panel(panel, (pen.width.clamp(40, 400) / 5).clamp(12, 28), paper)?;
    }
    paper.end()
}

/// A line in pieces of one colour.
pub(in crate::view) type Pieces = Vec<(String, Option<AnsiColor>)>;

/// One panel without its title in `rows` lines of `width` columns, if that is enough for it.
pub(super) fn cells(panel: &Panel, width: usize, rows: usize, ascii: bool) -> Vec<Pieces> {
    let pen = Pen { ascii, width };
    let drawn = |plot: usize| {
        let mut sheet = Sheet { lines: Vec::new(), line: Vec::new() };
        // A sheet takes whatever comes.
        let _ = pen.panel(panel, plot.max(3), &mut sheet);
        sheet.lines
    };
    let around = drawn(3).len().saturating_sub(3);
    drawn(rows.saturating_sub(around))
}

/// What a pen writes on.
trait Paper {
    fn put(&mut self, text: &str, ink: Option<Role>) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}

/// A terminal or a file.
struct Printed<'a> {
    out: &'a mut dyn Write,
    color: bool,
}

impl Paper for Printed<'_> {
    fn put(&mut self, text: &str, ink: Option<Role>) -> io::Result<()> {
        match ink.map(ansi).filter(|_| self.color) {
            Some(ink) => write!(self.out, "{ink}{text}{ink:#}"),
            None => self.out.write_all(text.as_bytes()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }
}

/// Lines for somebody else to show.
struct Sheet {
    lines: Vec<Pieces>,
    line: Pieces,
}

impl Paper for Sheet {
    fn put(&mut self, text: &str, ink: Option<Role>) -> io::Result<()> {
        self.line.push((text.to_owned(), ink.map(color)));
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.lines.push(std::mem::take(&mut self.line));
        Ok(())
    }
}

struct Pen {
    ascii: bool,
    width: usize,
}

/// Characters of the frame: vertical, its tick, corner, horizontal, its tick.
const FRAME: [char; 5] = ['│', '┤', '└', '─', '┬'];
const ASCII_FRAME: [char; 5] = ['|', '+', '+', '-', '+'];

impl Pen {
    /// Text of our own with its few special characters as the style wants them.
    fn plain(&self, text: &str) -> String {
        if self.ascii {
            text.replace('→', "->").replace('µ', "u").replace('–', "-")
        } else {
            text.to_owned()
        }
    }

    fn panel(&self, panel: &Panel, rows: usize, out: &mut dyn Paper) -> io::Result<()> {
        if !panel.layers.is_empty() {
            self.picture(panel, rows, out)?;
            self.legend(panel, out)?;
        }
        for note in &panel.notes {
            self.wrapped(&self.plain(note), out)?;
        }
        Ok(())
    }

    fn picture(&self, panel: &Panel, rows: usize, out: &mut dyn Paper) -> io::Result<()> {
        let width = self.width.clamp(40, 400);
        let ticks = panel.y.ticks((rows / 3).max(2));
        let margin = ticks.iter().map(|t| t.label.chars().count()).max().unwrap_or(0) + 1;
        let columns = width.saturating_sub(margin + 1).max(20);
        let canvas = self.canvas(panel, columns, rows);
        let [bar, tick, corner, line, down] = if self.ascii { ASCII_FRAME } else { FRAME };
        let mut labels = vec![None; rows];
        for t in &ticks {
            let up = (panel.y.fraction(t.at) * (rows - 1) as f64).round() as usize;
            if let Some(slot) = labels.get_mut(rows - 1 - up.min(rows - 1)) {
                *slot = Some(self.plain(&t.label));
            }
        }
        for (row, label) in labels.iter().enumerate() {
            let left = match label {
                Some(text) => format!("{text:>margin$}{tick}"),
                None => format!("{:margin$}{bar}", ""),
            };
            out.put(&left, None)?;
            row_of(&canvas, row, out)?;
        }
        let (rule, under) = self.time_labels(&panel.x, columns, line, down);
        out.put(&format!("{:margin$}{corner}{rule}", ""), None)?;
        out.end()?;
        out.put(&format!("{:margin$} {under}", ""), None)?;
        out.end()
    }

    /// The line under the picture, and the labels under that.
    fn time_labels(&self, x: &Axis, columns: usize, line: char, down: char) -> (String, String) {
        let mut rule = vec![line; columns];
        let mut under = vec![' '; columns];
        let mut free = 0;
        for t in x.ticks((columns / 12).max(2)) {
            let label: Vec<char> = self.plain(&t.label).chars().collect();
            let at = ((x.fraction(t.at) * (columns - 1) as f64).round() as usize).min(columns - 1);
            let from = at.saturating_sub(label.len() / 2).min(columns.saturating_sub(label.len()));
            if let Some(c) = rule.get_mut(at) {
                *c = down;
            }
            if from >= free {
                free = from + label.len() + 1;
                under.splice(from..from + label.len(), label);
            }
        }
        (rule.into_iter().collect(), under.into_iter().collect::<String>().trim_end().to_owned())
    }

    fn canvas(&self, panel: &Panel, columns: usize, rows: usize) -> Canvas {
        let mut canvas = Canvas::new(columns, rows, self.ascii);
        for layer in &panel.layers {
            match &layer.shape {
                Shape::Steps(points) => steps(&mut canvas, panel, points, layer.role),
                Shape::Dots(points) => {
                    for p in points {
                        if let Some((x, y)) = canvas.dot(panel.x.fraction(p.x), panel.y.fraction(p.y)) {
                            canvas.blot(x, y, layer.role);
                        }
                    }
                }
                Shape::Bars(bars) => {
                    for bar in bars {
                        let x = panel.x.fraction(bar.x);
                        let (lo, hi) = (panel.y.fraction(bar.lo), panel.y.fraction(bar.hi));
                        if hi < 0.0 || lo > 1.0 {
                            continue;
                        }
                        let ((x, lo), (_, hi)) = (canvas.near(x, lo), canvas.near(x, hi));
                        (lo..=hi).for_each(|y| stroke(&mut canvas, x, y, layer.role));
                        if let Some(letter) = layer.role.letter() {
                            canvas.letter(x, hi, letter, layer.role);
                        }
                    }
                }
            }
        }
        canvas
    }

    fn legend(&self, panel: &Panel, out: &mut dyn Paper) -> io::Result<()> {
        let mut line = Vec::new();
        for role in Role::ALL {
            let Some(layer) = panel.layers.iter().find(|l| l.role == role) else { continue };
            let sample = match role.letter() {
                Some(letter) => letter.to_string(),
                None if self.ascii => ascii(role).to_string(),
                None => sample(&layer.shape, role).to_owned(),
            };
            line.push((sample, role));
        }
        let mut used = 0;
        for (sample, role) in line {
            let need = role.name().chars().count() + 4;
            if used > 0 && used + need > self.width {
                out.end()?;
                used = 0;
            }
            out.put(if used > 0 { "  " } else { "" }, None)?;
            out.put(&sample, Some(role))?;
            out.put(&format!(" {}", role.name()), None)?;
            used += need + 2;
        }
        out.end()
    }

    fn wrapped(&self, text: &str, out: &mut dyn Paper) -> io::Result<()> {
        let mut used = 0;
        for word in text.split(' ') {
            let need = word.chars().count();
            if used > 0 && used + 1 + need > self.width {
                out.end()?;
                used = 0;
            }
            out.put(&format!("{}{word}", if used > 0 { " " } else { "" }), None)?;
            used += need + usize::from(used > 0);
        }
        out.end()
    }
}

/// One row of cells, trailing blanks left out.
fn row_of(canvas: &Canvas, row: usize, out: &mut dyn Paper) -> io::Result<()> {
    let cells: Vec<_> = (0..canvas.columns).map(|c| canvas.at(row, c)).collect();
    let used = cells.iter().rposition(|(c, _)| *c != ' ').map_or(0, |i| i + 1);
    for run in cells.get(..used).unwrap_or(&[]).chunk_by(|a, b| a.1 == b.1) {
        let text: String = run.iter().map(|c| c.0).collect();
        out.put(&text, run.first().and_then(|c| c.1))?;
    }
    out.end()
}

/// A line that holds its value until the next point, and the last one to the end.
fn steps(canvas: &mut Canvas, panel: &Panel, points: &[Point], role: Role) {
    let end = points.last().map(|p| Point { x: panel.x.hi, y: p.y });
    let mut before: Option<(usize, usize, f64)> = None;
    for p in points.iter().copied().chain(end) {
        let up = panel.y.fraction(p.y);
        let (x, y) = canvas.near(panel.x.fraction(p.x), up);
        if let Some((x0, y0, up0)) = before {
            if (0.0..=1.0).contains(&up0) {
                (x0..=x).for_each(|x| stroke(canvas, x, y0, role));
            }
            if (0.0..=1.0).contains(&up0) || (0.0..=1.0).contains(&up) {
                (y0.min(y)..=y0.max(y)).for_each(|y| stroke(canvas, x, y, role));
            }
        }
        before = Some((x, y, up));
    }
}

/// One dot of a line or bar; what is not sent or acknowledged data is dotted.
fn stroke(canvas: &mut Canvas, x: usize, y: usize, role: Role) {
    let every = match role {
        Role::Window | Role::Floor => 3,
        Role::Estimate | Role::Goodput | Role::Sack if !canvas.is_ascii() => 2,
        _ => 1,
    };
    if (x + y).is_multiple_of(every) {
        canvas.set(x, y, role);
    }
}

/// How a role looks, for legends.
const fn sample(shape: &Shape, role: Role) -> &'static str {
    match (shape, role) {
        (Shape::Bars(_), Role::Sack) => "⠅",
        (Shape::Bars(_), _) => "⡇",
        (Shape::Dots(_), _) => "⠛",
        (Shape::Steps(_), Role::Window | Role::Floor) => "⠄⠂",
        (Shape::Steps(_), Role::Estimate | Role::Goodput) => "⠂⠂",
        (Shape::Steps(_), _) => "⠒⠒",
    }
}

const fn color(role: Role) -> AnsiColor {
    match role {
        Role::Window => AnsiColor::Yellow,
        Role::Estimate | Role::Floor => AnsiColor::BrightBlack,
        Role::Congestion | Role::Sack | Role::Late => AnsiColor::Magenta,
        Role::Ack | Role::Goodput => AnsiColor::Green,
        Role::Flight | Role::Rate | Role::Data | Role::Sample => AnsiColor::Blue,
        Role::Resent => AnsiColor::Red,
        Role::Syn | Role::Fin => AnsiColor::Cyan,
    }
}

fn ansi(role: Role) -> Ansi {
    let style = Ansi::new().fg_color(Some(color(role).into()));
    if matches!(role, Role::Resent | Role::Late) { style.bold() } else { style }
}
