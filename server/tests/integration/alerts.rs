//! People are told of a problem once, by every channel that they chose, and of its end; what does not get through is tried again.

use std::{collections::HashSet, ops::Range, path::Path, time::Duration};

use chrono::TimeDelta;
use domain::alerts::MailSecurity;
use fake_plane::{Fault, What};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::support::{
    MailServer, Watched,
    portal::ADMIN,
    receiver::{Got, Receiver, Refusal},
};

impl Watched {
    /// So much later, what is due is done, and people are told. What did not get through is not tried sooner.
    pub async fn told(&self, minutes: i64) {
        self.later(minutes).await;
        self.tell(0).await;
    }

    async fn tell(&self, seconds: i64) {
        self.portal.clock.advance(TimeDelta::seconds(seconds));
        self.portal.portal.alerts.look_and_send().await.unwrap();
    }

    /// Makes a channel; its page.
    async fn channel(&mut self, fields: &[(&str, &str)]) -> String {
        let fields: Vec<_> = [("is_on", "true")]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        let made = self
            .admin
            .post_on("/alerts/channels/new", "save_channel", &fields)
            .await;
        let page = made.location();
        assert!(
            !page.contains("draft="),
            "{:?}",
            self.admin.get(&page).await.all(".field-error")
        );
        page
    }

    pub async fn hook(&mut self, kind: &str, url: &str) -> String {
        self.channel(&[("kind", kind), ("name", kind), ("url", url)])
            .await
    }

    /// The rule "What is broken" tells all channels.
    async fn tell_all(&mut self) {
        let page = self.admin.get("/alerts").await;
        let rule = page.attribute("[aria-label=Rules] tbody a", "href");
        let rule = rule.unwrap().rsplit('/').next().unwrap().to_owned();
        let form = self.admin.get(&format!("/alerts/rules/{rule}")).await;
        assert_eq!(form.text_of("h1"), "What is broken");
        let version = form
            .attribute("form[aria-label=Rule] input[name=version]", "value")
            .unwrap();
        let channels = form.attributes("input[name='channels[]']", "value");
        let mut fields = vec![
            ("id", rule.as_str()),
            ("version", version.as_str()),
            ("name", "What is broken"),
            ("is_on", "true"),
            ("pressing", "broken"),
            ("scope", "all"),
            ("remind_hours", "24"),
            ("tells_end", "true"),
            ("to_owner", "true"),
        ];
        fields.extend(channels.iter().map(|id| ("channels[]", id.as_str())));
        let saved = self
            .admin
            .post_on(&format!("/alerts/rules/{rule}"), "save_rule", &fields)
            .await;
        assert!(!saved.location().contains("draft="), "{}", saved.location());
    }

    /// Further rules that tell all channels of what is broken.
    async fn tell_more_often(&mut self, rules: Range<usize>) {
        let form = self.admin.get("/alerts/rules/new").await;
        let channels = form.attributes("input[name='channels[]']", "value");
        for n in rules {
            let name = format!("Rule {n}");
            let fields = [
                ("name", name.as_str()),
                ("is_on", "true"),
                ("pressing", "broken"),
                ("scope", "all"),
                ("remind_hours", "24"),
            ];
            let channels = channels.iter().map(|id| ("channels[]", id.as_str()));
            let fields: Vec<_> = fields.into_iter().chain(channels).collect();
            let saved = self
                .admin
                .post_on("/alerts/rules/new", "save_rule", &fields)
                .await;
            assert!(!saved.location().contains("draft="), "{}", saved.location());
        }
    }

    /// How many entries all pages of a timeline show.
    async fn entries(&mut self, first: &str) -> usize {
        let (mut all, mut next) = (0, first.to_owned());
        loop {
            let page = self.admin.get(&next).await;
            all += page.all("[aria-label=Timeline] tbody tr").len();
            match page.attribute("a[rel=next]", "href") {
                Some(behind) => next = behind,
                None => return all,
            }
        }
    }

    /// Days go by, and sessions end.
    async fn sign_in_again(&mut self) {
        self.admin = self.portal.sign_in(ADMIN).await;
    }

    fn refuse_key(&self) {
        let refused = r#"{"error": "Given API token is not valid", "error_code": ""}"#;
        let fault = Fault::new(What::Status(403, refused.to_owned(), vec![]));
        self.portal.plane.fail(fault);
    }
}

fn texts(got: &[Got]) -> Vec<String> {
    got.iter()
        .map(|one| one.json()["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// What checks a message as <https://www.standardwebhooks.com> says.
fn is_signed(got: &Got, key: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let header = |name: &str| got.headers[name].to_str().unwrap();
    let key = STANDARD
        .decode(key.strip_prefix("whsec_").unwrap())
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(
        format!(
            "{}.{}.{}",
            header("webhook-id"),
            header("webhook-timestamp"),
            got.text
        )
        .as_bytes(),
    );
    header("webhook-signature") == format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn every_channel_is_told_once_of_a_problem_and_once_of_its_end() {
    let mail = MailServer::start(MailSecurity::StartTls).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), &mail.ca_pem).unwrap();
    let mut world = Watched::with(&["--extra-ca", ca.path().to_str().unwrap()]).await;
    let receiver = Receiver::start().await;
    world.later(16).await;
    for kind in ["slack", "discord", "text"] {
        world
            .hook(kind, &receiver.url(&format!("{kind}/T0/s3cret")))
            .await;
    }
    let webhook = world
        .hook("webhook", &receiver.url("webhook?token=s3cret"))
        .await;
    let key = world
        .admin
        .get(&webhook)
        .await
        .text_of("textarea.copyable")
        .trim()
        .to_owned();
    assert!(key.starts_with("whsec_"), "shown once, to be entered there");
    let port = mail.port.to_string();
    world
        .channel(&[
            ("kind", "email"),
            ("name", "The team"),
            ("recipients", "team@example.com"),
            ("from", "hangar@example.com"),
            ("host", "localhost"),
            ("port", &port),
            ("security", "start_tls"),
            ("user", "ops"),
            ("password", "pass word"),
        ])
        .await;
    world.tell_all().await;
    world.told(0).await;
    assert!(
        receiver.got().is_empty() && mail.mails().is_empty(),
        "nothing is wrong"
    );

    world.refuse_key();
    world.told(16).await;
    for _ in 0..3 {
        world.told(16).await;
    }
    let got = receiver.got();
    assert_eq!(got.len(), 4, "stale comes of it: {:?}", texts(&got));
    let of = |got: &[Got], path: &str| {
        got.iter()
            .find(|one| one.path.starts_with(path))
            .unwrap()
            .clone()
    };
    let slack = of(&got, "/slack").json();
    assert_eq!(slack["text"], "Problem: Plane refuses the API key (Acme)");
    assert!(
        slack["attachments"][0]["text"]
            .as_str()
            .unwrap()
            .contains("Make a new key in Plane")
    );
    assert!(
        slack["attachments"][0]["text"]
            .as_str()
            .unwrap()
            .contains("/problems/")
    );
    assert_eq!(
        of(&got, "/discord").json()["allowed_mentions"],
        json!({ "parse": [] })
    );
    assert!(
        of(&got, "/text").json()["text"]
            .as_str()
            .unwrap()
            .starts_with("**Problem: ")
    );
    let opened = of(&got, "/webhook");
    assert!(is_signed(&opened, &key));
    assert_eq!(opened.json()["type"], "incident.opened");
    assert_eq!(opened.json()["data"]["integrations"][0]["name"], "Acme");

    let mails = mail.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].is_secret && mails[0].signed_in.is_some());
    assert_eq!(mails[0].to, ["TO:<team@example.com>"]);
    assert_eq!(mails[0].header("Auto-Submitted"), Some("auto-generated"));
    assert!(
        mails[0]
            .header("Subject")
            .unwrap()
            .starts_with("Problem: Plane refuses the API key")
    );

    // Somebody takes it: she is told of the end as well.
    let me = world.portal.viewer().await;
    let problem = opened.json()["data"]["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let owner = me.user().id.to_string();
    world
        .admin
        .post("assign_problem", &[("id", &problem), ("owner", &owner)])
        .await;

    // A day later they are told once more; and then of the end, once.
    world.portal.clock.advance(TimeDelta::hours(24));
    world.told(1).await;
    assert_eq!(receiver.got().len(), 8);
    assert_eq!(
        mail.mails()[1].to.len(),
        2,
        "the owner too: {:?}",
        mail.mails()[1].to
    );
    world.portal.plane.heal();
    for minutes in [16, 1, 1, 16, 16] {
        world.told(minutes).await;
    }
    let got = receiver.got();
    assert_eq!(got.len(), 12, "{:?}", texts(&got));
    let types: Vec<_> = got
        .iter()
        .filter(|one| one.path == "/webhook")
        .map(|one| one.json())
        .collect();
    let types: Vec<&str> = types
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["incident.opened", "incident.reminder", "incident.closed"]
    );
    let ids: HashSet<_> = got
        .iter()
        .filter_map(|one| one.headers.get("webhook-id"))
        .collect();
    assert_eq!(ids.len(), 3);
    let mails = mail.mails();
    let first = mails[0].header("Message-ID");
    assert!(
        mails[2]
            .header("Subject")
            .unwrap()
            .starts_with("Resolved: ")
    );
    assert_eq!(mails[2].header("In-Reply-To"), first, "one thread");

    // All of it is one story.
    let timeline = format!("{}/timeline", world.page);
    world.sign_in_again().await;
    let page = world.admin.get(&timeline).await;
    let rows = page.all("[aria-label=Timeline] tbody tr");
    for what in [
        "Sync run",
        "Resolved",
        "Told by “What is broken”",
        "Opened",
        "API key Bad",
        "Connection test",
    ] {
        assert!(
            rows.iter().any(|row| row.contains(what)),
            "{what}: {rows:?}"
        );
    }
    let told = world
        .admin
        .get(&format!("{timeline}.json?show=problem"))
        .await;
    let told: Vec<Value> = serde_json::from_str(&told.text).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut turns: Vec<(String, String)> = told
        .iter()
        .filter(|one| one["what"]["class"] == "auth.key_invalid")
        .map(|one| (text(&one["what"]["at"]), text(&one["what"]["turn"])))
        .collect();
    assert!(
        turns.is_sorted_by(|a, b| a.0 >= b.0),
        "the latest first: {turns:?}"
    );
    // What happens at one moment of a clock that stands still has no order.
    turns.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let turns: Vec<&str> = turns.iter().map(|(_, turn)| turn.as_str()).collect();
    assert_eq!(turns, ["resolved", "told", "owner", "opened", "told"]);
    let csv = world.admin.get(&format!("{timeline}.csv")).await;
    assert!(csv.text.starts_with("at,kind,what,state,says,by\n"));
    let mut kinds: Vec<&str> = csv
        .text
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').nth(1))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["change", "health", "problem", "run", "test"]);
    let all = world.entries(&timeline).await;
    assert_eq!(all, csv.text.lines().count() - 1, "each entry once");

    // Of the tests those that say something new are among the rest, and all by themselves.
    let tests = format!("{timeline}.json?show=test");
    let tests: Vec<Value> = serde_json::from_str(&world.admin.get(&tests).await.text).unwrap();
    let all = world.entries(&format!("{timeline}?show=test")).await;
    assert_eq!(all, tests.len(), "each test once");
    let statuses: Vec<&Value> = tests.iter().map(|one| &one["what"]["status"]).collect();
    let mut turns = statuses.clone();
    turns.dedup();
    let lines = csv.text.lines().map(|line| line.split(',').collect());
    let lines = lines.filter(|cells: &Vec<&str>| cells[1] == "test");
    let told: Vec<&str> = lines.map(|cells| cells[3]).collect();
    assert_eq!(told, turns, "the schedule's, where they turned");
    assert!(told.len() < statuses.len(), "{statuses:?}");

    // Nothing secret is on any page.
    world.sign_in_again().await;
    let log = world.admin.get("/alerts/log").await;
    assert_eq!(log.all("[aria-label=Messages] tbody tr").len(), 15);
    world.portal.clock.advance(TimeDelta::minutes(11));
    for path in ["/alerts", "/alerts/log", webhook.as_str()] {
        let page = world.admin.get(path).await;
        for secret in ["s3cret", "whsec_", "pass word"] {
            assert!(
                !page.text.contains(&format!("{secret}<"))
                    && !page.text.contains(&format!("{secret}\"")),
                "{secret} on {path}"
            );
        }
    }
    let page = world.admin.get("/alerts").await;
    assert!(
        page.text.contains("would have told once"),
        "the preview knows of it"
    );
}

#[tokio::test]
async fn what_does_not_get_through_is_tried_again_and_a_failing_channel_is_a_problem() {
    let mut world = Watched::new().await;
    let receiver = Receiver::start().await;
    world.later(16).await;
    let page = world.hook("slack", &receiver.url("s3cret")).await;
    receiver.refuse([
        Refusal(429, Some(600)),
        Refusal(500, None),
        Refusal(404, None),
    ]);
    world.refuse_key();
    world.told(16).await;
    assert!(receiver.got().is_empty());
    let log = world.admin.get("/alerts/log").await;
    assert!(
        log.text
            .contains("It takes no more messages for now (429).")
    );
    world.tell(599).await;
    assert!(
        world.admin.get(&page).await.text.contains("(429)"),
        "it is left alone for as long as it asked"
    );
    world.tell(1).await;
    assert!(
        world
            .admin
            .get(&page)
            .await
            .text
            .contains("It answered 500.")
    );
    for _ in 0..2 {
        world.tell(31).await;
    }
    assert!(
        world
            .admin
            .get(&page)
            .await
            .text
            .contains("there is no such webhook")
    );
    world.portal.portal.health.watch().await.unwrap();
    let problems = world
        .admin
        .get("/problems?class=alert.channel_failing")
        .await;
    let row = problems.all("[aria-label=Problems] tbody tr");
    assert!(
        row[0].contains("Alerts don’t get through") && row[0].contains("Hangar itself"),
        "{row:?}"
    );
    assert!(world.admin.get("/alerts").await.text.contains("Failing"));

    for _ in 0..4 {
        world.tell(60).await;
    }
    assert_eq!(
        receiver.got().len(),
        2,
        "it and the channel's own trouble, each once: {:?}",
        texts(&receiver.got())
    );
    for _ in 0..3 {
        world.portal.clock.advance(TimeDelta::seconds(30));
        world.portal.portal.health.watch().await.unwrap();
    }
    let problems = world
        .admin
        .get("/problems?class=alert.channel_failing")
        .await;
    assert!(problems.has(".empty"), "resolved by itself");
}

#[tokio::test]
async fn a_channel_that_never_answers_holds_up_nobody_else() {
    let mut world = Watched::new().await;
    let silent = Receiver::slow(Duration::from_secs(3600)).await;
    let prompt = Receiver::start().await;
    world.later(16).await;
    world.later(16).await;
    world.hook("slack", &silent.url("x")).await;
    world.hook("text", &prompt.url("y")).await;
    world.tell_more_often(0..6).await;
    world.refuse_key();
    world.later(16).await;
    let alerts = world.portal.portal.alerts.clone();
    let telling = tokio::spawn(async move { alerts.look_and_send().await });
    prompt.has(6).await;
    // What begins while only the silent one is waited for is told at once, too.
    world.tell_more_often(6..7).await;
    world.portal.portal.alerts.look().await.unwrap();
    prompt.has(7).await;
    assert!(!telling.is_finished(), "the other one is still waited for");
    assert!(silent.asked() <= 2, "and only with so many");
    telling.abort();
}

#[tokio::test]
async fn a_stop_lets_a_message_under_way_come_to_its_end() {
    let mut world = Watched::new().await;
    let receiver = Receiver::slow(Duration::from_millis(200)).await;
    world.later(16).await;
    world.hook("slack", &receiver.url("x")).await;
    world.refuse_key();
    world.later(16).await;
    let (alerts, stop) = (world.portal.portal.alerts.clone(), CancellationToken::new());
    let until = stop.clone();
    let telling = tokio::spawn(async move { alerts.keep_telling(until).await });
    receiver.was_asked(1).await;
    stop.cancel();
    world.portal.portal.alerts.stop().await;
    assert_eq!(receiver.got().len(), 1);
    let log = world.admin.get("/alerts/log").await;
    let rows = log.all("[aria-label=Messages] tbody tr");
    assert!(
        rows[0].contains("Sent"),
        "written down, so not sent again: {rows:?}"
    );
    telling.await.unwrap();
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_after_a_day() {
    let mut world = Watched::new().await;
    let receiver = Receiver::start().await;
    world.later(16).await;
    world.hook("text", &receiver.url("x")).await;
    receiver.refuse(std::iter::repeat_n(Refusal(503, None), 500));
    world.refuse_key();
    world.told(16).await;
    for _ in 0..25 {
        world.tell(3601).await;
    }
    world.sign_in_again().await;
    let failed = world.admin.get("/alerts/log?state=failed").await;
    let rows = failed.all("[aria-label=Messages] tbody tr");
    assert!(
        rows.iter()
            .any(|row| row.contains("Problem: Plane refuses the API key")
                && row.contains("It answered 503.")),
        "{rows:?}"
    );
}

#[tokio::test]
async fn a_plane_that_is_gone_is_one_message_however_many_integrations_it_has() {
    let mut world = Watched::new().await;
    for name in ["Beta", "Gamma"] {
        world.portal.connect(&mut world.admin, name).await;
    }
    let receiver = Receiver::start().await;
    world.later(16).await;
    world.later(16).await;
    world.hook("slack", &receiver.url("x")).await;
    world.portal.plane.fail(Fault::new(What::Drop));
    for _ in 0..5 {
        world.told(16).await;
    }
    let got = receiver.got();
    assert_eq!(got.len(), 1, "{:?}", texts(&got));
    assert!(
        texts(&got)[0].starts_with("Problem: Plane "),
        "{:?}",
        texts(&got)
    );
    let rows = world.admin.get("/problems").await;
    let rows = rows.all("[aria-label=Problems] tbody tr");
    let roots = rows.iter().filter(|row| !row.contains("Comes of"));
    assert_eq!(roots.count(), 3, "one for each integration: {rows:?}");
    let names = world
        .admin
        .get("/alerts")
        .await
        .all("[aria-label='Told right now'] li");
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test]
async fn a_sample_says_how_it_went_and_forms_keep_what_was_typed() {
    let mut world = Watched::new().await;
    let receiver = Receiver::start().await;
    let new = "/alerts/channels/new";
    for (field, fields) in [
        (
            "name",
            vec![
                ("kind", "slack"),
                ("name", ""),
                ("url", "https://hooks.example.com/x"),
            ],
        ),
        (
            "url",
            vec![
                ("kind", "slack"),
                ("name", "Ops"),
                ("url", "hooks.example.com"),
            ],
        ),
        (
            "url",
            vec![
                ("kind", "slack"),
                ("name", "Ops"),
                ("url", "http://169.254.169.254/latest"),
            ],
        ),
        (
            "key",
            vec![
                ("kind", "webhook"),
                ("name", "Ops"),
                ("url", "https://hooks.example.com/x"),
                ("key", "whsec_x"),
            ],
        ),
        (
            "recipients",
            vec![
                ("kind", "email"),
                ("name", "Ops"),
                ("host", "smtp.example.com"),
                ("from", "a@example.com"),
            ],
        ),
        (
            "security",
            vec![
                ("kind", "email"),
                ("name", "Ops"),
                ("host", "smtp.example.com"),
                ("from", "a@example.com"),
                ("recipients", "b@example.com"),
                ("security", "plain"),
            ],
        ),
        (
            "password",
            vec![
                ("kind", "email"),
                ("name", "Ops"),
                ("host", "smtp.example.com"),
                ("from", "a@example.com"),
                ("recipients", "b@example.com"),
                ("user", "ops"),
            ],
        ),
    ] {
        let refused = world.admin.post_on(new, "save_channel", &fields).await;
        assert!(
            refused.location().contains("draft="),
            "{field}: {}",
            refused.location()
        );
        let form = world.admin.get(&refused.location()).await;
        assert!(
            form.has(&format!("[name={field}][aria-invalid=true]")),
            "{field}: {:?}",
            form.all(".field-error")
        );
    }

    let page = world.hook("slack", &receiver.url("s3cret")).await;
    let id = page.rsplit('/').next().unwrap().to_owned();
    let tested = world.admin.post("test_channel", &[("id", &id)]).await;
    assert_eq!(tested.location(), page);
    assert!(texts(&receiver.got())[0].starts_with("Test: "));
    assert!(
        world
            .admin
            .get(&page)
            .await
            .text
            .contains("This is a sample")
            || world
                .admin
                .get(&page)
                .await
                .text
                .contains("this is a sample")
    );

    // Saved without its address, it leads where it led; another name is no reason to type it again.
    let fields = [
        ("id", id.as_str()),
        ("version", "1"),
        ("name", "Ops"),
        ("is_on", "true"),
    ];
    let saved = world.admin.post_on(&page, "save_channel", &fields).await;
    assert_eq!(saved.location(), page);
    receiver.refuse([Refusal(403, None)]);
    world.admin.post("test_channel", &[("id", &id)]).await;
    let text = world.admin.get(&page).await.text;
    assert!(
        text.contains("It answered 403"),
        "a sample that fails says so"
    );
    world.admin.post("test_channel", &[("id", &id)]).await;
    assert_eq!(receiver.got().len(), 2);

    let stale = world.admin.post_on(&page, "save_channel", &fields).await;
    assert!(
        stale.location().contains("draft="),
        "somebody else was faster"
    );
    let twice = [
        ("kind", "slack"),
        ("name", "OPS"),
        ("url", "https://hooks.example.com/x"),
    ];
    let twice = world.admin.post_on(new, "save_channel", &twice).await;
    let form = world.admin.get(&twice.location()).await;
    assert!(form.text.contains("Another channel has this name."));

    let rules = world.admin.get("/alerts").await;
    let rule = rules
        .attribute("[aria-label=Rules] tbody a", "href")
        .unwrap();
    let rule_id = rule.rsplit('/').next().unwrap().to_owned();
    for (field, value) in [
        ("remind_hours", "2"),
        ("after_minutes", "x"),
        ("quiet_from", "22:00"),
    ] {
        let fields = [
            ("id", rule_id.as_str()),
            ("version", "2"),
            ("name", "R"),
            (field, value),
        ];
        let refused = world.admin.post_on(&rule, "save_rule", &fields).await;
        let form = world.admin.get(&refused.location()).await;
        assert!(!form.all(".field-error").is_empty(), "{field}");
    }
    let tested = world.admin.post("test_rule", &[("id", &rule_id)]).await;
    assert_eq!(tested.location(), rule);
    assert_eq!(receiver.got().len(), 3);
    for (function, id) in [("delete_rule", &rule_id), ("delete_channel", &id)] {
        let gone = world.admin.post(function, &[("id", id)]).await;
        assert_eq!(gone.location(), "/alerts");
    }
    assert!(
        world
            .admin
            .get("/alerts")
            .await
            .text
            .contains("Nobody is told")
    );
    assert_eq!(world.admin.get(&page).await.status, 404);
}

async fn mailed(security: MailSecurity, asked: &str, trusts: bool) -> (String, usize) {
    let mail = MailServer::start(security).await;
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), &mail.ca_pem).unwrap();
    let path: &Path = ca.path();
    let args: &[&str] = match trusts {
        true => &["--extra-ca", path.to_str().unwrap()],
        false => &[],
    };
    let mut world = Watched::with(args).await;
    let port = mail.port.to_string();
    let page = world
        .channel(&[
            ("kind", "email"),
            ("name", "Mail"),
            ("recipients", "team@example.com"),
            ("from", "hangar@example.com"),
            ("host", "localhost"),
            ("port", &port),
            ("security", asked),
        ])
        .await;
    let id = page.rsplit('/').next().unwrap().to_owned();
    world.admin.post("test_channel", &[("id", &id)]).await;
    let rows = world
        .admin
        .get(&page)
        .await
        .all("[aria-label=Messages] tbody tr");
    let sent = mail.mails();
    assert!(
        sent.iter()
            .all(|one| one.is_secret == (security != MailSecurity::Plain))
    );
    (rows.join(" "), sent.len())
}

#[tokio::test]
async fn mail_is_never_sent_less_secretly_than_asked_for() {
    use MailSecurity::{Plain, StartTls, Tls};
    for (security, asked, trusts, sent, says) in [
        (StartTls, "start_tls", true, 1, "Sent"),
        (Tls, "tls", true, 1, "Sent"),
        (Plain, "plain", true, 1, "Sent"),
        (StartTls, "start_tls", false, 0, "not trusted here"),
        (Tls, "tls", false, 0, "not trusted here"),
        (Plain, "start_tls", true, 0, "STARTTLS"),
        (StartTls, "tls", true, 0, "does not speak TLS"),
    ] {
        let (rows, many) = mailed(security, asked, trusts).await;
        assert_eq!(many, sent, "{security:?} asked for {asked}: {rows}");
        assert!(
            rows.contains(says),
            "{security:?} asked for {asked}: {rows}"
        );
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_is_tried_again() {
    let mail = MailServer::start(MailSecurity::Plain).await;
    let mut world = Watched::new().await;
    world.later(16).await;
    let port = mail.port.to_string();
    world
        .channel(&[
            ("kind", "email"),
            ("name", "Mail"),
            ("recipients", "team@example.com"),
            ("from", "hangar@example.com"),
            ("host", "127.0.0.1"),
            ("port", &port),
            ("security", "plain"),
        ])
        .await;
    mail.refuse("451 later");
    world.refuse_key();
    world.told(16).await;
    assert!(
        world
            .admin
            .get("/alerts/log")
            .await
            .text
            .contains("The mail server refused the message (451).")
    );
    world.tell(11).await;
    assert_eq!(mail.mails().len(), 1);
}
