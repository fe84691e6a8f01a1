use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::text::{TextError, text};

text!(
    /// A word that integrations are sorted by, such as `production`: lower case, at most 24 letters, digits, `-` and `_`.
    Tag
);

impl FromStr for Tag {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let tag = text.trim().to_lowercase();
        if tag.is_empty() {
            return Err(TextError("Enter a tag."));
        }
        let allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        if tag.chars().count() > 24 || !tag.chars().all(allowed) {
            return Err(TextError(
                "A tag is one word of letters, digits, - and _, at most 24.",
            ));
        }
        Ok(Self(tag))
    }
}

/// The tags of one integration: each once, in order, at most ten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(BTreeSet<Tag>);

impl Tags {
    /// So many an integration may have.
    pub const MAX: usize = 10;

    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.contains(tag)
    }

    pub fn is_full(&self) -> bool {
        self.0.len() >= Self::MAX
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// With this one; the same if there is no room for it.
    #[must_use]
    pub fn with(mut self, tag: Tag) -> Self {
        if !self.is_full() {
            self.0.insert(tag);
        }
        self
    }

    #[must_use]
    pub fn without(mut self, tag: &Tag) -> Self {
        self.0.remove(tag);
        self
    }
}

/// Reads what stands in a form: words, with commas or spaces between them.
impl FromStr for Tags {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let tags = text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty())
            .map(Tag::from_str)
            .collect::<Result<BTreeSet<_>, _>>()?;
        if tags.len() > Self::MAX {
            return Err(TextError("An integration has at most ten tags."));
        }
        Ok(Self(tags))
    }
}

/// As a form shows them.
impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, tag) in self.0.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            write!(f, "{comma}{tag}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    #[test]
    fn a_tag_is_one_short_word() {
        assert_eq!(
            " Production ".parse::<Tag>().unwrap().as_str(),
            "production"
        );
        assert_eq!("Größe_2-b".parse::<Tag>().unwrap().as_str(), "größe_2-b");
        for odd in ["", " ", "two words", "a,b", "<b>", "a/b", &"x".repeat(25)] {
            assert!(odd.parse::<Tag>().is_err(), "{odd:?}");
        }
    }

    #[test]
    fn tags_are_each_there_once_and_ten_at_most() {
        let tags: Tags = "prod, EU  prod,,eu".parse().unwrap();
        assert_eq!(tags.to_string(), "eu, prod");
        assert_eq!("".parse::<Tags>().unwrap(), Tags::default());
        let eleven: Vec<String> = (0..11).map(|n| format!("t{n}")).collect();
        assert!(eleven.join(" ").parse::<Tags>().is_err());
        let ten: Tags = eleven[..10].join(" ").parse().unwrap();
        assert!(ten.is_full());
        assert_eq!(ten.clone().with("one-more".parse().unwrap()), ten);
    }

    proptest! {
        #[test]
        fn tags_come_back_from_their_text(words in collection::vec("[a-zé0-9_-]{1,24}", 0..10)) {
            let tags: Tags = words.join(",").parse().unwrap();
            prop_assert_eq!(tags.to_string().parse::<Tags>().unwrap(), tags.clone());
            let json = serde_json::to_string(&tags).unwrap();
            prop_assert_eq!(serde_json::from_str::<Tags>(&json).unwrap(), tags.clone());
            for word in words {
                let tag: Tag = word.parse().unwrap();
                prop_assert!(tags.contains(&tag) && !tags.clone().without(&tag).contains(&tag));
            }
        }

        #[test]
        fn any_text_is_tags_or_refused(text in "\\PC{0,60}") {
            if let Ok(tags) = text.parse::<Tags>() {
                prop_assert!(tags.iter().count() <= Tags::MAX);
            }
        }
    }
}
