//! Speed against recall: the farther up and to the right, the better.

use super::markup::{escaped, number};
use std::fmt::Write;

/// One peer's points: recall and queries a second.
pub(super) struct Line {
    pub name: &'static str,
    pub colour: &'static str,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// Recall below this interests nobody: it would press the rest together.
const RECALL_MIN: f64 = 0.85;

/// The drawing; speeds on a logarithmic scale.
pub(super) fn chart(lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points).filter(|(recall, _)| *recall >= RECALL_MIN);
    let lowest_recall = points().map(|(recall, _)| *recall).fold(1.0, f64::min);
    let slowest = points().map(|(_, speed)| *speed).fold(f64::INFINITY, f64::min);
    let fastest = points().map(|(_, speed)| *speed).fold(0.0, f64::max);
    if fastest <= 0.0 {
        return "<p class=\"note\">Nothing was measured at a recall of 0.85 or more.</p>".to_owned();
    }
    let scale = Scale {
        // A little room at the left, rounded to whole hundredths.
        recall: ((lowest_recall * 100.0 - 1.0).floor() / 100.0, 1.0),
        speed: ((slowest * 0.8).ln(), (fastest * 1.25).ln()),
    };
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    scale.draw_grid(&mut svg);
    for line in lines {
        scale.draw(&mut svg, line);
    }
    draw_legend(&mut svg, lines);
    svg + "</svg>"
}

struct Scale {
    recall: (f64, f64),
    /// Logarithms.
    speed: (f64, f64),
}

impl Scale {
    fn x(&self, recall: f64) -> f64 {
        LEFT + (recall - self.recall.0) / (self.recall.1 - self.recall.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, speed: f64) -> f64 {
        let (low, high) = self.speed;
        TOP + (high - speed.ln()) / (high - low) * (HEIGHT - TOP - BOTTOM)
    }

    fn draw_grid(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for speed in self.speeds() {
            let y = self.y(speed);
            push(svg, format_args!("<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>"));
            let x = LEFT - 8.0;
            push(svg, format_args!("<text class=\"end\" x=\"{x}\" y=\"{:.1}\">{}</text>", y + 4.0, number(speed)));
        }
        let hundredths = (1.0 - self.recall.0) * 100.0;
        let step = if hundredths > 10.0 { 2.0 } else { 1.0 };
        let mut recall = 1.0;
        while recall >= self.recall.0 - 1e-9 {
            let x = self.x(recall);
            push(svg, format_args!("<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>"));
            let y = bottom + 16.0;
            push(svg, format_args!("<text class=\"middle\" x=\"{x:.1}\" y=\"{y}\">{recall:.2}</text>"));
            recall -= step / 100.0;
        }
        let (x, y) = (f64::midpoint(LEFT, right), HEIGHT - 6.0);
        push(svg, format_args!("<text class=\"middle\" x=\"{x}\" y=\"{y}\">recall@10</text>"));
    }

    /// Round speeds inside of the scale: 1, 2 and 5 in every decade.
    fn speeds(&self) -> Vec<f64> {
        let rounds = (0..8).flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)));
        rounds.filter(|speed| (self.speed.0..=self.speed.1).contains(&speed.ln())).collect()
    }

    fn draw(&self, svg: &mut String, line: &Line) {
        let Line { name, colour, points } = line;
        let shown = points.iter().filter(|(recall, _)| *recall >= self.recall.0);
        let places: Vec<String> =
            shown.clone().map(|&(recall, speed)| format!("{:.1},{:.1}", self.x(recall), self.y(speed))).collect();
        let places = places.join(" ");
        push(svg, format_args!("<polyline points=\"{places}\" stroke=\"{colour}\" class=\"line\"/>"));
        for &(recall, speed) in shown {
            let (x, y) = (self.x(recall), self.y(speed));
            let title = format!("{}: {recall:.4}, {speed:.0}/s", escaped(name));
            push(
                svg,
                format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"><title>{title}</title></circle>"
                ),
            );
        }
    }
}

fn draw_legend(svg: &mut String, lines: &[Line]) {
    let x = WIDTH - RIGHT + 16.0;
    for (line, row) in lines.iter().zip(0..) {
        let y = TOP + 14.0 + 18.0 * f64::from(row);
        let colour = line.colour;
        push(svg, format_args!("<rect x=\"{x}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>", y - 6.0));
        push(svg, format_args!("<text x=\"{}\" y=\"{y:.1}\">{}</text>", x + 20.0, escaped(line.name)));
    }
}

fn push(svg: &mut String, part: std::fmt::Arguments<'_>) {
    svg.write_fmt(part).expect("text takes what fits in memory");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_drawn_and_named() {
        let line = |name, points: &[(f64, f64)]| Line { name, colour: "#123456", points: points.to_vec() };
        let svg = chart(&[line("a", &[(0.9, 1000.0), (0.99, 100.0)]), line("b", &[(0.95, 500.0), (0.5, 9e9)])]);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 3, "the point below the least recall is left out");
        assert!(svg.contains("<title>a: 0.9900, 100/s</title>") && svg.contains(">b</text>"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_chart_without_points_says_so() {
        assert!(chart(&[]).contains("Nothing was measured"));
    }
}
