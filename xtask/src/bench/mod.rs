//! `cargo xtask bench`: the release build against the figures of the design, in one table.
//!
//! A new row is a new function in [`ROWS`].

/// Sizes of what a browser loads.
mod bundles;
/// Dashboards over three months.
mod history;
/// What is made of Plane's limit.
mod limit;
/// The pages of a portal with a large copy.
mod pages;
/// From the start of the process to ready, and what it then holds in memory.
mod start;
/// How fast a copy is made and kept.
mod sync;
/// Sealing and opening keys.
mod vault;
/// Webhooks: received, applied, seen.
mod webhooks;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::build::{self, Tools};
use crate::http::Connection;
use crate::paths;
use crate::running::{Output, Portal, Running};
use crate::setup::asked;
use crate::steps::{Step, say, step};

/// What is measured, in this order; the sync fills the portal that the pages are then asked of.
const ROWS: [(&str, Measure); 8] = [
    ("bundles", bundles::measure),
    ("vault", vault::measure),
    ("start", start::measure),
    ("sync", sync::measure),
    ("pages", pages::measure),
    ("history", history::measure),
    ("webhooks", webhooks::measure),
    ("limit", limit::measure),
];

type Measure = fn(&Bench, &Step) -> Result<Vec<Row>>;

/// One line of the table.
pub(crate) struct Row {
    name: String,
    figure: String,
    target: String,
    met: Option<bool>,
}

impl Row {
    /// A figure that should be at most so much.
    fn at_most(name: impl Into<String>, figure: f64, target: f64, unit: &str) -> Self {
        Self::against(
            name,
            figure,
            format!("≤ {}", number(target)),
            Some(figure <= target),
            unit,
        )
    }

    /// A figure that should be at least so much.
    fn at_least(name: impl Into<String>, figure: f64, target: f64, unit: &str) -> Self {
        Self::against(
            name,
            figure,
            format!("≥ {}", number(target)),
            Some(figure >= target),
            unit,
        )
    }

    /// A figure without a target, to see it move.
    fn seen(name: impl Into<String>, figure: f64, unit: &str) -> Self {
        Self::against(name, figure, String::new(), None, unit)
    }

    fn against(
        name: impl Into<String>,
        figure: f64,
        target: String,
        met: Option<bool>,
        unit: &str,
    ) -> Self {
        let target = if target.is_empty() {
            target
        } else {
            format!("{target} {unit}")
        };
        Row {
            name: name.into(),
            figure: format!("{} {unit}", number(figure)),
            target,
            met,
        }
    }
}

/// What the measurements share.
pub(crate) struct Bench {
    /// How many work items the large copy has.
    items: u32,
    hangar: PathBuf,
    fake_plane: PathBuf,
    /// A folder that is empty at the start.
    folder: PathBuf,
}

/// Builds the release binary, measures it and prints the table.
pub(crate) fn bench(items: u32, only: &[String], binaries: Option<PathBuf>) -> Result<()> {
    let binaries = match binaries {
        Some(folder) => folder,
        None => {
            build::site(Tools::Required)?;
            build::optimised("release")?
        }
    };
    let folder = paths::target().join("bench");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let bench = Bench {
        items,
        hangar: binaries.join("hangar"),
        fake_plane: binaries.join("fake-plane"),
        folder,
    };

    let mut rows = Vec::new();
    for (name, measure) in ROWS {
        if only.is_empty() || only.iter().any(|only| only == name) {
            rows.extend(step(name, |step| measure(&bench, step))?);
        }
    }
    let _ = fs::remove_dir_all(&bench.folder);
    print(&rows);
    Ok(())
}

impl Bench {
    /// Starts the release binary on a folder of that name, which may be there from before.
    fn portal(&self, data: &str) -> Result<Portal> {
        let mut command = Command::new(&self.hangar);
        command
            .args(["serve", "--addr", "127.0.0.1:0", "--log", "warn", "--data"])
            .arg(self.folder.join(data))
            .args(["--egress-allow", "127.0.0.1", "--allow-http", "127.0.0.1"]);
        Portal::start(&mut command, Output::Hidden)
    }

    /// Starts a Plane with so many work items and no limit: it, its address and a key.
    fn plane(&self, items: u32) -> Result<(Running, String, String)> {
        self.plane_of(items, 1)
    }

    /// The same, with the work items spread over so many projects.
    fn plane_of(&self, items: u32, projects: u32) -> Result<(Running, String, String)> {
        let mut command = Command::new(&self.fake_plane);
        command.args(["--addr", "127.0.0.1:0", "--items", &items.to_string()]);
        command.args(["--projects", &projects.to_string()]);
        let mut plane = Running::start(&mut command, Output::Hidden)?;
        let said = plane.wait_for(Duration::from_secs(120), |line| {
            serde_json::from_str::<serde_json::Value>(line).ok()
        })?;
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let url = text(&said["url"]).context("the fake Plane does not say its address")?;
        let key = text(&said["keys"]["member"]).context("the fake Plane does not say a key")?;
        Ok((plane, url, key))
    }
}

/// An admin's connection to a portal.
struct Admin(Connection);

impl Admin {
    const EMAIL: &str = "bench@example.com";
    const PASSWORD: &str = "seven copper lanterns walk upstream";

    /// Makes the first admin by the portal's set-up link.
    fn set_up(portal: &Portal) -> Result<Self> {
        let link = portal
            .set_up_link
            .as_deref()
            .context("the portal gives no set-up link")?;
        let token = link
            .split("token=")
            .nth(1)
            .context("the set-up link has no token")?;
        let fields = [
            ("token", token),
            ("name", "Bench"),
            ("email", Self::EMAIL),
            ("password", Self::PASSWORD),
        ];
        Self::by(portal, "/api/ui/set_up", &fields)
    }

    /// Signs in to a portal that was set up before.
    fn sign_in(portal: &Portal) -> Result<Self> {
        let fields = [("email", Self::EMAIL), ("password", Self::PASSWORD)];
        Self::by(portal, "/api/ui/sign_in", &fields)
    }

    fn by(portal: &Portal, path: &str, fields: &[(&str, &str)]) -> Result<Self> {
        let mut connection = Connection::open(&portal.address)?;
        let answer = connection.post_form(path, fields)?;
        let cookie = answer
            .header("set-cookie")
            .find_map(|cookie| cookie.split(';').next());
        let Some(cookie) = cookie.map(str::to_owned) else {
            bail!(
                "{path} answered {} without a session: {}",
                answer.status,
                answer.text()
            );
        };
        connection.headers.push(("cookie".to_owned(), cookie));
        Ok(Admin(connection))
    }

    /// Sends a form and answers where it leads.
    fn send(&mut self, form: &str, fields: &[(&str, &str)]) -> Result<String> {
        let answer = self.0.post_form(&format!("/api/ui/{form}"), fields)?;
        match answer.header("location").next() {
            Some(location) if !location.contains("draft=") => Ok(location.to_owned()),
            _ => bail!(
                "{form} was refused with {}: {}",
                answer.status,
                answer.text()
            ),
        }
    }

    /// Connects a workspace and answers the integration's id.
    fn connect(&mut self, name: &str, url: &str, workspace: &str, key: &str) -> Result<String> {
        self.connect_one(name, url, workspace, "", key)
    }

    /// The same, with one project of it alone.
    fn connect_one(
        &mut self,
        name: &str,
        url: &str,
        workspace: &str,
        project: &str,
        key: &str,
    ) -> Result<String> {
        let fields = [
            ("integration_name", name),
            ("base_url", url),
            ("workspace", workspace),
            ("project_id", project),
            ("auth_scheme", "api_key"),
            ("interval_minutes", "15"),
            ("api_key", key),
        ];
        let page = self.send("create_integration", &fields)?;
        let id = page
            .trim_start_matches("/integrations/")
            .split(['?', '#', '/'])
            .next();
        Ok(id.unwrap_or_default().to_owned())
    }
}

fn print(rows: &[Row]) {
    let width = |column: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| column(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (names, figures, targets) = (
        width(|row| &row.name),
        width(|row| &row.figure),
        width(|row| &row.target),
    );
    say("");
    for row in rows {
        let met = match row.met {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "",
        };
        let Row {
            name,
            figure,
            target,
            ..
        } = row;
        say(format!("{name:<names$}  {figure:>figures$}  {target:>targets$}  {met}").trim_end());
    }
    say(&format!("\n{}", machine()));
}

/// What it was measured on.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map_or(String::new(), |(_, it)| it.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kilobytes = after(&read("/proc/meminfo"), "MemTotal");
    let kilobytes: f64 = kilobytes.trim_end_matches(" kB").parse().unwrap_or(0.0);
    let git = |args: &[&str]| asked(Command::new("git").args(args).current_dir(paths::root()));
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    let changed = git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    format!(
        "{} · {cores} cores · {:.0} GiB · Linux {} · {} · commit {commit}{}",
        after(&read("/proc/cpuinfo"), "model name"),
        kilobytes / f64::from(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
        asked(Command::new("rustc").arg("--version")).unwrap_or_default(),
        if changed {
            " and uncommitted changes"
        } else {
            ""
        },
    )
}

/// A number with as many digits as mean something.
fn number(number: f64) -> String {
    match number.abs() {
        0.0..1.0 => format!("{number:.3}"),
        1.0..100.0 => format!("{number:.1}"),
        _ => {
            let digits = format!("{number:.0}");
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_mean_something() {
        for (given, shown) in [
            (0.1234, "0.123"),
            (7.25, "7.2"),
            (999.6, "1,000"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(given), shown);
        }
    }

    #[test]
    fn a_row_knows_whether_its_target_is_met() {
        assert_eq!(Row::at_most("latency", 4.0, 5.0, "ms").met, Some(true));
        assert_eq!(Row::at_least("pages", 900.0, 1000.0, "/s").met, Some(false));
        assert_eq!(
            Row::at_least("pages", 900.0, 1000.0, "/s").target,
            "≥ 1,000 /s"
        );
    }
}
