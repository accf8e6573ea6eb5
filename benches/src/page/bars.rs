//! One figure for each peer: the shorter the bar, or the longer, the better; the caption says what it is of.

use super::markup::{escaped, number};
use std::fmt::Write;

/// A peer's figure.
pub(super) struct Bar {
    pub name: String,
    pub colour: &'static str,
    pub figure: f64,
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 24.0;

/// The drawing, from zero on: the length of a bar is its figure.
pub(super) fn chart(bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.figure).fold(0.0, f64::max);
    if most <= 0.0 {
        return "<p class=\"note\">Nothing was measured.</p>".to_owned();
    }
    let height = ROW * bars.iter().map(|_| 1.0).sum::<f64>() + 4.0;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for (bar, row) in bars.iter().zip(0..) {
        let y = ROW * f64::from(row);
        let length = (bar.figure / most * (WIDTH - LEFT - RIGHT)).max(1.0);
        let (baseline, label, end, top) = (y + 16.0, LEFT - 8.0, LEFT + length + 6.0, y + 4.0);
        let (name, colour, figure) = (escaped(&bar.name), bar.colour, number(bar.figure));
        let drawn = write!(
            svg,
            "<text class=\"end\" x=\"{label}\" y=\"{baseline}\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{baseline}\">{figure}</text>"
        );
        drawn.expect("text takes what fits in memory");
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_figure() {
        let bar = |name: &str, figure| Bar { name: name.to_owned(), colour: "#123456", figure };
        let svg = chart(&[bar("a", 52.0), bar("b", 26.0)]);
        assert!(svg.contains("width=\"520.0\"") && svg.contains("width=\"260.0\""), "{svg}");
        assert!(svg.contains(">52.0</text>"), "{svg}");
    }

    #[test]
    fn no_bars_are_no_drawing() {
        assert!(!chart(&[]).contains("<svg"));
    }
}
