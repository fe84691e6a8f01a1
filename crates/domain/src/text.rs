use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                text.parse()
            }
        }
    };
}

pub(crate) use text;

/// Why a text was refused, in words for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub &'static str);

text!(
    /// A workspace's slug: the part of Plane's address after the host, case-sensitive (plane-api.md section 1).
    WorkspaceSlug
);
text!(
    /// Plane's API origin without a final slash, such as `https://api.plane.so`; may carry a path prefix.
    /// What people paste is normalised by `plane::address`, the only maker of new ones.
    BaseUrl
);
text!(
    /// An e-mail address a person signs in with, lower case.
    Email
);
text!(
    /// A name of a person or an integration: 1 to 120 characters, trimmed, without control characters.
    Name
);

impl FromStr for WorkspaceSlug {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let slug = text.trim();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if slug.is_empty() {
            return Err(TextError(
                "Enter the workspace's slug: the part after the host in Plane's address.",
            ));
        }
        if slug.len() > 80 || !slug.chars().all(allowed) {
            return Err(TextError(
                "A workspace's slug has letters, digits, - and _ only, at most 80.",
            ));
        }
        Ok(Self(slug.to_owned()))
    }
}

impl FromStr for BaseUrl {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(TextError(
                "The address must start with https:// (or http://).",
            ))?;
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\');
        if rest.is_empty() || rest.starts_with('/') || rest.ends_with('/') || rest.chars().any(odd)
        {
            return Err(TextError("This is not the address of a server."));
        }
        Ok(Self(text.to_owned()))
    }
}

impl BaseUrl {
    /// Host and port as written, such as `plane.example.com:8443`.
    pub fn host(&self) -> &str {
        let rest = self
            .0
            .split_once("://")
            .map_or(self.0.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }
}

impl FromStr for Email {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        const BAD: TextError = TextError("Enter an e-mail address such as maya@example.com.");
        let email = text.trim().to_lowercase();
        let (user, host) = email.split_once('@').ok_or(BAD)?;
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | ',');
        if user.is_empty()
            || host.is_empty()
            || host.contains('@')
            || email.len() > 254
            || email.chars().any(odd)
        {
            return Err(BAD);
        }
        Ok(Self(email))
    }
}

impl FromStr for Name {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(TextError("Enter a name."));
        }
        if name.chars().count() > 120 || name.chars().any(char::is_control) {
            return Err(TextError("A name has at most 120 characters, on one line."));
        }
        Ok(Self(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<T: FromStr<Err = TextError> + fmt::Display>(text: &str, expected: Option<&str>) {
        assert_eq!(
            text.parse::<T>().ok().map(|t| t.to_string()).as_deref(),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn texts_are_checked_once() {
        check::<WorkspaceSlug>(" acme-1_B ", Some("acme-1_B"));
        check::<WorkspaceSlug>("", None);
        check::<WorkspaceSlug>("a/b", None);
        check::<BaseUrl>("https://api.plane.so", Some("https://api.plane.so"));
        check::<BaseUrl>("https://api.plane.so/", None);
        check::<BaseUrl>("ftp://x", None);
        check::<BaseUrl>("https://u:p@x", None);
        check::<Email>(" Maya@Example.com ", Some("maya@example.com"));
        check::<Email>("maya", None);
        check::<Name>("  Maya K ", Some("Maya K"));
        check::<Name>("a\nb", None);
    }

    proptest! {
        #[test]
        fn what_was_accepted_is_accepted_again(text in ".{0,200}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.as_str().parse::<Name>().unwrap(), name);
            }
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email.as_str().parse::<Email>().unwrap(), email);
            }
        }
    }
}
