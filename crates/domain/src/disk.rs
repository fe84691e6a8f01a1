use crate::{
    checks::Level,
    number::bytes,
    problems::{Class, Stands},
};

/// The file system that the data is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes there are.
    pub size: u64,
}

impl Space {
    /// With less, a commit or the flush of the database may be the one that fails.
    const BAD: u64 = 256 << 20;
    /// With less somebody should look, and with less than a twentieth of a small disk.
    const WARNING: u64 = 2 << 30;

    /// How pressing it is.
    pub fn level(self) -> Level {
        if self.free < Self::BAD {
            Level::Bad
        } else if self.free < Self::WARNING.min(self.size / 20) {
            Level::Warning
        } else {
            Level::Good
        }
    }

    /// How it stands, for the problems of Hangar itself.
    pub fn stands(self) -> Stands {
        let (free, size) = (bytes(self.free), bytes(self.size));
        Stands {
            class: Class::DiskFull,
            endpoint: None,
            level: self.level(),
            says: format!("Only {free} of {size} are free where Hangar keeps its data."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_twentieth_or_two_gibibytes_is_a_warning_and_next_to_nothing_is_bad() {
        for (free, size, level) in [
            (3 * GIB, 1000 * GIB, Level::Good),
            (2 * GIB, 1000 * GIB, Level::Good),
            (2 * GIB - 1, 1000 * GIB, Level::Warning),
            (GIB, 20 * GIB, Level::Good),
            (GIB - 1, 20 * GIB, Level::Warning),
            (256 << 20, 20 * GIB, Level::Warning),
            ((256 << 20) - 1, 20 * GIB, Level::Bad),
            // A twentieth of it is less than what is bad anyway.
            (256 << 20, 4 * GIB, Level::Good),
            (0, 4 * GIB, Level::Bad),
            (0, 0, Level::Bad),
        ] {
            assert_eq!(Space { free, size }.level(), level, "{free} of {size}");
        }
    }

    #[test]
    fn it_says_how_much_is_left() {
        let stands = Space {
            free: 1_240_000_000,
            size: 40_000_000_000,
        }
        .stands();
        assert_eq!(
            stands.says,
            "Only 1.2 GB of 40 GB are free where Hangar keeps its data."
        );
        assert_eq!(
            (stands.class, stands.level),
            (Class::DiskFull, Level::Warning)
        );
    }

    proptest! {
        #[test]
        fn less_is_never_better(size: u64, a: u64, b: u64) {
            let (less, more) = (a.min(b), a.max(b));
            let level = |free| Space { free, size }.level();
            prop_assert!(level(less) <= level(more), "the worst level is the least");
        }
    }
}
