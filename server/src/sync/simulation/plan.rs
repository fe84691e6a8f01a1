//! What a seed has happen.

use chrono::TimeDelta;
use fake_plane::{Fault, What};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// A change in Plane: the project's number, then which of its things, as far as there are so many.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Create(usize, usize),
    Rename(usize, usize, usize),
    Move(usize, usize, usize),
    Relabel(usize, usize, usize),
    Delete(usize, usize),
    Archive(usize, usize),
    Unarchive(usize, usize),
    AddLabel(usize, usize),
    RenameLabel(usize, usize, usize),
    DeleteLabel(usize, usize),
    /// A new cycle, or other work items in one that is there.
    Cycle(usize, usize, usize),
    ArchiveProject(usize),
    UnarchiveProject(usize),
    /// The key's owner is no member any more.
    Leave(usize),
    Join(usize),
}

impl Edit {
    pub(super) fn project(&self) -> usize {
        match *self {
            Edit::Create(p, _)
            | Edit::Rename(p, ..)
            | Edit::Move(p, ..)
            | Edit::Relabel(p, ..)
            | Edit::Delete(p, _)
            | Edit::Archive(p, _)
            | Edit::Unarchive(p, _)
            | Edit::AddLabel(p, _)
            | Edit::RenameLabel(p, ..)
            | Edit::DeleteLabel(p, _)
            | Edit::Cycle(p, ..)
            | Edit::ArchiveProject(p)
            | Edit::UnarchiveProject(p)
            | Edit::Leave(p)
            | Edit::Join(p) => p,
        }
    }
}

/// How a run is left.
#[derive(Clone, Debug)]
pub(super) enum End {
    Whole,
    /// Dropped, so many polls after Plane saw so many requests.
    Crash {
        after: usize,
        polls: usize,
    },
    /// Left alone there until its lease has run out and another run has come; then it goes on.
    Stall {
        after: usize,
        polls: usize,
    },
}

/// A run, and what changes in Plane after so many of its requests.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) edits: Vec<(usize, Edit)>,
    /// Webhooks that arrive after so many of its requests.
    pub(super) deliveries: Vec<(usize, usize)>,
    pub(super) end: End,
}

impl Run {
    pub(super) fn whole() -> Self {
        Run {
            edits: Vec::new(),
            deliveries: Vec::new(),
            end: End::Whole,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Edit(Edit),
    Fail(Fault),
    Heal,
    /// On both sides.
    Wait(TimeDelta),
    /// Of Hangar's clock alone, also back.
    Jump(TimeDelta),
    Run(Run),
    /// Admins let go what is held.
    Release,
    Restore(usize),
    /// Webhooks arrive: which of those that are on their way, and whether they will come once more.
    Deliver(Vec<(usize, bool)>),
    /// One of those on their way never arrives.
    Lose(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) page_size: u32,
    /// Work items that each project begins with.
    pub(super) items: [u32; 2],
    pub(super) steps: Vec<Step>,
}

/// The plan of a seed, the same every time.
pub(super) fn plan(seed: u64) -> Plan {
    let mut chance = Chance(StdRng::seed_from_u64(seed));
    let steps = chance.up_to(10) + 6;
    let mut plan = Plan {
        page_size: 2 + chance.up_to(6) as u32,
        items: [chance.up_to(20) as u32, chance.up_to(5) as u32],
        steps: vec![Step::Run(chance.run())],
    };
    plan.steps.extend((0..steps).map(|_| chance.step()));
    plan
}

struct Chance(StdRng);

impl Chance {
    /// Below `n`.
    fn up_to(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    fn step(&mut self) -> Step {
        match self.up_to(25) {
            0..=6 => Step::Edit(self.edit()),
            7..=8 => Step::Fail(self.fault()),
            9 => Step::Heal,
            10..=11 => Step::Wait(TimeDelta::seconds(1 + self.up_to(3600) as i64)),
            12 => Step::Wait(TimeDelta::hours(1 + self.up_to(30) as i64)),
            13 => Step::Jump(TimeDelta::minutes(self.up_to(4000) as i64 - 2000)),
            14 => Step::Release,
            15 => Step::Restore(self.up_to(2)),
            16..=19 => Step::Deliver(self.deliveries()),
            20 => Step::Lose(self.up_to(40)),
            _ => Step::Run(self.run()),
        }
    }

    fn run(&mut self) -> Run {
        let mut edits: Vec<(usize, Edit)> = match self.up_to(3) {
            0 => (0..=self.up_to(4))
                .map(|_| (self.up_to(14), self.edit()))
                .collect(),
            _ => Vec::new(),
        };
        edits.sort_by_key(|(at, _)| *at);
        let mut deliveries: Vec<(usize, usize)> = match self.up_to(3) {
            0 => (0..=self.up_to(4))
                .map(|_| (self.up_to(14), self.up_to(40)))
                .collect(),
            _ => Vec::new(),
        };
        deliveries.sort_by_key(|(at, _)| *at);
        let (after, polls) = (self.up_to(16), self.up_to(40));
        let end = match self.up_to(6) {
            0 | 1 => End::Crash { after, polls },
            2 => End::Stall { after, polls },
            _ => End::Whole,
        };
        Run {
            edits,
            deliveries,
            end,
        }
    }

    fn deliveries(&mut self) -> Vec<(usize, bool)> {
        let many = self.up_to(8);
        (0..=many)
            .map(|_| (self.up_to(40), self.up_to(3) == 0))
            .collect()
    }

    fn edit(&mut self) -> Edit {
        let (p, n, to) = (self.up_to(2), self.up_to(40), self.up_to(40));
        match self.up_to(35) {
            0..=5 => Edit::Create(p, n),
            6..=9 => Edit::Rename(p, n, to),
            10..=12 => Edit::Move(p, n, to),
            13..=15 => Edit::Relabel(p, n, to),
            16..=19 => Edit::Delete(p, n),
            20..=21 => Edit::Archive(p, n),
            22..=23 => Edit::Unarchive(p, n),
            24 => Edit::AddLabel(p, n),
            25 => Edit::RenameLabel(p, n, to),
            26..=27 => Edit::DeleteLabel(p, n),
            28 => Edit::ArchiveProject(p),
            29 => Edit::UnarchiveProject(p),
            30 => Edit::Leave(p),
            31..=33 => Edit::Cycle(p, n, to),
            _ => Edit::Join(p),
        }
    }

    fn fault(&mut self) -> Fault {
        let status = |status: u16| What::Status(status, r#"{"detail":"no"}"#.to_owned(), vec![]);
        let what = match self.up_to(12) {
            0 => status(500),
            1 => status(502),
            2 => status(403),
            3 => status(404),
            4 => What::Drop,
            5 => What::CutJson,
            6 => What::GarbageJson,
            7 => What::HtmlWith200,
            8 => What::EmptyPage,
            9 => What::WrongTypes,
            10 => What::EndlessPages,
            _ => What::RepeatFirstPage,
        };
        let mut fault = Fault::new(what);
        if self.up_to(3) > 0 {
            let places = [
                "/work-items/",
                "/projects/?",
                "/labels/",
                "/cycles/",
                "/states/",
                "updated_at",
                "created_at",
            ];
            fault = fault.on(places[self.up_to(places.len())]);
        }
        match self.up_to(4) {
            0 => fault,
            1 => fault.every(2 + self.up_to(3) as u32),
            _ => fault.times(1 + self.up_to(5) as u32),
        }
    }
}
