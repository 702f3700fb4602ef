//! A bar for every row.

use std::fmt::Write as _;

const BAR: usize = 22;
const LEFT: f64 = 300.0;
const WIDTH: f64 = 420.0;

/// Bars for ratios, on a logarithmic scale from 0.5 to 50, with a line at 1, as SVG.
pub fn bars(ratios: &[(&str, f64)]) -> String {
    let place = |ratio: f64| LEFT + (ratio.clamp(0.5, 50.0) / 0.5).ln() / 100_f64.ln() * WIDTH;
    let height = ratios.len() * BAR + 30;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"4\" y=\"14\">Palisade's requests per second, as a multiple of the native filters'</text>\n"
    );
    for (index, (name, ratio)) in ratios.iter().enumerate() {
        let top = 24 + index * BAR;
        let (start, end) = (place(0.5), place(*ratio));
        let _ = writeln!(
            svg,
            "<text x=\"4\" y=\"{}\">{name}</text><rect x=\"{start:.0}\" y=\"{top}\" width=\"{:.0}\" height=\"{}\" fill=\"#4878a8\"/><text x=\"{:.0}\" y=\"{}\">{ratio:.2}</text>",
            top + 13,
            end - start,
            BAR - 6,
            end + 4.0,
            top + 13,
        );
    }
    let one = place(1.0);
    let _ = writeln!(
        svg,
        "<line x1=\"{one:.0}\" y1=\"20\" x2=\"{one:.0}\" y2=\"{height}\" stroke=\"black\"/>\n</svg>"
    );
    svg
}
