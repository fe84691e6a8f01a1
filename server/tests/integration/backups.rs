//! Backups of a portal that goes on, and what comes back out of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use domain::{backup::Backup, disk::Space};
use fake_plane::FakePlane;
use serde_json::Value;
use server::{clock::Clock, config::Config, disk::Disk};

use crate::support::{
    HangarProcess, Person, TestPortal,
    portal::{ADMIN, PASSWORD, ROOM, config, start_of_time},
};

const TOKEN: &str = "a token for prometheus";

async fn plane() -> FakePlane {
    let plane = FakePlane::start(fake_plane::Options {
        rate_limit: None,
        ..Default::default()
    })
    .await;
    plane.given(fake_plane::seed::e2e);
    plane
}

/// A portal whose database is in files.
async fn on_disk(args: &[&str]) -> TestPortal {
    let config = |data: &Path| Config {
        database_url: format!("surrealkv://{}", data.join("db").display()),
        backup_dir: data.join("backups"),
        disk: Disk::manual(ROOM),
        ..config(data.to_owned(), args)
    };
    TestPortal::start_configured(plane().await, Clock::manual(start_of_time()), &config).await
}

impl TestPortal {
    fn backup_dir(&self) -> PathBuf {
        self.data().join("backups")
    }

    /// The files that look like backups.
    fn files(&self) -> Vec<String> {
        files(&self.backup_dir())
    }

    /// So much later, what is due is made.
    async fn back_up(&self, hours: i64) -> Option<Backup> {
        self.clock.advance(TimeDelta::hours(hours));
        self.portal.backups.look().await.unwrap()
    }
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// `hangar restore`: its exit code and what it says.
fn restore(file: &Path, data: &Path, master: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangar"));
    command.arg("restore").arg(file).arg("--data").arg(data);
    command.env_remove("HANGAR_MASTER_KEY").stdin(Stdio::null());
    command.args(["--log", "warn"]);
    if let Some(master) = master {
        command.env("HANGAR_MASTER_KEY", master);
    }
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// What a portal says of everything it holds.
async fn told(person: &mut Person, integration: &str) -> Vec<String> {
    let mut all = Vec::new();
    for page in [
        "/projects.json",
        "/problems.json",
        &format!("{integration}/connection.json"),
        &format!("{integration}/health.json"),
        &format!("{integration}/timeline.json"),
        &format!("{integration}/calls.json"),
    ] {
        let answer = person.get(page).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text);
        // How old something is depends on when it is asked.
        let value: Value = serde_json::from_str(&answer.text).unwrap();
        all.push(format!("{page} {}", timeless(value)));
    }
    // Each work item of each project, as the lists show them.
    let projects = person.get("/projects").await;
    for project in projects.attributes("main tbody a", "href") {
        if project.contains("/projects/") {
            let page = person.get(&project).await;
            all.push(page.all("tbody th").join("; "));
        }
    }
    all
}

fn timeless(mut value: Value) -> Value {
    match &mut value {
        Value::Array(all) => all.iter_mut().for_each(|one| *one = timeless(one.take())),
        Value::Object(all) => {
            all.retain(|name, _| !matches!(name.as_str(), "freshness" | "state" | "fresh"));
            all.values_mut().for_each(|one| *one = timeless(one.take()));
        }
        _ => {}
    }
    value
}

fn has(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

/// The text in a backup, as `zcat` shows it.
fn text(file: &Path) -> Vec<u8> {
    let shown = Command::new("gzip").arg("-dc").arg(file).output().unwrap();
    assert!(shown.status.success(), "any gzip reads it: {shown:?}");
    shown.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_is_what_was_there_and_the_stored_keys_work() {
    let data = tempfile::tempdir().unwrap();
    let plane = plane().await;
    let hangar = HangarProcess::set_up(data.path(), &["--backup-hours", "1"]);
    let mut admin = hangar.admin().await;
    let fields = [
        ("integration_name", "Acme"),
        ("base_url", &plane.url()),
        ("workspace", "acme"),
        ("api_key", fake_plane::seed::KEY),
        ("interval_minutes", "1440"),
    ];
    let made = admin.post("create_integration", &fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let integration = made.location();
    let id = integration.rsplit('/').next().unwrap().to_owned();
    let run = admin.post("start_sync", &[("id", &id)]).await.location();
    wait_until(|| async { admin_sees(&hangar, &run, "Succeeded").await }).await;
    let before = told(&mut admin, &integration).await;
    let items = &before[6..];
    assert!(
        !items.is_empty() && items.iter().any(|page| page.len() > 100),
        "{items:?}"
    );

    let directory = data.path().join("backups");
    assert_eq!(
        admin.post("make_backup", &[]).await.location(),
        "/settings/backups"
    );
    wait_until(|| async { files(&directory).len() == 1 }).await;
    let file = directory.join(&files(&directory)[0]);
    hangar.stop();

    let master = fs::read_to_string(data.path().join("master.key")).unwrap();
    let inside = text(&file);
    assert!(has(&inside, "INSERT [ {"), "statements");
    assert!(!has(&inside, fake_plane::seed::KEY), "no key in clear");
    assert!(!has(&inside, master.trim()), "not the key of the keys");
    assert!(!has(&inside, PASSWORD));

    let machine = tempfile::tempdir().unwrap();
    let (code, says) = restore(&file, machine.path(), None);
    assert_eq!(code, Some(0), "{says}");
    assert!(
        says.contains("will not start before it has the master key"),
        "{says}"
    );
    assert!(
        HangarProcess::start_in(&[], machine.path(), &[]).is_none(),
        "not without the key"
    );
    fs::copy(
        data.path().join("master.key"),
        machine.path().join("master.key"),
    )
    .unwrap();
    let restored = HangarProcess::start(machine.path(), &[]);
    let mut stolen = admin.at(restored.url());
    assert_eq!(
        stolen.get("/").await.status,
        303,
        "nobody is signed in any more"
    );
    let mut admin = restored.admin().await;
    assert_eq!(told(&mut admin, &integration).await, before);
    let tested = admin.post("test_integration", &[("id", &id)]).await;
    let result = admin.get(&tested.location()).await;
    assert!(
        result.words().contains("Connection works"),
        "{}",
        result.words()
    );
    restored.stop();

    let (code, says) = restore(&file, machine.path(), None);
    assert_eq!(code, Some(73), "{says}");
    assert!(says.contains("there is a database in"), "{says}");
}

async fn admin_sees(hangar: &HangarProcess, page: &str, word: &str) -> bool {
    hangar.admin().await.get(page).await.words().contains(word)
}

/// Something that another process does.
async fn wait_until(mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_holds_one_moment_while_writes_go_on() {
    let portal = on_disk(&[]).await;
    let mut admin = portal.admin().await;
    portal.connect(&mut admin, "Acme").await;
    let store = portal.portal.store.clone();
    let now = portal.clock.now();
    // Each of these is one transaction of two records: a number in the history, and the same one in a rule's place.
    let stop = tokio_util::sync::CancellationToken::new();
    let writing = tokio::spawn({
        let (stop, admin) = (stop.clone(), portal.make_admin().await);
        async move {
            let mut written = 0;
            while !stop.is_cancelled() {
                store.ask_for_backup(&admin, now).await.unwrap();
                written += 1;
            }
            written
        }
    });
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(portal.back_up(25).await.unwrap());
    }
    stop.cancel();
    let written: u64 = writing.await.unwrap();
    assert!(written > 10, "{written}");
    let mut before = 0;
    for backup in made {
        let made = backup.made.unwrap();
        let path = portal.backup_dir().join(&made.file);
        let machine = tempfile::tempdir().unwrap();
        let (code, says) = restore(&path, machine.path(), Some(&"7f".repeat(32)));
        assert_eq!(code, Some(0), "{says}");
        assert!(
            says.contains(&format!("restored {} records", made.records)),
            "{says}"
        );
        assert!(made.records > before, "later ones hold more");
        before = made.records;
    }
    portal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_made_when_due_and_as_many_are_kept_as_wanted() {
    let portal = on_disk(&["--backup-keep", "3", "--metrics-token", TOKEN]).await;
    let mut admin = portal.admin().await;
    assert!(portal.back_up(0).await.is_none(), "not at once");
    let page = admin.get("/settings/backups").await;
    assert!(page.words().contains("No backup yet"), "{}", page.words());

    let first = portal.back_up(1).await.unwrap().made.unwrap();
    assert_eq!(portal.files(), [first.file.as_str()]);
    assert!(portal.back_up(23).await.is_none());
    for _ in 0..4 {
        portal.back_up(24).await.unwrap().made.unwrap();
    }
    let files = portal.files();
    assert_eq!(files.len(), 3);
    assert!(!files.contains(&first.file));
    let left = fs::read_dir(portal.backup_dir()).unwrap().count();
    assert_eq!(left, 3, "nothing else is left");

    let mut admin = portal.sign_in(ADMIN).await;
    let page = admin.get("/settings/backups").await;
    assert_eq!(page.all("tbody tr").len(), 5);
    assert!(page.words().contains("Not kept any more"));
    let text = scrape(&portal).await;
    assert!(text.contains("portal_backup_age_seconds 0.0"), "{text}");

    // The one that a person wants, at once.
    admin.post("make_backup", &[]).await;
    let asked = portal.back_up(0).await.unwrap();
    assert_eq!(asked.asked_by.as_deref(), Some("Maya"));
    portal.stop().await;
}

async fn scrape(portal: &TestPortal) -> String {
    portal.portal.metrics().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_them_is_a_problem_until_the_next_good_one() {
    let portal = on_disk(&[]).await;
    portal.make_admin().await;
    let good = portal.back_up(1).await.unwrap();
    assert!(good.made.is_ok(), "{good:?}");

    // A file where the directory was: nobody can write there, not even root.
    let directory = portal.backup_dir();
    let aside = directory.with_extension("aside");
    fs::rename(&directory, &aside).unwrap();
    fs::write(&directory, "in the way").unwrap();
    let failed = portal.back_up(25).await.unwrap().made.unwrap_err();
    assert!(failed.says.contains("backups"), "{failed:?}");
    assert!(portal.back_up(0).await.is_none(), "not again at once");
    let problem = async || {
        portal.portal.health.watch().await.unwrap();
        let mut admin = portal.sign_in(ADMIN).await;
        let answer = admin.get("/problems.json?class=local.backup").await;
        let all: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        all.first()
            .map(|one| (text(one, "level"), text(one, "says")))
    };
    let (level, says) = problem().await.unwrap();
    assert_eq!(level, "warning", "its file is not there either");
    assert!(says.contains("The last one failed: "), "{says}");
    portal.back_up(50).await.unwrap().made.unwrap_err();
    assert_eq!(problem().await.unwrap().0, "bad");

    fs::remove_file(&directory).unwrap();
    fs::rename(&aside, &directory).unwrap();
    portal.disk.set(Space {
        free: 1 << 20,
        ..ROOM
    });
    let failed = portal.back_up(2).await.unwrap().made.unwrap_err();
    assert!(
        failed
            .says
            .starts_with("There is too little room: 1.0 MB are free"),
        "{failed:?}"
    );
    portal.disk.set(ROOM);
    portal.back_up(2).await.unwrap().made.unwrap();
    for _ in 0..2 {
        portal.clock.advance(TimeDelta::minutes(1));
        let _ = problem().await;
    }
    assert_eq!(problem().await, None, "and its end");
    portal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_or_altered_file_is_refused_and_leaves_nothing() {
    let portal = on_disk(&[]).await;
    portal.make_admin().await;
    let made = portal.back_up(1).await.unwrap().made.unwrap();
    let good = fs::read(portal.backup_dir().join(&made.file)).unwrap();
    let place = tempfile::tempdir().unwrap();
    let (bad, data) = (place.path().join("bad.surql.gz"), place.path().join("data"));
    let mut tried = 0;
    for n in 0..12 {
        let at = good.len() * n / 12;
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (n % 8);
        for bytes in [&flipped[..], &good[..at]] {
            fs::write(&bad, bytes).unwrap();
            let (code, says) = restore(&bad, &data, None);
            assert_eq!(code, Some(65), "{at}: {says}");
            let reason = ["altered", "cut", "no backup"];
            assert!(reason.iter().any(|why| says.contains(why)), "{at}: {says}");
            assert!(files(&data).is_empty(), "{at}: {:?}", files(&data));
            tried += 1;
        }
    }
    assert_eq!(tried, 24);
    let (code, says) = restore(Path::new("/nonexistent"), &data, None);
    assert_eq!(code, Some(74), "{says}");
    fs::write(&bad, &good).unwrap();
    let (code, says) = restore(&bad, &data, Some(&"7f".repeat(32)));
    assert_eq!(code, Some(0), "the same file, whole: {says}");
    assert!(!says.contains("will not start"), "{says}");
    portal.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_leaves_nothing_that_looks_like_a_backup() {
    let data = tempfile::tempdir().unwrap();
    let directory = data.path().join("backups");
    HangarProcess::set_up(data.path(), &[]).stop();
    let (mut killed, mut whole) = (0, 0);
    // Each time later, so that all of its steps are met.
    for later in [0, 20, 50, 100, 200, 400, 700, 1000, 1400, 2000] {
        let hangar = HangarProcess::start(data.path(), &[]);
        assert!(
            !directory.join(".unfinished").exists(),
            "removed at the start"
        );
        assert!(
            !directory.join(".verifying").exists(),
            "removed at the start"
        );
        assert!(
            !data.path().join("db/frozen").exists(),
            "removed at the start"
        );
        let before = files(&directory).len();
        hangar.admin().await.post("make_backup", &[]).await;
        tokio::time::sleep(Duration::from_millis(later)).await;
        hangar.kill();
        match files(&directory).len() {
            after if after == before => killed += 1,
            _ => whole += 1,
        }
    }
    assert!(killed >= 1, "{killed} killed in the middle, {whole} whole");
    for name in files(&directory) {
        let machine = tempfile::tempdir().unwrap();
        let (code, says) = restore(&directory.join(&name), machine.path(), None);
        assert_eq!(code, Some(0), "{name}: {says}");
    }
    println!("{killed} killed in the middle, {whole} whole");
}

#[tokio::test]
async fn what_is_not_in_files_is_not_backed_up() {
    let portal = TestPortal::start_with(&["--metrics-token", TOKEN]).await;
    let mut admin = portal.admin().await;
    assert!(portal.back_up(100).await.is_none());
    let mut admin2 = portal.sign_in(ADMIN).await;
    let page = admin2.get("/settings/backups").await.words();
    assert!(page.contains("not in Hangar’s own files"), "{page}");
    assert!(!scrape(&portal).await.contains("portal_backup_age_seconds"));
    assert_eq!(admin.get("/").await.status, 303, "hours went by");
    let off = on_disk(&["--backup-hours", "0"]).await;
    let mut admin = off.admin().await;
    assert!(off.back_up(1).await.is_none());
    let page = admin.get("/settings/backups").await.words();
    assert!(page.contains("Backups are switched off"), "{page}");
    off.portal.health.watch().await.unwrap();
    off.stop().await;
}
