/// Pixels from the ground to the top of the scale, and from the top of the drawing to the ground.
pub(super) const TALL: u64 = 120;
pub(super) const GROUND: u64 = 144;
pub(super) const TOP: u64 = GROUND - TALL;
/// Where the line of text at the top stands.
pub(super) const TEXT: u64 = TOP - 8;
/// What a line is drawn in: it is stretched to the width.
pub(super) const WIDE: u64 = 1000;

/// So many labels fit below on a narrow screen.
const LABELS: usize = 4;

/// Heads of marks closer to each other than this share of a narrow screen would lie on each other.
const HEAD: f64 = 0.05;
const MOST_LANES: usize = 3;

/// A share of the width as SVG takes it; what is beyond an end is at that end.
pub(super) fn percent(share: f64) -> String {
    format!("{:.3}%", within(share) * 100.0)
}

/// A share of the width that lies in it.
pub(super) fn within(share: f64) -> f64 {
    if share.is_nan() {
        return 0.0;
    }
    share.clamp(0.0, 1.0)
}

/// The middle of the `n`th of so many stretches, as a share of the width.
pub(super) fn middle(n: usize, count: usize) -> f64 {
    (n as f64 + 0.5) / count.max(1) as f64
}

/// Which of so many stretches have their label below.
pub(super) fn labelled(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(count.div_ceil(LABELS).max(1))
}

/// How high a value stands above the ground when the scale, which begins at zero, ends at `most`.
pub(super) fn height(value: u64, most: u64) -> u64 {
    let height = u128::from(value) * u128::from(TALL) / u128::from(most.max(1));
    u64::try_from(height).unwrap_or(TALL).min(TALL)
}

/// A series as it is drawn.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    /// The `d` of a path in `WIDE` by `TALL`: a piece for each time that was measured without a gap.
    pub(super) path: String,
    /// What was measured alone, between gaps: the share of the width, and the value.
    pub(super) alone: Vec<(f64, u64)>,
}

/// A line through what was measured; where nothing was, there is a gap.
pub(super) fn line(values: &[Option<u64>], most: u64) -> Line {
    let mut line = Line::default();
    let numbered: Vec<_> = values.iter().copied().enumerate().collect();
    for piece in numbered.split(|(_, value)| value.is_none()) {
        let measured = piece
            .iter()
            .filter_map(|(n, value)| Some((middle(*n, values.len()), (*value)?)));
        if let [_] = piece {
            line.alone.extend(measured);
            continue;
        }
        for (place, (x, value)) in measured.enumerate() {
            let step = if place == 0 { 'M' } else { 'L' };
            let (x, y) = (x * WIDE as f64, TALL - height(value, most));
            line.path.push_str(&format!("{step}{x:.1} {y}"));
        }
    }
    line
}

/// In which row below the ground the head of each mark stands, given where they begin in order: each in the first one with room.
pub(super) fn lanes(from: impl IntoIterator<Item = f64>) -> Vec<usize> {
    let mut ends: Vec<f64> = Vec::new();
    let lane_of = |from: f64| {
        if let Some(lane) = ends.iter().position(|end| from - end >= HEAD) {
            ends[lane] = from;
            return lane;
        }
        if ends.len() < MOST_LANES {
            ends.push(from);
        }
        ends.len() - 1
    };
    from.into_iter().map(lane_of).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gap_is_a_gap_and_what_stands_alone_is_a_dot() {
        let found = line(
            &[
                Some(0),
                Some(60),
                None,
                Some(30),
                None,
                None,
                Some(120),
                Some(0),
            ],
            120,
        );
        assert_eq!(
            found.path,
            "M62.5 120L187.5 60M812.5 0L937.5 120".to_owned()
        );
        assert_eq!(found.alone, [(0.4375, 30)]);
        assert_eq!(line(&[None, None], 1), Line::default());
        assert_eq!(line(&[Some(0)], 0).alone, [(0.5, 0)], "all are zero");
    }

    #[test]
    fn four_labels_at_most_from_the_first_on() {
        let labels = |count| labelled(count).collect::<Vec<_>>();
        assert_eq!(labels(24), [0, 6, 12, 18]);
        assert_eq!(labels(3), [0, 1, 2]);
        assert!(labels(0).is_empty());
        assert!((0..200).all(|count| labels(count).len() <= 4));
    }

    #[test]
    fn heads_that_would_lie_on_each_other_stand_below_each_other() {
        assert_eq!(lanes([0.1, 0.5, 0.9]), [0, 0, 0]);
        assert_eq!(lanes([0.1, 0.11, 0.12, 0.2]), [0, 1, 2, 0]);
        assert_eq!(lanes([0.1, 0.1, 0.1, 0.1]), [0, 1, 2, 2], "three at most");
    }

    #[test]
    fn what_lies_beyond_an_end_is_drawn_at_it() {
        for (share, drawn) in [
            (-1.0, "0.000%"),
            (0.125, "12.500%"),
            (7.0, "100.000%"),
            (f64::NAN, "0.000%"),
        ] {
            assert_eq!(percent(share), drawn);
        }
    }

    /// The points of a path.
    fn points(path: &str) -> Vec<(f64, f64)> {
        let points = path.split(['M', 'L']).filter(|point| !point.is_empty());
        points
            .map(|point| {
                let (x, y) = point.split_once(' ').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_value_is_drawn_once_and_inside(values in prop::collection::vec(prop::option::of(any::<u64>()), 0..100)) {
            let most = values.iter().flatten().copied().max().unwrap_or(0);
            let line = line(&values, most);
            let points = points(&line.path);
            prop_assert_eq!(points.len() + line.alone.len(), values.iter().flatten().count());
            for (x, y) in &points {
                prop_assert!((0.0..=WIDE as f64).contains(x) && (0.0..=TALL as f64).contains(y), "{} {}", x, y);
            }
            for (x, value) in line.alone {
                prop_assert!((0.0..=1.0).contains(&x) && height(value, most) <= TALL);
            }
            // From left to right, without turning back.
            prop_assert!(points.is_sorted_by(|one, next| one.0 < next.0));
        }

        #[test]
        fn marks_have_a_lane_each(mut from in prop::collection::vec(0.0..1.0f64, 0..30)) {
            from.sort_by(f64::total_cmp);
            let lanes = lanes(from.iter().copied());
            prop_assert_eq!(lanes.len(), from.len());
            prop_assert!(lanes.iter().all(|lane| *lane < MOST_LANES));
        }
    }
}
