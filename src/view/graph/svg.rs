//! The pen for SVG: one element, coloured by classes, light or dark as the reader prefers.

use std::fmt::Write;

use super::Graph;
use super::layout::{Bar, Chart, Panel, Point, Role, Shape};

/// The styles of graphs. No meaning hangs on colour alone: lines differ in their dashes,
/// retransmissions bear an R.
pub const STYLE: &str = include_str!("graph.css");

const WIDTH: f64 = 960.0;
const LEFT: f64 = 74.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 58.0;
const PLOT: f64 = 260.0;
const UNDER: f64 = 52.0;
const NOTE: f64 = 18.0;

/// A file of its own.
pub(super) fn file(chart: &Chart, kind: Graph) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    draw(&mut out, chart, kind, "g", true);
    out
}

/// An element for a page.
pub(super) fn element(chart: &Chart, kind: Graph, id: &str) -> String {
    let mut out = String::new();
    draw(&mut out, chart, kind, id, false);
    out
}

/// `alone`: with its styles and a visible title; a page has both already.
fn draw(out: &mut String, chart: &Chart, kind: Graph, id: &str, alone: bool) {
    let notes = |p: &Panel| NOTE * p.notes.len() as f64;
    let tall = |p: &Panel| if p.layers.is_empty() { 40.0 } else { TOP + PLOT + UNDER } + notes(p);
    let head = if alone { 34.0 } else { 4.0 };
    let height: f64 = head + chart.panels.iter().map(tall).sum::<f64>() + 8.0;
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-labelledby=\"{id}-t {id}-d\" data-kind=\"{}\">",
        kind.name()
    );
    if alone {
        let _ = write!(out, "<style>{STYLE}</style>");
    }
    let _ = write!(out, "<title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">", escape(&chart.title));
    for panel in &chart.panels {
        let _ = write!(out, "{}. {} ", escape(&panel.title), escape(&described(panel)));
    }
    out.push_str("</desc><rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
    if alone {
        let _ = write!(out, "<text class=\"title\" x=\"12\" y=\"24\">{}</text>", escape(&chart.title));
    }
    let mut y = head;
    for (n, panel) in chart.panels.iter().enumerate() {
        let _ = write!(out, "<g transform=\"translate(0 {y})\">");
        draw_panel(out, panel, &format!("{id}-{n}"));
        out.push_str("</g>");
        y += tall(panel);
    }
    out.push_str("</svg>");
}

/// What a picture shows, for those who do not see it.
fn described(panel: &Panel) -> String {
    let mut text = String::new();
    if panel.layers.is_empty() {
        text.push_str("Nothing to draw. ");
    } else {
        let _ = write!(
            text,
            "{} to {} across, {} to {} up: ",
            panel.x.words(panel.x.lo),
            panel.x.words(panel.x.hi),
            panel.y.words(panel.y.lo),
            panel.y.words(panel.y.hi)
        );
        let parts: Vec<String> =
            panel.layers.iter().map(|l| format!("{} ({})", l.role.name(), l.shape.len())).collect();
        let _ = write!(text, "{}. ", parts.join(", "));
    }
    text.push_str(&panel.notes.join(" "));
    text
}

fn draw_panel(out: &mut String, panel: &Panel, id: &str) {
    let _ = write!(out, "<text class=\"subtitle\" x=\"12\" y=\"20\">{}</text>", escape(&panel.title));
    let mut y = 42.0;
    if !panel.layers.is_empty() {
        legend(out, panel);
        axes(out, panel);
        let plot = WIDTH - LEFT - RIGHT;
        let _ = write!(
            out,
            "<clipPath id=\"{id}-c\"><rect x=\"{LEFT}\" y=\"{}\" width=\"{plot}\" height=\"{}\"/></clipPath>\
             <svg class=\"plot\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{plot}\" height=\"{PLOT}\" \
             viewBox=\"0 0 {plot} {PLOT}\" preserveAspectRatio=\"none\" overflow=\"hidden\" \
             data-side=\"{}\" data-x0=\"{}\" data-x1=\"{}\" data-y0=\"{}\" data-y1=\"{}\" data-unit=\"{:?}\">",
            TOP - 6.0,
            PLOT + 12.0,
            panel.side.name(),
            panel.x.lo,
            panel.x.hi,
            panel.y.lo,
            panel.y.hi,
            panel.y.unit,
        );
        if let Some((from, to)) = panel.hole {
            let (a, b) = (panel.x.fraction(from) * plot, panel.x.fraction(to) * plot);
            let _ = write!(
                out,
                "<rect class=\"hole\" x=\"{a:.1}\" y=\"0\" width=\"{:.1}\" height=\"{PLOT}\"/>",
                (b - a).max(1.0)
            );
        }
        let place = Place { panel, plot };
        for layer in &panel.layers {
            place.layer(out, layer.role, &layer.shape);
        }
        out.push_str("</svg>");
        for layer in &panel.layers {
            if let (Some(letter), Shape::Bars(bars)) = (layer.role.letter(), &layer.shape) {
                place.letters(out, layer.role, letter, bars, id);
            }
        }
        y = TOP + PLOT + UNDER;
    }
    for note in &panel.notes {
        let _ = write!(out, "<text class=\"note\" x=\"12\" y=\"{y}\">{}</text>", escape(note));
        y += NOTE;
    }
}

fn axes(out: &mut String, panel: &Panel) {
    let (right, bottom) = (WIDTH - RIGHT, TOP + PLOT);
    for t in panel.y.ticks(6) {
        let y = bottom - panel.y.fraction(t.at) * PLOT;
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
             <text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            t.label
        );
    }
    for t in panel.x.ticks(10) {
        let x = LEFT + panel.x.fraction(t.at) * (right - LEFT);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
             <text class=\"tick mid\" x=\"{x:.1}\" y=\"{}\">{}</text>",
            bottom + 17.0,
            t.label
        );
    }
    let _ = write!(
        out,
        "<path class=\"frame\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>\
         <text class=\"tick name end\" x=\"{right}\" y=\"{}\">{}</text>\
         <text class=\"tick name mid\" transform=\"translate(14 {}) rotate(-90)\">{}</text>",
        bottom + 34.0,
        panel.x.name,
        TOP + PLOT / 2.0,
        panel.y.name,
    );
}

fn legend(out: &mut String, panel: &Panel) {
    let mut x = LEFT;
    for layer in &panel.layers {
        let class = layer.role.class();
        let _ = match &layer.shape {
            Shape::Bars(_) => write!(out, "<path class=\"bars {class}\" d=\"M{} 34V46\"/>", x + 8.0),
            Shape::Steps(_) => write!(out, "<path class=\"line {class}\" d=\"M{x} 40h16\"/>"),
            Shape::Dots(_) => write!(out, "<path class=\"dots {class}\" d=\"M{} 40h0\"/>", x + 8.0),
        };
        let letter = layer.role.letter().map(|c| format!(" ({c})")).unwrap_or_default();
        let name = layer.role.name();
        let _ = write!(out, "<text class=\"key\" x=\"{}\" y=\"44\">{name}{letter}</text>", x + 22.0);
        x += 22.0 + 7.0 * (name.len() + letter.len()) as f64 + 18.0;
    }
}

/// Where things stand in the plot, in a tenth of a unit: finer than that nobody sees, not
/// even zoomed in ten times, and a file of a large capture stays small.
struct Place<'a> {
    panel: &'a Panel,
    plot: f64,
}

/// A tenth of a unit of the picture.
type Tenths = i64;

impl Place<'_> {
    fn x(&self, value: i64) -> Tenths {
        (self.panel.x.fraction(value) * self.plot * 10.0).round() as i64
    }

    /// Well outside is as good as far outside.
    fn y(&self, value: i64) -> Tenths {
        let up = self.panel.y.fraction(value).clamp(-0.5, 1.5);
        ((1.0 - up) * PLOT * 10.0).round() as i64
    }

    fn layer(&self, out: &mut String, role: Role, shape: &Shape) {
        let kind = match shape {
            Shape::Bars(_) => "bars",
            Shape::Steps(_) => "line",
            Shape::Dots(_) => "dots",
        };
        let _ = write!(out, "<path class=\"{kind} {}\" data-n=\"{}\" d=\"", role.class(), shape.len());
        match shape {
            Shape::Bars(bars) => self.bars(out, bars),
            Shape::Steps(points) => self.steps(out, points),
            Shape::Dots(points) => {
                let mut last = None;
                for p in points {
                    let at = (self.x(p.x), self.y(p.y));
                    if last != Some(at) {
                        let _ = write!(out, "M{} {}h0", tenths(at.0), tenths(at.1));
                    }
                    last = Some(at);
                }
            }
        }
        out.push_str("\"/>");
    }

    /// Bars at one place that touch become one; each bar is at least a unit tall.
    fn bars(&self, out: &mut String, bars: &[Bar]) {
        let mut run: Option<(Tenths, Tenths, Tenths)> = None;
        let flush = |out: &mut String, (x, top, bottom): (Tenths, Tenths, Tenths)| {
            let _ = write!(out, "M{} {}V{}", tenths(x), tenths(bottom), tenths(top.min(bottom - 10)));
        };
        for bar in bars {
            let (x, top, bottom) = (self.x(bar.x), self.y(bar.hi), self.y(bar.lo));
            run = match run {
                Some((rx, rt, rb)) if rx == x && top <= rb + 1 && bottom >= rt - 1 => {
                    Some((x, rt.min(top), rb.max(bottom)))
                }
                before => {
                    before.into_iter().for_each(|b| flush(out, b));
                    Some((x, top, bottom))
                }
            };
        }
        run.into_iter().for_each(|b| flush(out, b));
    }

    fn steps(&self, out: &mut String, points: &[Point]) {
        let mut last: Option<(Tenths, Tenths)> = None;
        for p in points {
            let (x, y) = (self.x(p.x), self.y(p.y));
            match last {
                None => {
                    let _ = write!(out, "M{} {}", tenths(x), tenths(y));
                }
                Some((_, before)) if before == y => continue,
                Some((at, _)) if at == x => {
                    let _ = write!(out, "V{}", tenths(y));
                }
                Some(_) => {
                    let _ = write!(out, "H{}V{}", tenths(x), tenths(y));
                }
            }
            last = Some((x, y));
        }
        let _ = write!(out, "H{}", self.plot);
    }

    /// Letters beside the bars, outside the part that zooms; not where they would overlap.
    fn letters(&self, out: &mut String, role: Role, letter: char, bars: &[Bar], id: &str) {
        let mut last = (i64::MIN, i64::MIN);
        let _ = write!(out, "<g class=\"letters\" clip-path=\"url(#{id}-c)\">");
        for bar in bars {
            let (x, y) = (self.x(bar.x), self.y(bar.hi));
            if x.saturating_sub(last.0).abs() < 80 && y.saturating_sub(last.1).abs() < 90 {
                continue;
            }
            last = (x, y);
            let _ = write!(
                out,
                "<text class=\"mark {}\" x=\"{}\" y=\"{}\">{letter}<title>frame {}</title></text>",
                role.class(),
                tenths(x + (LEFT * 10.0) as i64 + 30),
                tenths(y + (TOP * 10.0) as i64 + 30),
                bar.frame
            );
        }
        out.push_str("</g>");
    }
}

/// A number of tenths as a decimal.
fn tenths(n: Tenths) -> String {
    let sign = if n < 0 { "-" } else { "" };
    match (n.unsigned_abs() / 10, n.unsigned_abs() % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (whole, tenth) => format!("{sign}{whole}.{tenth}"),
    }
}

/// Text as XML character data.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
