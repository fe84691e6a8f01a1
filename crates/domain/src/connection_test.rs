use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{IntegrationId, TestId};

/// The steps of a connection test, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// The address is well-formed and may be spoken to.
    Address,
    Dns,
    Connect,
    /// Certificate, issuer and days left; "not used" on plain http.
    Tls,
    /// Is it Plane, and which version.
    Plane,
    ApiKey,
    Workspace,
    Projects,
    RateLimit,
}

impl StageName {
    pub const ALL: [StageName; 9] = [
        StageName::Address,
        StageName::Dns,
        StageName::Connect,
        StageName::Tls,
        StageName::Plane,
        StageName::ApiKey,
        StageName::Workspace,
        StageName::Projects,
        StageName::RateLimit,
    ];

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            StageName::Address => "Address",
            StageName::Dns => "DNS",
            StageName::Connect => "Connect",
            StageName::Tls => "TLS",
            StageName::Plane => "Plane",
            StageName::ApiKey => "API key",
            StageName::Workspace => "Workspace",
            StageName::Projects => "Projects",
            StageName::RateLimit => "Rate limit",
        }
    }
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    Passed,
    /// Works, but somebody should look: a certificate about to expire, an old Plane.
    Warned,
    Failed,
    /// Not reached, because an earlier stage failed.
    NotTried,
}

/// One finished stage: one sentence, and for a failure one thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    pub name: StageName,
    pub state: StageState,
    pub says: String,
    pub advice: Option<String>,
    pub took_ms: u32,
}

/// A whole connection test. Its JSON carries the seed's `{success, status, projectsCount, error}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTest {
    pub id: TestId,
    /// `None` for a test made before the integration was saved.
    pub integration: Option<IntegrationId>,
    pub success: bool,
    /// A stable code: `ok`, or a `plane::Error` code such as `bad_key`, or `refused_by_policy`.
    pub status: String,
    pub projects_count: Option<u32>,
    pub error: Option<String>,
    pub stages: Vec<Stage>,
    /// API calls that counted against the rate limit.
    pub api_calls: u32,
    pub plane_version: Option<String>,
    pub certificate_days_left: Option<i32>,
    /// Whether nobody asked for it: it is one of the schedule's.
    #[serde(default)]
    pub is_scheduled: bool,
    pub started_at: DateTime<Utc>,
    pub took_ms: u32,
}

impl ConnectionTest {
    /// A test makes this many API calls at most.
    pub const MAX_CALLS: u32 = 3;

    /// Who wanted it, as people read it.
    pub fn asked_for_by(&self) -> &'static str {
        match self.is_scheduled {
            true => "the schedule",
            false => "somebody",
        }
    }

    pub fn summary(&self) -> TestSummary {
        TestSummary {
            id: self.id,
            success: self.success,
            status: self.status.clone(),
            started_at: self.started_at,
            certificate_days_left: self.certificate_days_left,
        }
    }
}

/// A test in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestSummary {
    pub id: TestId,
    pub success: bool,
    pub status: String,
    pub started_at: DateTime<Utc>,
    #[serde(default)]
    pub certificate_days_left: Option<i32>,
}

/// What a running test tells whoever watches it, in order: each stage as it starts and ends, then the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum TestProgress {
    Started { name: StageName },
    Ended { stage: Stage },
    Finished { test: ConnectionTest },
}
