//! Plane's REST objects, decoded so that what Plane adds, leaves out or nulls costs a field or a row, never a page.
//! The only file where "issue" may be written.

#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use domain::{
    collection::{Collection, CollectionKind},
    ids::{CollectionId, LabelId, MemberId, ProjectId, StateId, WorkItemId},
    mirror::{Label, Member, Priority, Project, State, StateGroup, WorkItem},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Instance, Me, Summary};

/// Up to v1.0 work items live below `/issues/` (plane-api.md section 11).
pub(crate) const WORK_ITEMS: &str = "work-items";
pub(crate) const WORK_ITEMS_OLD: &str = "issues";
pub(crate) const CYCLE_ITEMS: &str = "cycle-issues";
pub(crate) const MODULE_ITEMS: &str = "module-issues";

/// Fields asked for: descriptions and relations that nothing here shows cost Plane time and us bytes.
pub(crate) const PROJECT_FIELDS: &str = "id,identifier,name,description,network,is_member,archived_at,total_members,created_at,updated_at";
pub(crate) const WORK_ITEM_FIELDS: &str = "id,project,sequence_id,name,description_html,priority,state,labels,\
     assignees,parent,start_date,target_date,completed_at,created_by,created_at,updated_at";
pub(crate) const LABEL_FIELDS: &str = "id,name,description,color,parent";
pub(crate) const CYCLE_FIELDS: &str = "id,name,start_date,end_date,total_issues,updated_at";
pub(crate) const MODULE_FIELDS: &str =
    "id,name,status,start_date,target_date,total_issues,updated_at";
pub(crate) const STATE_FIELDS: &str = "id,name,color,group,sequence";

/// An object of Plane's JSON that becomes a value of ours, or is left out because it lacks what makes it one.
pub(crate) trait FromWire: Sized {
    type Wire: DeserializeOwned;
    fn from_wire(wire: Self::Wire) -> Option<Self>;
}

/// Decodes one object.
pub(crate) fn decode<T: FromWire>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok().and_then(T::from_wire)
}

/// Decodes one object that was parsed already.
pub(crate) fn decode_value<T: FromWire>(json: serde_json::Value) -> Option<T> {
    decode(&json.to_string())
}

/// A page of Plane's lists (plane-api.md section 3).
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow)]
    pub(crate) results: Vec<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) next_cursor: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) next_page_results: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) total_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) total_results: Option<u64>,
}

/// The id of any row, for noticing that a page came again.
pub(crate) fn row_id(row: &RawValue) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
    }
    serde_json::from_str::<Row>(row.get())
        .ok()
        .map(|row| row.id)
}

/// The largest page size, from the text of the 400 that refuses a larger one.
pub(crate) fn largest_page(says: &str) -> Option<u32> {
    let (_, rest) = says.split_once("Cannot exceed ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|size| *size > 0)
}

/// Takes the value if it is of the expected kind, and nothing otherwise.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(from)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// A relation: an id, an object with one (`expand`, newer Cloud), `null`, or `{}` (a null that was expanded).
#[derive(Deserialize)]
#[serde(untagged)]
enum Relation {
    Id(Uuid),
    Object { id: Uuid },
}

fn relation<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Uuid>, D::Error> {
    Ok(lenient::<D, Relation>(from)?.map(Relation::id))
}

fn relations<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Uuid>, D::Error> {
    let raw = <&RawValue>::deserialize(from)?;
    let each: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    Ok(each
        .iter()
        .filter_map(|raw| serde_json::from_str(raw.get()).ok())
        .map(Relation::id)
        .collect())
}

impl Relation {
    fn id(self) -> Uuid {
        match self {
            Relation::Id(id) | Relation::Object { id } => id,
        }
    }
}

/// Plane writes times in the key owner's time zone, with an offset (plane-api.md section 4, `tz-01`).
fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(lenient::<D, String>(from)?.and_then(|text| parse_time(&text)))
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let naive = text.parse::<NaiveDateTime>().or_else(|_| {
        text.parse::<NaiveDate>()
            .map(|date| date.and_time(NaiveTime::MIN))
    });
    naive.ok().map(|naive| naive.and_utc())
}

/// A plain date; of a time, its date as written.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    let text: Option<String> = lenient(from)?;
    Ok(text
        .as_deref()
        .and_then(|text| text.get(..10))
        .and_then(|day| day.parse().ok()))
}

/// A colour is put into pages, so only `#rrggbb` passes; `#rgb` is spelled out, an alpha part is dropped.
fn color<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(lenient::<D, String>(from)?
        .and_then(|text| parse_color(&text))
        .unwrap_or_default())
}

fn parse_color(text: &str) -> Option<String> {
    let hex = text
        .trim()
        .strip_prefix('#')
        .filter(|hex| hex.chars().all(|c| c.is_ascii_hexdigit()))?;
    match hex.len() {
        3 => Some(
            hex.chars()
                .fold("#".to_owned(), |color, c| format!("{color}{c}{c}")),
        ),
        6 | 8 => Some(format!("#{}", &hex[..6]).to_ascii_lowercase()),
        _ => None,
    }
}

#[derive(Deserialize)]
pub(crate) struct ProjectWire {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    identifier: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    network: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    is_member: Option<bool>,
    #[serde(default, deserialize_with = "time")]
    archived_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient")]
    total_members: Option<u32>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "time")]
    updated_at: Option<DateTime<Utc>>,
}

impl FromWire for Project {
    type Wire = ProjectWire;

    fn from_wire(wire: ProjectWire) -> Option<Self> {
        let (created_at, updated_at) = times(wire.created_at, wire.updated_at)?;
        Some(Project {
            id: ProjectId(wire.id),
            identifier: wire.identifier.unwrap_or_default(),
            name: wire.name?,
            description: wire.description.unwrap_or_default(),
            is_public: wire.network == Some(2),
            // Older versions don't tell; asking for the items then answers 403, which is told apart.
            is_member: wire.is_member.unwrap_or(true),
            archived_at: wire.archived_at,
            total_members: wire.total_members.unwrap_or(0),
            created_at,
            updated_at,
        })
    }
}

/// A row needs at least one of the two times: newest wins.
fn times(
    created: Option<DateTime<Utc>>,
    updated: Option<DateTime<Utc>>,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    Some((created.or(updated)?, updated.or(created)?))
}

#[derive(Deserialize)]
pub(crate) struct WorkItemWire {
    id: Uuid,
    #[serde(default, deserialize_with = "relation")]
    project: Option<Uuid>,
    #[serde(default, deserialize_with = "lenient")]
    sequence_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description_html: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    priority: Option<String>,
    #[serde(default, deserialize_with = "relation")]
    state: Option<Uuid>,
    #[serde(default, deserialize_with = "relations")]
    labels: Vec<Uuid>,
    #[serde(default, deserialize_with = "relations")]
    assignees: Vec<Uuid>,
    #[serde(default, deserialize_with = "relation")]
    parent: Option<Uuid>,
    #[serde(default, deserialize_with = "date")]
    start_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "date")]
    target_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "time")]
    completed_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "relation")]
    created_by: Option<Uuid>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "time")]
    updated_at: Option<DateTime<Utc>>,
}

impl FromWire for WorkItem {
    type Wire = WorkItemWire;

    fn from_wire(wire: WorkItemWire) -> Option<Self> {
        let (created_at, updated_at) = times(wire.created_at, wire.updated_at)?;
        Some(WorkItem {
            id: WorkItemId(wire.id),
            // A list that leaves it out is still a list of one project; the caller knows which.
            project: ProjectId(wire.project.unwrap_or_default()),
            sequence_id: wire.sequence_id?,
            name: wire.name.unwrap_or_default(),
            description_html: wire.description_html.unwrap_or_default(),
            priority: Priority::from_word(wire.priority.as_deref().unwrap_or_default()),
            state: wire.state.map(StateId),
            labels: wire.labels.into_iter().map(LabelId).collect(),
            assignees: wire.assignees.into_iter().map(MemberId).collect(),
            parent: wire.parent.map(WorkItemId),
            start_date: wire.start_date,
            target_date: wire.target_date,
            completed_at: wire.completed_at,
            created_by: wire.created_by.map(MemberId),
            created_at,
            updated_at,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct LabelWire {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
    #[serde(default, deserialize_with = "color")]
    color: String,
    #[serde(default, deserialize_with = "relation")]
    parent: Option<Uuid>,
}

impl FromWire for Label {
    type Wire = LabelWire;

    fn from_wire(wire: LabelWire) -> Option<Self> {
        Some(Label {
            id: LabelId(wire.id),
            name: wire.name?,
            color: wire.color,
            description: wire.description.unwrap_or_default(),
            parent: wire.parent.map(LabelId),
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct StateWire {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "color")]
    color: String,
    #[serde(default, deserialize_with = "lenient")]
    group: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sequence: Option<f64>,
}

impl FromWire for State {
    type Wire = StateWire;

    fn from_wire(wire: StateWire) -> Option<Self> {
        Some(State {
            id: StateId(wire.id),
            name: wire.name?,
            color: wire.color,
            group: StateGroup::from_word(wire.group.as_deref().unwrap_or_default()),
            sequence: (wire.sequence.unwrap_or(0.0) * 1000.0) as i64,
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct MemberWire {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    last_name: Option<String>,
}

impl FromWire for Member {
    type Wire = MemberWire;

    fn from_wire(wire: MemberWire) -> Option<Self> {
        let first = wire.first_name.unwrap_or_default();
        let last = wire.last_name.unwrap_or_default();
        let names = [
            wire.display_name.unwrap_or_default(),
            format!("{first} {last}"),
        ];
        let name = names
            .iter()
            .map(|name| name.trim())
            .find(|name| !name.is_empty());
        Some(Member {
            id: MemberId(wire.id),
            display_name: name.unwrap_or("Someone").to_owned(),
        })
    }
}

impl FromWire for Me {
    type Wire = MemberWire;

    fn from_wire(wire: MemberWire) -> Option<Self> {
        let Member { id, display_name } = Member::from_wire(wire)?;
        Some(Me { id, display_name })
    }
}

#[derive(Deserialize)]
pub(crate) struct InstanceWire {
    instance: InstanceFields,
    #[serde(default, deserialize_with = "lenient")]
    config: Option<ConfigFields>,
}

#[derive(Deserialize)]
struct InstanceFields {
    #[serde(default, deserialize_with = "lenient")]
    current_version: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    edition: Option<String>,
}

#[derive(Deserialize)]
struct ConfigFields {
    #[serde(default, deserialize_with = "lenient")]
    is_self_managed: Option<bool>,
}

impl FromWire for Instance {
    type Wire = InstanceWire;

    fn from_wire(wire: InstanceWire) -> Option<Self> {
        let short = |text: String| -> String {
            text.chars().filter(|c| !c.is_control()).take(40).collect()
        };
        Some(Instance {
            version: wire
                .instance
                .current_version
                .map(short)
                .filter(|version| !version.is_empty()),
            edition: wire
                .instance
                .edition
                .map(short)
                .filter(|edition| !edition.is_empty()),
            is_self_managed: wire.config.and_then(|config| config.is_self_managed),
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct SummaryWire {
    counts: SummaryCounts,
}

#[derive(Deserialize)]
struct SummaryCounts {
    #[serde(default, deserialize_with = "lenient")]
    issues: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    labels: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    states: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    members: Option<u32>,
}

impl FromWire for Summary {
    type Wire = SummaryWire;

    fn from_wire(wire: SummaryWire) -> Option<Self> {
        let SummaryCounts {
            issues,
            labels,
            states,
            members,
        } = wire.counts;
        Some(Summary {
            work_items: issues,
            labels,
            states,
            members,
        })
    }
}

/// A cycle of Plane's list.
pub(crate) struct Cycle(pub(crate) Collection);

#[derive(Deserialize)]
pub(crate) struct CycleWire {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "time")]
    start_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "time")]
    end_date: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient")]
    total_issues: Option<u64>,
    #[serde(default, deserialize_with = "time")]
    updated_at: Option<DateTime<Utc>>,
}

impl FromWire for Cycle {
    type Wire = CycleWire;

    fn from_wire(wire: CycleWire) -> Option<Self> {
        Some(Cycle(Collection {
            kind: CollectionKind::Cycle,
            id: CollectionId(wire.id),
            name: wire.name?,
            status: String::new(),
            starts_on: wire.start_date.map(|at| at.date_naive()),
            ends_on: wire.end_date.map(|at| at.date_naive()),
            total_work_items: wire.total_issues.unwrap_or(0),
            updated_at: wire.updated_at?,
        }))
    }
}

/// A module of Plane's list.
pub(crate) struct Module(pub(crate) Collection);

#[derive(Deserialize)]
pub(crate) struct ModuleWire {
    id: Uuid,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "date")]
    start_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "date")]
    target_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "lenient")]
    total_issues: Option<u64>,
    #[serde(default, deserialize_with = "time")]
    updated_at: Option<DateTime<Utc>>,
}

impl FromWire for Module {
    type Wire = ModuleWire;

    fn from_wire(wire: ModuleWire) -> Option<Self> {
        Some(Module(Collection {
            kind: CollectionKind::Module,
            id: CollectionId(wire.id),
            name: wire.name?,
            status: wire.status.unwrap_or_default(),
            starts_on: wire.start_date,
            ends_on: wire.target_date,
            total_work_items: wire.total_issues.unwrap_or(0),
            updated_at: wire.updated_at?,
        }))
    }
}

/// A work item of which nothing else is asked.
pub(crate) struct ItemId(pub(crate) WorkItemId);

#[derive(Deserialize)]
pub(crate) struct ItemIdWire {
    id: Uuid,
}

impl FromWire for ItemId {
    type Wire = ItemIdWire;

    fn from_wire(wire: ItemIdWire) -> Option<Self> {
        Some(ItemId(WorkItemId(wire.id)))
    }
}
