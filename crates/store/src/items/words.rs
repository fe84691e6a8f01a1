use std::collections::BTreeSet;

/// The words that a name is found by: lower case, letters and digits, each once; the first few of a very long name.
pub(crate) fn words_of(name: &str) -> BTreeSet<String> {
    const WORDS: usize = 24;
    const LETTERS: usize = 32;
    name.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(|word| word.chars().take(LETTERS).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_words() {
        let words = words_of("Fix the CSV-export: Größe, größe & 2nd try");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(
            words,
            ["2nd", "csv", "export", "fix", "größe", "the", "try"]
        );
    }
}
