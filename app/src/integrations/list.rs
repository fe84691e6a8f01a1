use domain::{
    actor::Viewer,
    integration::{
        IntegrationCounts, IntegrationFilter, IntegrationList, IntegrationRow, IntegrationShow,
        IntegrationSort,
    },
    page::Cursor,
    tag::Tags,
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{pieces::KeyMark, words};
use crate::{
    Draft,
    bulk::bar::{self, BulkBar},
    health::connection::{TestStrip, trouble},
    paths,
    query::Query,
    sync,
    ui::{
        badge::{FreshnessBadge, OutcomeBadge},
        chips::{Chip, Chips},
        empty::Empty,
        form::{Button, ButtonForm, Hidden, LinkButton},
        frame::Frame,
        head::PageHead,
        number::number,
        page::{draft_of, loaded, signed_in},
        pager::Pager,
        table::{SortHeader, Sorted, TableRegion},
        time::Ago,
    },
    visit,
};

/// All integrations, worst first.
#[component]
pub fn ListPage() -> impl IntoView {
    let query = Query::of_page();
    let filter = read(&query);
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    let asked = filter.clone();
    loaded(
        async move {
            let viewer = signed_in()?;
            let integrations = crate::backend().integrations;
            let counts = integrations.counts(&viewer).await?;
            let draft = draft_of(&query).await?;
            let list = integrations.list(&viewer, &asked, after).await?;
            Ok((viewer, counts, list, draft))
        },
        move |(viewer, counts, list, draft)| view! { <List viewer counts list draft filter is_first/> },
    )
}

#[component]
fn List(
    viewer: Viewer,
    counts: IntegrationCounts,
    list: IntegrationList,
    draft: Draft,
    filter: IntegrationFilter,
    is_first: bool,
) -> impl IntoView {
    let is_admin = viewer.is_admin();
    let none_at_all = counts.all() == 0;
    let base = write(&filter).on(paths::INTEGRATIONS);
    let body = if none_at_all {
        view! { <NoneYet is_admin/> }.into_any()
    } else {
        let bar = (is_admin && list.matching > 0).then(|| {
            view! { <BulkBar filter=filter.clone() matching=list.matching draft=draft.clone()/> }
        });
        let table = if list.rows.is_empty() {
            view! { <NoneMatch filter=filter.clone()/> }.into_any()
        } else {
            view! { <Table rows=list.rows filter=filter.clone() draft is_admin/> }.into_any()
        };
        view! {
            <Filters filter counts/>
            {bar}
            {table}
            <Pager next=list.next is_first base/>
        }
        .into_any()
    };
    view! {
        <Frame title="Integrations" islands=is_admin && !none_at_all>
            <PageHead title="Integrations" says=move || standings(counts)>
                {(is_admin && !none_at_all).then(|| view! {
                    <LinkButton label="Add integration" href=paths::NEW_INTEGRATION kind=Button::Primary/>
                })}
            </PageHead>
            {body}
        </Frame>
    }
}

fn standings(counts: IntegrationCounts) -> String {
    let paused = match counts.paused {
        0 => String::new(),
        paused => format!("{} paused, ", number(paused.into())),
    };
    let (active, inactive) = (number(counts.active.into()), number(counts.inactive.into()));
    format!("{active} active, {paused}{inactive} inactive")
}

#[component]
fn NoneYet(is_admin: bool) -> impl IntoView {
    let says = "An integration is one Plane workspace: its address, an API key and a schedule. Hangar then keeps a copy of its projects, work items and labels.";
    if is_admin {
        view! {
            <Empty title="No integrations yet" says=says>
                <LinkButton label="Add integration" href=paths::NEW_INTEGRATION kind=Button::Primary/>
            </Empty>
        }
        .into_any()
    } else {
        view! { <Empty title="No integrations yet" says=format!("{says} An admin can add one.")/> }
            .into_any()
    }
}

#[component]
fn NoneMatch(filter: IntegrationFilter) -> impl IntoView {
    let tagged = filter.tag.as_ref().map(|tag| {
        (
            "Nothing matches",
            format!("No integration here has the tag {tag}."),
        )
    });
    let (title, says) = tagged.unwrap_or_else(|| match (filter.q.is_empty(), filter.show) {
        (true, IntegrationShow::Attention) => (
            "Nothing needs attention",
            "Every active integration is fresh, and its last run and test went well.".to_owned(),
        ),
        (true, IntegrationShow::Fresh) => (
            "Nothing is fresh",
            "No integration was copied completely within its schedule.".to_owned(),
        ),
        (true, IntegrationShow::Paused) => (
            "Nothing is paused",
            "Every active integration keeps its schedule.".to_owned(),
        ),
        (true, IntegrationShow::Inactive) => (
            "Nothing is inactive",
            "Every integration is active.".to_owned(),
        ),
        (true, IntegrationShow::All) => (
            "Nothing further",
            "The list ends before this page.".to_owned(),
        ),
        (false, _) => (
            "Nothing matches",
            format!(
                "No integration here has “{}” in its name or workspace.",
                filter.q
            ),
        ),
    });
    view! {
        <Empty title=title says=says>
            <LinkButton label="Show all integrations" href=paths::INTEGRATIONS/>
        </Empty>
    }
}

#[component]
fn Filters(filter: IntegrationFilter, counts: IntegrationCounts) -> impl IntoView {
    let chip = |label: &str, show, count: Option<u32>| Chip {
        label: label.to_owned(),
        href: write(&IntegrationFilter {
            show,
            ..filter.clone()
        })
        .on(paths::INTEGRATIONS),
        is_current: filter.show == show,
        count: count.map(Into::into),
    };
    let chips = vec![
        chip("All", IntegrationShow::All, Some(counts.all())),
        chip("Needs attention", IntegrationShow::Attention, None),
        chip("Fresh", IntegrationShow::Fresh, None),
        chip("Paused", IntegrationShow::Paused, Some(counts.paused)),
        chip("Inactive", IntegrationShow::Inactive, Some(counts.inactive)),
    ];
    let kept = [
        ("show", show_word(filter.show)),
        ("sort", sort_word(filter.sort)),
        (
            "tag",
            filter
                .tag
                .as_ref()
                .map(|tag| tag.as_str())
                .unwrap_or_default(),
        ),
    ];
    let kept = kept
        .into_iter()
        .filter(|(_, word)| !word.is_empty())
        .map(|(n, w)| (n, w.to_owned()))
        .collect();
    let tagged = filter.tag.clone().map(|tag| {
        let without = IntegrationFilter {
            tag: None,
            ..filter.clone()
        };
        view! {
            <p class="tagged">
                "With the tag " <span class="label">{tag.to_string()}</span> " "
                <a href=write(&without).on(paths::INTEGRATIONS)>"Any tag"</a>
            </p>
        }
    });
    view! {
        <div class="list-filters">
            <form class="search" role="search" method="get" action=paths::INTEGRATIONS>
                <Hidden fields=kept/>
                <label class="visually-hidden" for="q">"Search by name or workspace"</label>
                <input id="q" name="q" type="search" value=filter.q.clone() placeholder="Name or workspace"/>
                <button type="submit" class=Button::Plain.class()>"Search"</button>
            </form>
            <Chips label="Filter integrations" chips/>
            {tagged}
            <LinkButton label="Bulk operations" href=paths::BULK kind=Button::Quiet/>
        </div>
    }
}

#[component]
fn Table(
    rows: Vec<IntegrationRow>,
    filter: IntegrationFilter,
    draft: Draft,
    is_admin: bool,
) -> impl IntoView {
    let ticked = bar::ticked(&draft);
    let sorted = filter.sort;
    let sort = move |sort| {
        write(&IntegrationFilter {
            sort,
            ..filter.clone()
        })
        .on(paths::INTEGRATIONS)
    };
    let way = move |sort, way| if sorted == sort { way } else { Sorted::No };
    let rows = rows
        .into_iter()
        .map(|row| view! { <Row is_ticked=ticked.contains(&row.integration.id) row is_admin/> })
        .collect_view();
    view! {
        <TableRegion label="Integrations">
            <table class="integrations">
                <caption class="visually-hidden">"Integrations and how fresh their copies are"</caption>
                <thead>
                    <tr>
                        {is_admin.then(|| view! {
                            <th scope="col" class="choice">
                                <span class="visually-hidden">"Chosen"</span>
                                <input id=bar::WHOLE_PAGE type="checkbox" aria-label="Choose all on this page" hidden/>
                            </th>
                        })}
                        <SortHeader label="Integration" href=sort(IntegrationSort::Name) sorted=way(IntegrationSort::Name, Sorted::Up)/>
                        <SortHeader label="State" href=sort(IntegrationSort::State) sorted=way(IntegrationSort::State, Sorted::Down)/>
                        <SortHeader label="Fresh as of" href=sort(IntegrationSort::Synced) sorted=way(IntegrationSort::Synced, Sorted::Down) is_number=true/>
                        <th scope="col" class="number">"Member projects"</th>
                        <SortHeader label="Work items" href=sort(IntegrationSort::Items) sorted=way(IntegrationSort::Items, Sorted::Down) is_number=true/>
                        <th scope="col">"Key"</th>
                        <th scope="col">"Last run"</th>
                        {is_admin.then(|| view! { <th scope="col"><span class="visually-hidden">"Actions"</span></th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
}

#[component]
fn Row(row: IntegrationRow, is_ticked: bool, is_admin: bool) -> impl IntoView {
    let members = words::member_projects(&row);
    let integration = row.integration;
    let settings = integration.settings;
    let name = settings.integration_name.to_string();
    let is_running = row
        .last_run
        .as_ref()
        .is_some_and(|run| run.outcome.is_none());
    let can_sync = integration.is_active && !is_running;
    let last_run = row.last_run.map(|run| {
        view! {
            <a href=paths::run(run.id)><OutcomeBadge outcome=run.outcome/></a>
            <span class="row-says"><Ago at=run.started_at/></span>
        }
    });
    let sync = can_sync.then(|| {
        view! {
            <ButtonForm
                action=sync::api::StartSync::PATH
                label="Sync now"
                about=format!("Sync {name} now")
                hidden=vec![("id", integration.id.to_string())]
            />
        }
    });
    let trouble = trouble(&row.health, visit().now);
    let connection = row.health.latest().is_some().then(|| {
        view! {
            <a class="row-says strip-link" href=paths::connection(integration.id)>
                <TestStrip health=row.health/>
                {trouble}
            </a>
        }
    });
    let choice = is_admin.then(|| {
        view! {
            <td class="choice">
                <input
                    type="checkbox" name="ids[]" value=integration.id.to_string() form=bar::FORM checked=is_ticked
                    aria-label=format!("Choose {name}")
                />
            </td>
        }
    });
    view! {
        <tr>
            {choice}
            <th scope="row">
                <a class="row-title" href=paths::integration(integration.id)>{name.clone()}</a>
                <span class="row-says">{settings.workspace.to_string()} " · " {settings.base_url.host().to_owned()}</span>
                <TagChips tags=settings.tags/>
            </th>
            <td>
                <FreshnessBadge freshness=row.freshness/>
                {connection}
            </td>
            <td class="number">{row.complete_at.map(|at| view! { <Ago at/> }.into_any()).unwrap_or_else(|| "never".into_any())}</td>
            <td class="number">{members}</td>
            <td class="number">{number(row.total_work_items)}</td>
            <td><KeyMark last_four=integration.key.last_four fingerprint=integration.key.fingerprint/></td>
            <td>{last_run}</td>
            {is_admin.then(|| view! { <td class="row-actions">{sync}</td> })}
        </tr>
    }
}

/// The tags of an integration; each leads to all that have it.
#[component]
pub fn TagChips(tags: Tags) -> impl IntoView {
    let chips: Vec<_> = tags
        .iter()
        .map(|tag| {
            let filter = IntegrationFilter {
                tag: Some(tag.clone()),
                ..IntegrationFilter::default()
            };
            let href = write(&filter).on(paths::INTEGRATIONS);
            view! { <li><a class="label" href=href>{tag.to_string()}</a></li> }
        })
        .collect();
    (!chips.is_empty())
        .then(|| view! { <ul class="labels tags" aria-label="Tags">{chips}</ul> })
        .into_any()
}

/// The filter in an address. What this version does not know counts as not set.
pub fn read(query: &Query) -> IntegrationFilter {
    IntegrationFilter {
        q: query.get("q").unwrap_or_default().to_owned(),
        show: match query.get("show") {
            Some("attention") => IntegrationShow::Attention,
            Some("fresh") => IntegrationShow::Fresh,
            Some("paused") => IntegrationShow::Paused,
            Some("inactive") => IntegrationShow::Inactive,
            _ => IntegrationShow::All,
        },
        tag: query.parsed("tag"),
        sort: match query.get("sort") {
            Some("name") => IntegrationSort::Name,
            Some("items") => IntegrationSort::Items,
            Some("synced") => IntegrationSort::Synced,
            _ => IntegrationSort::State,
        },
    }
}

/// The filter as an address has it; what is not set stays out.
pub fn write(filter: &IntegrationFilter) -> Query {
    Query::default()
        .with("q", Some(&filter.q))
        .with("show", Some(show_word(filter.show)))
        .with("tag", filter.tag.as_ref())
        .with("sort", Some(sort_word(filter.sort)))
}

fn show_word(show: IntegrationShow) -> &'static str {
    match show {
        IntegrationShow::All => "",
        IntegrationShow::Attention => "attention",
        IntegrationShow::Fresh => "fresh",
        IntegrationShow::Paused => "paused",
        IntegrationShow::Inactive => "inactive",
    }
}

fn sort_word(sort: IntegrationSort) -> &'static str {
    match sort {
        IntegrationSort::State => "",
        IntegrationSort::Name => "name",
        IntegrationSort::Items => "items",
        IntegrationSort::Synced => "synced",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

    const SHOWS: [IntegrationShow; 5] = [
        IntegrationShow::All,
        IntegrationShow::Attention,
        IntegrationShow::Fresh,
        IntegrationShow::Paused,
        IntegrationShow::Inactive,
    ];
    const SORTS: [IntegrationSort; 4] = [
        IntegrationSort::State,
        IntegrationSort::Name,
        IntegrationSort::Items,
        IntegrationSort::Synced,
    ];

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(
            q in "\\PC{0,20}",
            show in select(&SHOWS[..]),
            tag in proptest::option::of("[a-zé0-9_-]{1,24}"),
            sort in select(&SORTS[..]),
        ) {
            let filter = IntegrationFilter { q: q.trim().to_owned(), show, tag: tag.map(|tag| tag.parse().unwrap()), sort };
            let address = write(&filter).on(paths::INTEGRATIONS);
            prop_assert_eq!(read(&Query::parse(address.trim_start_matches(paths::INTEGRATIONS))), filter);
        }
    }

    #[test]
    fn unknown_values_count_as_not_set() {
        assert_eq!(
            read(&Query::parse("show=broken&sort=%zz")),
            IntegrationFilter::default()
        );
        assert_eq!(
            write(&IntegrationFilter::default()).on(paths::INTEGRATIONS),
            paths::INTEGRATIONS
        );
    }
}
