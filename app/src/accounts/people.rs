use domain::actor::{Role, User, Viewer};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api::{AddPerson, SetPersonActive, SetRole},
    set_up::PASSWORD_HINT,
};
use crate::{
    Draft, paths,
    query::Query,
    ui::{
        badge::{ActiveBadge, Tone, capitalised},
        form::{Button, ButtonForm, Field, FormErrors, SelectField, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::count,
        page::{draft_of, loaded, signed_in},
        panel::Panel,
        table::TableRegion,
        time::Ago,
    },
};

const LEAD_MEANS: &str = "A lead sees everything but secrets, and changes nothing.";

/// Who may sign in, and as what.
#[component]
pub fn PeoplePage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let people = crate::backend().accounts.people(&viewer).await?;
            let draft = draft_of(&query).await?;
            Ok((viewer, people, draft))
        },
        |(viewer, people, draft)| page(&viewer, people, draft),
    )
}

fn page(viewer: &Viewer, people: Vec<User>, draft: Draft) -> AnyView {
    // A draft that names a person came from that person's row, any other from the form below the table.
    let of_row = draft.values.contains_key("id");
    let refused = (of_row && !draft.errors.is_empty()).then(|| {
        let says = draft.errors.values().cloned().collect::<Vec<_>>().join(" ");
        view! { <div role="alert"><Notice kind=Tone::Bad title="Nothing was changed"><p>{says}</p></Notice></div> }
    });
    let admins = viewer.is_admin();
    let add = admins.then(|| add_form(if of_row { Draft::default() } else { draft }));
    let says = summary(&people);
    let rows = people
        .into_iter()
        .map(|person| row(viewer, person))
        .collect_view();
    view! {
        <Frame title="People">
            <Crumbs items=vec![("Settings".to_owned(), paths::SETTINGS.to_owned())]/>
            <PageHead title="People" says=says/>
            {refused}
            <TableRegion label="People">
                <table>
                    <caption class="visually-hidden">"People who may sign in"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Person"</th>
                            <th scope="col">"May"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Last sign-in"</th>
                            <th scope="col">"Added"</th>
                            {admins.then(|| view! { <th scope="col"><span class="visually-hidden">"Change"</span></th> })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
            {add}
        </Frame>
    }
    .into_any()
}

fn row(viewer: &Viewer, person: User) -> AnyView {
    let is_self = person.id == viewer.user().id;
    let change = viewer.is_admin().then(|| change(person.clone()));
    view! {
        <tr>
            <th scope="row">
                <span class="row-title">{person.name.to_string()}{is_self.then_some(" (you)")}</span>
                <span class="row-says">{person.email.to_string()}</span>
            </th>
            <td>{what_role_may(person.role)}</td>
            <td><ActiveBadge is_active=person.is_active/></td>
            <td>
                {match person.last_sign_in_at {
                    Some(at) => view! { <Ago at/> }.into_any(),
                    None => view! { <span class="quiet">"Never"</span> }.into_any(),
                }}
            </td>
            <td><Ago at=person.created_at/></td>
            {change.map(|change| view! { <td class="row-actions">{change}</td> })}
        </tr>
    }
    .into_any()
}

/// What an admin can change about a person; taking something away is asked for twice, without JavaScript.
fn change(person: User) -> AnyView {
    let name = person.name.to_string();
    let id = person.id.to_string();
    let (other, says) = match person.role {
        Role::Admin => (Role::Lead, "Make a lead"),
        Role::Lead => (Role::Admin, "Make an admin"),
    };
    let role = vec![("id", id.clone()), ("role", other.word().to_owned())];
    let active = |is_active: bool| vec![("id", id.clone()), ("is_active", is_active.to_string())];
    let switch = if person.is_active {
        view! {
            <p>{format!("Switch {name} off? Open sessions end at once, and signing in is refused until somebody switches the account on again.")}</p>
            <ButtonForm action=SetPersonActive::PATH label="Switch off" hidden=active(false) kind=Button::Danger about=format!("Switch {name} off")/>
        }
        .into_any()
    } else {
        view! {
            <p>{format!("{name} can't sign in now.")}</p>
            <ButtonForm action=SetPersonActive::PATH label="Switch on" hidden=active(true) about=format!("Switch {name} on")/>
        }
        .into_any()
    };
    view! {
        <details class="row-menu">
            <summary aria-label=format!("Change {name}")>"Change"</summary>
            <div class="row-menu-body">
                <p>{match other {
                    Role::Admin => "An admin can change everything, other people too.",
                    Role::Lead => LEAD_MEANS,
                }}</p>
                <ButtonForm action=SetRole::PATH label=says hidden=role about=format!("{says}: {name}")/>
                <hr/>
                {switch}
            </div>
        </details>
    }
    .into_any()
}

fn add_form(draft: Draft) -> AnyView {
    let roles = vec![
        ("lead".to_owned(), "Lead: reads".to_owned()),
        ("admin".to_owned(), "Admin: changes everything".to_owned()),
    ];
    view! {
        <Panel title="Add a person">
            <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
            <form class="form" method="post" action=AddPerson::PATH>
                <div class="form-two">
                    <Field label="Name" name="name" value=draft.value("name") error=draft.error("name") required=true/>
                    <Field label="E-mail address" name="email" kind="email" value=draft.value("email") error=draft.error("email") required=true/>
                    <Field
                        label="First password" name="password" kind="password" error=draft.error("password") required=true
                        autocomplete="new-password"
                        hint=format!("{PASSWORD_HINT} Hand it over in person or by a safe way; it can be changed under “Your account”.")
                    />
                    <SelectField label="May" name="role" options=roles value=draft.value("role") error=draft.error("role") hint=LEAD_MEANS/>
                </div>
                <div class="actions"><Submit label="Add person"/></div>
            </form>
        </Panel>
    }
    .into_any()
}

/// "2 people, 1 of them an admin".
fn summary(people: &[User]) -> String {
    let active = people.iter().filter(|p| p.is_active);
    let admins = active.clone().filter(|p| p.role == Role::Admin).count() as u64;
    let inactive = people.len() - active.clone().count();
    let mut says = format!(
        "{} can sign in, {}",
        count(active.count() as u64, "person", "people"),
        count(admins, "admin", "admins")
    );
    if inactive > 0 {
        says.push_str(&format!("; {inactive} switched off"));
    }
    says
}

fn what_role_may(role: Role) -> String {
    match role {
        Role::Admin => format!("{}: changes everything", capitalised(role.word())),
        Role::Lead => format!("{}: reads", capitalised(role.word())),
    }
}
