/// So many characters fit into the width of a narrow screen.
const LONGEST: usize = 52;

/// A sentence about a stretch of time or a mark in one line at the top of the drawing: without year and zone, and only as much
/// of it as a narrow screen shows. The whole of it stands elsewhere.
pub(super) fn brief(sentence: &str) -> String {
    let sentence = sentence.replace(" UTC", "");
    let words: Vec<&str> = sentence.split(' ').filter(|word| !is_year(word)).collect();
    fit(&words.join(" "))
}

/// "2026,": the year in front of a time of day.
fn is_year(word: &str) -> bool {
    word.strip_suffix(',')
        .is_some_and(|year| year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Cut behind a whole part of an enumeration where there is one, so that no number loses its unit.
fn fit(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(LONGEST) else {
        return text.to_owned();
    };
    let start = &text[..end];
    let cut = start.rfind(", ").map(|comma| comma + 1);
    let cut = cut.or_else(|| start.rfind(' ')).unwrap_or(end);
    format!("{} …", &text[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_at_the_top_leaves_out_what_the_page_says_anyway() {
        for (sentence, line) in [
            (
                "24 Nov 2026, 10:00 UTC: p50 3 min, p95 12 min, max 47 min",
                "24 Nov 10:00: p50 3 min, p95 12 min, max 47 min",
            ),
            (
                "Key of Acme replaced by Maya, 24 Nov 2026, 10:12 UTC",
                "Key of Acme replaced by Maya, 24 Nov 10:12",
            ),
            (
                "24 Nov 2026, 10:12:05 UTC, Upgrade to 0.2.0",
                "24 Nov 10:12:05, Upgrade to 0.2.0",
            ),
            ("Today: 1,203", "Today: 1,203"),
        ] {
            assert_eq!(brief(sentence), line);
        }
    }

    #[test]
    fn a_long_line_is_cut_behind_a_whole_part() {
        assert_eq!(
            brief(
                "24 Nov 2026, 10:00 UTC: 1,203, of it Syncs 1,200, Webhooks 2, Connection tests 1"
            ),
            "24 Nov 10:00: 1,203, of it Syncs 1,200, Webhooks 2, …"
        );
        let words = "word ".repeat(20);
        assert_eq!(brief(&words).chars().count(), 51);
        let umlauts = "ü".repeat(60);
        assert_eq!(brief(&umlauts).chars().count(), LONGEST + 2);
    }
}
