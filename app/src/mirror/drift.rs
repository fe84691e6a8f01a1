use domain::{
    drift::{DriftCheck, Thoroughness},
    mirror::ProjectRow,
    page::{Cursor, Page},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api::{CompareProject, RereadProject},
    drift_trend::DriftTrend,
    project_frame::{ProjectFrame, project_of_page},
    words,
};
use crate::{
    Failure, paths,
    query::Query,
    ui::{
        badge::{Badge, Shape, Tone},
        empty::Empty,
        form::ButtonForm,
        notice::Notice,
        number::{count, number},
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::{Ago, Moment},
    },
};

struct Drift {
    is_admin: bool,
    is_first: bool,
    project: ProjectRow,
    checks: Page<DriftCheck>,
}

/// How a project's copy compares with Plane, now and before.
#[component]
pub fn DriftPage() -> impl IntoView {
    let ids = project_of_page();
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (integration, project) = ids.ok_or(Failure::NotFound)?;
            let mirror = crate::backend().mirror;
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            Ok(Drift {
                is_admin: viewer.is_admin(),
                is_first: after.is_none(),
                project: mirror.project(&viewer, integration, project).await?,
                checks: mirror
                    .drift_checks(&viewer, integration, project, after)
                    .await?,
            })
        },
        |Drift {
             is_admin,
             is_first,
             project,
             checks,
         }| {
            let (integration, id) = (project.integration, project.project.id);
            let title = format!("{} compared with Plane", project.project.name);
            let next = checks.next.clone();
            let actions = is_admin.then(|| view! { <Actions project=project.clone()/> }.into_any());
            view! {
                <ProjectFrame
                    project=project.clone()
                    title
                    says="Plane’s count is compared with every sync, every field of every work item once a day."
                    actions
                >
                    <Now project/>
                    {if checks.rows.is_empty() {
                        view! {
                            <Empty
                                title="Nothing was compared yet"
                                says="The first comparison is made a day after the first sync, or when an admin asks for one."
                            />
                        }
                        .into_any()
                    } else {
                        view! { <DriftTrend checks=checks.rows.clone()/> <Table rows=checks.rows/> }.into_any()
                    }}
                    <Pager next is_first base=paths::drift(integration, id)/>
                </ProjectFrame>
            }
        },
    )
}

/// What an admin can do, each with what it costs.
#[component]
fn Actions(project: ProjectRow) -> impl IntoView {
    let hidden = words::fields_of(&project);
    let sample = 1 + project.total_work_items.min(5);
    let pages = project.total_work_items.div_ceil(1000).max(1);
    let compare = format!("Compare now ({})", count(sample, "request", "requests"));
    // The list of projects, its latest changes, members, states, labels, cycles, modules, then every page.
    let heal = format!(
        "Read everything again (about {} requests)",
        number(7 + pages)
    );
    view! {
        <ButtonForm action=CompareProject::PATH label=compare hidden=hidden.clone()/>
        <ButtonForm action=RereadProject::PATH label=heal hidden/>
    }
    .into_any()
}

/// The state of things in a sentence or two.
#[component]
fn Now(project: ProjectRow) -> impl IntoView {
    let counted = project.counted_at.map(|at| {
        view! {
            <p>
                "Plane’s count was last the same as this copy’s " <Ago at/> ": "
                {count(project.total_work_items, "work item", "work items")} "."
            </p>
        }
    });
    let (kind, title) = match project.drift {
        None => (Tone::Idle, "No field was compared yet.".to_owned()),
        Some(check) => (tone(&check), sentence(&check)),
    };
    view! { <Notice kind title>{counted}</Notice> }.into_any()
}

fn tone(check: &DriftCheck) -> Tone {
    if check.is_equal() {
        Tone::Good
    } else {
        Tone::Late
    }
}

/// A comparison, in one sentence.
fn sentence(check: &DriftCheck) -> String {
    let of = count(check.planes, "work item", "work items");
    let what = match check.thoroughness {
        Thoroughness::Whole => format!("every field of {of}"),
        Thoroughness::Sampled => format!(
            "Plane’s count of {of}, and every field of {}",
            number(check.compared)
        ),
    };
    if check.is_equal() {
        return format!("Verified equal: {what}.");
    }
    let healed = match check.thoroughness {
        Thoroughness::Whole => " What was missing or different was copied in the same walk.",
        Thoroughness::Sampled => " The next sync, or reading everything again, puts it right.",
    };
    format!("{} of {of} differed.{healed}", difference(check))
}

/// `+3 / −1 / 2 changed`.
pub fn difference(check: &DriftCheck) -> String {
    let mut parts = vec![
        format!("+{}", number(check.missing)),
        format!("−{}", number(check.extra)),
    ];
    if check.different > 0 {
        parts.push(format!("{} changed", number(check.different)));
    }
    parts.join(" / ")
}

/// In the head of a project: whether the copy is known to be what Plane has.
#[component]
pub fn DriftNote(project: ProjectRow) -> impl IntoView {
    let href = paths::drift(project.integration, project.project.id);
    match project.drift {
        Some(check) if check.is_equal() => view! {
            <a href=href>"verified equal"</a> " " <Ago at=check.at/>
        }
        .into_any(),
        Some(check) => view! {
            <a href=href>{difference(&check)}</a> " found " <Ago at=check.at/>
        }
        .into_any(),
        None => view! { <a href=href>"not yet compared"</a> }.into_any(),
    }
}

#[component]
fn Table(rows: Vec<DriftCheck>) -> impl IntoView {
    let line = |check: DriftCheck| {
        let how = match check.thoroughness {
            Thoroughness::Whole => "Every field",
            Thoroughness::Sampled => "Count and sample",
        };
        let (shape, word) = if check.is_equal() {
            (Shape::Dot, "Equal".to_owned())
        } else {
            (Shape::Half, difference(&check))
        };
        view! {
            <tr>
                <th scope="row"><Moment at=check.at/></th>
                <td><Badge tone=tone(&check) shape text=word/></td>
                <td>{how}</td>
                <td class="number">{number(check.planes)}</td>
                <td class="number">{number(check.compared)}</td>
                <td class="number">{number(check.missing)}</td>
                <td class="number">{number(check.extra)}</td>
                <td class="number">{number(check.different)}</td>
            </tr>
        }
    };
    view! {
        <TableRegion label="Comparisons">
            <table>
                <caption class="visually-hidden">"Comparisons with Plane"</caption>
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Result"</th>
                        <th scope="col">"Compared"</th>
                        <th scope="col" class="number">"In Plane"</th>
                        <th scope="col" class="number">"Field by field"</th>
                        <th scope="col" class="number">"Missing here"</th>
                        <th scope="col" class="number">"Not in Plane"</th>
                        <th scope="col" class="number">"Different"</th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(line).collect_view()}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::DateTime;

    #[test]
    fn a_comparison_is_told_in_a_sentence() {
        let equal = DriftCheck {
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            thoroughness: Thoroughness::Whole,
            planes: 1_204,
            compared: 1_204,
            missing: 0,
            extra: 0,
            different: 0,
        };
        assert_eq!(
            sentence(&equal),
            "Verified equal: every field of 1,204 work items."
        );
        let sampled = DriftCheck {
            thoroughness: Thoroughness::Sampled,
            compared: 5,
            ..equal
        };
        assert_eq!(
            sentence(&sampled),
            "Verified equal: Plane’s count of 1,204 work items, and every field of 5."
        );
        let drifted = DriftCheck {
            missing: 3,
            extra: 1,
            ..equal
        };
        assert!(
            sentence(&drifted).starts_with("+3 / −1 of 1,204 work items differed."),
            "{}",
            sentence(&drifted)
        );
        let changed = DriftCheck {
            different: 2,
            ..equal
        };
        assert_eq!(difference(&changed), "+0 / −0 / 2 changed");
    }
}
