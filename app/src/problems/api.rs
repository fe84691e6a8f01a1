use domain::ids::{ProblemId, UserId};
use leptos::prelude::*;

use crate::{Done, Failure, ProblemForm, paths};

/// Somebody has taken note of a problem, or no longer.
#[server(prefix = "/api/ui", endpoint = "acknowledge_problem")]
pub async fn acknowledge_problem(
    id: ProblemId,
    #[server(default)] reopen: bool,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = match reopen {
        true => ProblemForm::Reopen,
        false => ProblemForm::Acknowledge,
    };
    crate::backend().problems.act(&admin, id, form).await?;
    Done::go(paths::problem(id))
}

/// Nobody wants to hear of a problem for so many hours; 0: they do again.
#[server(prefix = "/api/ui", endpoint = "snooze_problem")]
pub async fn snooze_problem(id: ProblemId, #[server(default)] hours: u32) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = match hours {
        0 => ProblemForm::Wake,
        hours => ProblemForm::Snooze { hours },
    };
    crate::backend().problems.act(&admin, id, form).await?;
    Done::go(paths::problem(id))
}

/// Says who sees to a problem; empty: nobody.
#[server(prefix = "/api/ui", endpoint = "assign_problem")]
pub async fn assign_problem(
    id: ProblemId,
    #[server(default)] owner: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let owner: Option<UserId> = match owner.trim() {
        "" => None,
        owner => Some(
            owner
                .parse()
                .map_err(|_| Failure::field("owner", "Choose a person of the list."))?,
        ),
    };
    let form = ProblemForm::Assign(owner);
    crate::backend().problems.act(&admin, id, form).await?;
    Done::go(paths::problem(id))
}

/// Writes a problem's note anew.
#[server(prefix = "/api/ui", endpoint = "note_problem")]
pub async fn note_problem(id: ProblemId, #[server(default)] note: String) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = ProblemForm::Note(note);
    crate::backend().problems.act(&admin, id, form).await?;
    Done::go(paths::problem(id))
}
