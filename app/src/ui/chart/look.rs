//! What the style sheet promises of charts: read from it, because a browser is not needed to tell.

use super::MarkKind;

const TOKENS: &str = include_str!("../../../../style/tokens.css");
const CHART: &str = include_str!("../../../../style/chart.css");
const LOOKS: [&str; 7] = ["1", "2", "3", "4", "5", "6", "bad"];

/// The value of a property in the rule of a class.
fn property<'a>(class: &str, name: &str) -> &'a str {
    let start = format!("\n.{class} {{");
    let (_, rule) = CHART
        .split_once(&start)
        .unwrap_or_else(|| panic!("no rule for {class}"));
    let (rule, _) = rule.split_once('}').unwrap();
    let mut lines = rule.split(';').map(str::trim);
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("{class} has no {name}"))
}

/// Light and dark of a token.
fn token(name: &str) -> [f64; 2] {
    let start = format!("{name}: light-dark(");
    let (_, rest) = TOKENS
        .split_once(&start)
        .unwrap_or_else(|| panic!("no token {name}"));
    let (pair, _) = rest.split_once(')').unwrap();
    let (light, dark) = pair.split_once(", ").unwrap();
    [luminance(light), luminance(dark)]
}

/// As WCAG reckons it.
fn luminance(colour: &str) -> f64 {
    let byte = |at: usize| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
    let [red, green, blue] = [1, 3, 5].map(byte).map(|part| match part {
        ..=0.04045 => part / 12.92,
        _ => ((part + 0.055) / 1.055).powf(2.4),
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn expect_contrast(class: &str, name: &str, least: f64) {
    let value = property(class, name);
    let token_name = value
        .strip_prefix("var(")
        .and_then(|value| value.strip_suffix(')'))
        .unwrap();
    for (colour, panel) in token(token_name).into_iter().zip(token("--panel")) {
        let contrast = (colour.max(panel) + 0.05) / (colour.min(panel) + 0.05);
        assert!(contrast >= least, "{class}: {contrast:.2} to 1");
    }
}

#[test]
fn everything_drawn_stands_out_from_the_panel_in_both_themes() {
    for look in LOOKS {
        expect_contrast(&format!("line-{look}"), "color", 3.0);
        expect_contrast(&format!("series-{look}"), "fill", 3.0);
    }
    expect_contrast("chart-target", "stroke", 3.0);
}

#[test]
fn a_letter_can_be_read_in_the_head_of_its_mark() {
    use MarkKind::{Change, Key, Maintenance, Outage, Upgrade};
    for kind in [Key, Change, Upgrade, Outage, Maintenance] {
        expect_contrast(kind.class(), "color", 4.5);
    }
}

#[test]
fn lines_differ_in_their_dashes_and_bars_in_their_colours() {
    for (prefix, name) in [("line", "stroke-dasharray"), ("series", "fill")] {
        let mut values = LOOKS.map(|look| property(&format!("{prefix}-{look}"), name));
        values.sort_unstable();
        assert!(values.is_sorted_by(|one, next| one < next), "{values:?}");
    }
}
