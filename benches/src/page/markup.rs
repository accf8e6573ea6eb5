//! Text that stands in HTML.

/// `text` without any meaning to a browser.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A figure in as many digits as it is good for.
pub(super) fn number(figure: f64) -> String {
    match figure.abs() {
        0.0..1.0 => format!("{figure:.2}"),
        1.0..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("a < b & \"c\" > d"), "a &lt; b &amp; &quot;c&quot; &gt; d");
    }

    #[test]
    fn a_small_figure_has_decimals() {
        assert_eq!([0.123, 1.25, 99.0, 12345.6].map(number), ["0.12", "1.2", "99.0", "12346"]);
    }
}
