//! Times the lists of one project with many work items: `cargo run --release -p store --example hundred_thousand -- 100000`.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Role, User, Viewer},
    changes::changes,
    ids::{IntegrationId, LabelId, MemberId, ProjectId, RunId, StateId, UserId, WorkItemId},
    integration::{IntegrationSettings, KeyHint},
    mirror::{
        Label, Member, Priority, Project, State, StateGroup, WorkItem, WorkItemFilter, WorkItemSort,
    },
    run::{Counts, Progress, Trigger},
};
use sha2::{Digest as _, Sha256};
use store::{
    Aside, Checkpoint, NewIntegration, NewRun, OpenOptions, RunRef, SealedKey, Start, Step, Store,
};
use uuid::Uuid;

const PAGE: u64 = 1000;

fn main() {
    let items = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(20 << 20)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let directory = std::env::temp_dir().join(format!("hangar-bench-{}", std::process::id()));
    runtime
        .block_on(run(&directory, items))
        .expect("the bench runs");
    std::fs::remove_dir_all(&directory).expect("its directory can be removed");
}

async fn run(directory: &std::path::Path, items: u64) -> Result<(), Box<dyn std::error::Error>> {
    let options = OpenOptions::new(format!("surrealkv://{}", directory.display()));
    let started = Instant::now();
    let mut store = Store::open(options.clone(), at(0)).await?;
    println!("open, empty: {:?}", started.elapsed());
    let viewer = person().viewer();
    let integration = IntegrationId(id(1));
    let project = ProjectId(id(2));
    let run = prepare(&store, integration, project).await?;

    for (name, shift) in [("insert", 0), ("change all", 1), ("change none", 1)] {
        let started = Instant::now();
        let mut slowest = Duration::ZERO;
        for page in 0..items.div_ceil(PAGE) {
            let began = Instant::now();
            let fetched: Vec<WorkItem> = (page * PAGE..((page + 1) * PAGE).min(items))
                .map(|n| item(project, n, shift))
                .collect();
            let ids: Vec<WorkItemId> = fetched.iter().map(|item| item.id).collect();
            let stored = store.stored_items(integration, project, &fetched).await?;
            let changes = changes(fetched, &stored);
            let checkpoint = Checkpoint {
                project,
                cursor: String::new(),
                page: u32::try_from(page).unwrap_or(u32::MAX),
                started_at: at(0),
                watermark: None,
                overlooked: Default::default(),
            };
            let step = Step {
                checkpoint: &checkpoint,
                seen: &ids,
            };
            let (progress, counts) = (Progress::default(), Counts::default());
            store
                .apply_items(
                    &run,
                    project,
                    &changes,
                    Some(step),
                    &progress,
                    &counts,
                    at(0),
                )
                .await?;
            slowest = slowest.max(began.elapsed());
        }
        let rate = items as f64 / started.elapsed().as_secs_f64();
        println!(
            "{name}: {rate:.0} items/s, slowest page {slowest:?}, recycled {}, {} MB resident",
            store.recycled(),
            resident()
        );
    }
    lists(
        &store,
        &viewer,
        integration,
        project,
        "right after the writes",
    )
    .await?;

    backup(&store, directory).await?;

    let started = Instant::now();
    store.close().await;
    println!("close: {:?}", started.elapsed());
    let started = Instant::now();
    store = Store::open(options, at(0)).await?;
    println!(
        "open, {items} items: {:?}, {} MB resident",
        started.elapsed(),
        resident()
    );
    lists(&store, &viewer, integration, project, "after a restart").await?;
    println!("{} MB resident", resident());
    store.close().await;
    Ok(())
}

/// What a backup and its verification are made of.
async fn backup(
    store: &Store,
    directory: &std::path::Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let hashed = |(hash, bytes): &mut (Sha256, usize), piece: &[u8]| {
        hash.update(piece);
        *bytes += piece.len();
        Ok(())
    };
    let began = Instant::now();
    let frozen = store.freeze().await?;
    println!("freeze: {:?}", began.elapsed());
    let began = Instant::now();
    println!(
        "count: {} tables in {:?}",
        frozen.tables().await?.len(),
        began.elapsed()
    );
    let began = Instant::now();
    let (hash, bytes) = frozen.export((Sha256::new(), 0), hashed).await?;
    println!(
        "export: {bytes} bytes in {:?}, {} MB resident",
        began.elapsed(),
        resident()
    );
    let began = Instant::now();
    let text = frozen
        .export(Vec::new(), |text: &mut Vec<u8>, piece| {
            text.extend_from_slice(piece);
            Ok(())
        })
        .await?;
    println!("export into memory: {:?}", began.elapsed());
    let filled = Aside::empty(&directory.with_extension("filled")).await?;
    let began = Instant::now();
    let mut part = String::new();
    for line in String::from_utf8(text)?.lines() {
        part.push_str(line);
        part.push('\n');
        if part.len() > 1 << 20 {
            filled.import(&part).await?;
            part.clear();
        }
    }
    filled.import(&part).await?;
    println!("import: {:?}, {} MB resident", began.elapsed(), resident());
    let began = Instant::now();
    assert_eq!(filled.tables().await?, frozen.tables().await?);
    let (again, _) = filled.export((Sha256::new(), 0), hashed).await?;
    println!(
        "counts and export of what was imported: {:?}; the same text: {}",
        began.elapsed(),
        again.finalize() == hash.finalize()
    );
    filled.remove().await?;
    frozen.remove().await?;
    Ok(())
}

async fn lists(
    store: &Store,
    viewer: &Viewer,
    integration: IntegrationId,
    project: ProjectId,
    when: &str,
) -> Result<(), store::Error> {
    println!("pages of 50, {when}: first / median of 20 / last of 10 pages on");
    let filter = WorkItemFilter::default;
    let sorted = |sort| WorkItemFilter { sort, ..filter() };
    let ways = [
        ("latest", filter()),
        ("newest", sorted(WorkItemSort::Newest)),
        ("oldest", sorted(WorkItemSort::Oldest)),
        ("by priority", sorted(WorkItemSort::Priority)),
        (
            "group (20 %)",
            WorkItemFilter {
                state_group: Some(StateGroup::Started),
                ..filter()
            },
        ),
        (
            "label (10 %)",
            WorkItemFilter {
                label: Some(LabelId(id(1000))),
                ..filter()
            },
        ),
        (
            "label (0.1 %)",
            WorkItemFilter {
                label: Some(LabelId(id(1020))),
                ..filter()
            },
        ),
        (
            "assignee (1 %)",
            WorkItemFilter {
                assignee: Some(MemberId(id(2003))),
                ..filter()
            },
        ),
        (
            "priority (20 %)",
            WorkItemFilter {
                priority: Some(Priority::High),
                ..filter()
            },
        ),
        (
            "word (10 %)",
            WorkItemFilter {
                q: "export ".into(),
                ..filter()
            },
        ),
        (
            "beginning",
            WorkItemFilter {
                q: "exp".into(),
                ..filter()
            },
        ),
        (
            "rare word",
            WorkItemFilter {
                q: "n77 ".into(),
                ..filter()
            },
        ),
        (
            "no such word",
            WorkItemFilter {
                q: "zebra".into(),
                ..filter()
            },
        ),
        (
            "number",
            WorkItemFilter {
                q: "WEB-77".into(),
                ..filter()
            },
        ),
        (
            "group + label, newest",
            WorkItemFilter {
                state_group: Some(StateGroup::Started),
                label: Some(LabelId(id(1000))),
                sort: WorkItemSort::Newest,
                ..filter()
            },
        ),
        (
            "assignee + priority",
            WorkItemFilter {
                assignee: Some(MemberId(id(2003))),
                priority: Some(Priority::High),
                ..filter()
            },
        ),
        (
            "word + group, by priority",
            WorkItemFilter {
                q: "export".into(),
                state_group: Some(StateGroup::Started),
                sort: WorkItemSort::Priority,
                ..filter()
            },
        ),
    ];
    for (way, filter) in ways {
        let mut first = Duration::ZERO;
        let mut times = Vec::new();
        let mut next = None;
        let mut rows = 0;
        for i in 0..20 {
            let began = Instant::now();
            let page = store
                .work_items(viewer, integration, project, &filter, None, 50)
                .await?;
            times.push(began.elapsed());
            rows = page.rows.len();
            next = page.next;
            if i == 0 {
                first = began.elapsed();
            }
        }
        times.sort();
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            let Some(after) = next.take() else { break };
            let began = Instant::now();
            let page = store
                .work_items(viewer, integration, project, &filter, Some(&after), 50)
                .await?;
            last = began.elapsed();
            next = page.next;
        }
        println!(
            "  {way:28} {rows:3} rows  {first:>10.1?} {:>10.1?} {last:>10.1?}",
            times[10]
        );
    }
    let began = Instant::now();
    store.facets(viewer, integration, project).await?;
    println!("  facets {:?}", began.elapsed());
    let began = Instant::now();
    store.active_integrations(viewer).await?;
    println!("  active integrations {:?}", began.elapsed());
    Ok(())
}

async fn prepare(
    store: &Store,
    integration: IntegrationId,
    project: ProjectId,
) -> Result<RunRef, Box<dyn std::error::Error>> {
    let admin = person().admin().ok_or("an admin")?;
    let new = NewIntegration {
        id: integration,
        settings: IntegrationSettings {
            integration_name: "Acme".parse()?,
            description: String::new(),
            base_url: "https://api.plane.so".parse()?,
            workspace: "acme".parse()?,
            project_id: None,
            auth_scheme: Default::default(),
            interval_minutes: 15,
            quiet_hours: None,
            test_minutes: 15,
            key_expires_on: None,
            tags: Default::default(),
        },
        key: SealedKey {
            sealed: String::new(),
            hint: KeyHint {
                last_four: String::new(),
                fingerprint: String::new(),
                replaced_at: at(0),
            },
        },
    };
    store.create_integration(&admin, new, at(0)).await?;
    let new = NewRun {
        id: RunId(id(3)),
        integration,
        trigger: Trigger::Schedule,
        owner: id(4),
        follows: None,
    };
    let Start::Started(run) = store.start_run(new, at(0), TimeDelta::seconds(15)).await? else {
        return Err("the run does not start".into());
    };
    let run = RunRef::from(&run);
    let web = Project {
        id: project,
        identifier: "WEB".into(),
        name: "Website".into(),
        description: String::new(),
        is_public: true,
        is_member: true,
        archived_at: None,
        total_members: 0,
        created_at: at(0),
        updated_at: at(0),
    };
    store.apply_projects(&run, &[web], at(0)).await?;
    let members: Vec<Member> = (0..100)
        .map(|n| Member {
            id: MemberId(id(2000 + n)),
            display_name: format!("member {n}"),
        })
        .collect();
    store.apply_members(&run, project, &members, at(0)).await?;
    let states: Vec<State> = (0..)
        .zip(StateGroup::LISTED)
        .map(|(n, group)| State {
            id: StateId(id(3000 + n)),
            name: group.word().into(),
            color: String::new(),
            group,
            sequence: 0,
        })
        .collect();
    store.apply_states(&run, project, &states, at(0)).await?;
    let labels: Vec<Label> = (0..30)
        .map(|n| Label {
            id: LabelId(id(1000 + n)),
            name: format!("label {n}"),
            color: "#aa0000".into(),
            description: String::new(),
            parent: None,
        })
        .collect();
    store.apply_labels(&run, project, &labels, at(0)).await?;
    Ok(run)
}

/// Work item `n`: every property with its own share of the items.
fn item(project: ProjectId, n: u64, shift: i64) -> WorkItem {
    const THINGS: [&str; 10] = [
        "export", "login", "search", "chart", "filter", "page", "menu", "import", "invoice", "mail",
    ];
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let pick = |of: u64, salt: u32| {
        let mut x = mixed.rotate_left(salt).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x ^= x >> 31;
        (x.wrapping_mul(0x94D0_49BB_1331_11EB) >> 33) % of
    };
    let mut labels = vec![];
    if pick(10, 7) == 0 {
        labels.push(LabelId(id(1000)));
    }
    if pick(1000, 11) == 0 {
        labels.push(LabelId(id(1020)));
    }
    labels.push(LabelId(id(1001 + u128::from(pick(19, 13)))));
    WorkItem {
        id: WorkItemId(Uuid::from_u128(u128::from(mixed) << 64 | u128::from(n))),
        project,
        sequence_id: n + 1,
        name: format!(
            "Fix the {} of n{} in {}",
            THINGS[pick(10, 17) as usize],
            pick(5000, 19),
            THINGS[pick(10, 23) as usize]
        ),
        description_html: format!("<p>{}</p>", "What happens, and what should. ".repeat(12)),
        priority: Priority::ALL[pick(5, 29) as usize],
        state: Some(StateId(id(3000 + u128::from(pick(5, 31))))),
        labels,
        assignees: vec![MemberId(id(2000 + u128::from(pick(100, 37))))],
        parent: None,
        start_date: None,
        target_date: None,
        completed_at: None,
        created_by: None,
        created_at: at(0),
        updated_at: at((pick(10_000_000, 41) as i64) + shift),
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn person() -> User {
    User {
        id: UserId(id(5)),
        email: "maya@example.com".parse().expect("an e-mail address"),
        name: "Maya".parse().expect("a name"),
        role: Role::Admin,
        is_active: true,
        created_at: at(0),
        last_sign_in_at: None,
    }
}

/// Resident memory of this process, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    let kb: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    kb / 1024
}
