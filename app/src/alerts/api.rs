use domain::ids::{ChannelId, RuleId};
use leptos::prelude::*;

use crate::{ChannelForm, Done, Failure, RuleForm, paths};

/// Makes a channel, or changes one.
#[server(prefix = "/api/ui", endpoint = "save_channel")]
#[allow(clippy::too_many_arguments, reason = "the fields of a form")]
pub async fn save_channel(
    #[server(default)] id: Option<ChannelId>,
    #[server(default)] version: u32,
    #[server(default)] kind: String,
    #[server(default)] name: String,
    #[server(default)] is_on: bool,
    #[server(default)] url: String,
    #[server(default)] key: String,
    #[server(default)] host: String,
    #[server(default)] port: String,
    #[server(default)] security: String,
    #[server(default)] user: String,
    #[server(default)] password: String,
    #[server(default)] from: String,
    #[server(default)] recipients: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = ChannelForm {
        id,
        version,
        kind,
        name,
        is_on,
        url,
        key,
        host,
        port,
        security,
        user,
        password,
        from,
        recipients,
    };
    let id = crate::backend().alerts.save_channel(&admin, form).await?;
    Done::go(paths::channel(id))
}

/// Deletes a channel, with what was on its way to it.
#[server(prefix = "/api/ui", endpoint = "delete_channel")]
pub async fn delete_channel(id: ChannelId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().alerts.delete_channel(&admin, id).await?;
    Done::go(paths::ALERTS)
}

/// Sends a sample to a channel.
#[server(prefix = "/api/ui", endpoint = "test_channel")]
pub async fn test_channel(id: ChannelId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().alerts.test_channel(&admin, id).await?;
    Done::go(paths::channel(id))
}

/// Makes a rule, or changes one.
#[server(prefix = "/api/ui", endpoint = "save_rule")]
#[allow(clippy::too_many_arguments, reason = "the fields of a form")]
pub async fn save_rule(
    #[server(default)] id: Option<RuleId>,
    #[server(default)] version: u32,
    #[server(default)] name: String,
    #[server(default)] is_on: bool,
    #[server(default)] classes: Vec<String>,
    #[server(default)] pressing: String,
    #[server(default)] scope: String,
    #[server(default)] tag: String,
    #[server(default)] integrations: Vec<String>,
    #[server(default)] channels: Vec<String>,
    #[server(default)] to_owner: bool,
    #[server(default)] after_minutes: String,
    #[server(default)] remind_hours: String,
    #[server(default)] tells_end: bool,
    #[server(default)] quiet_from: String,
    #[server(default)] quiet_to: String,
    #[server(default)] quiet_zone: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = RuleForm {
        id,
        version,
        name,
        is_on,
        classes,
        pressing,
        scope,
        tag,
        integrations,
        channels,
        to_owner,
        after_minutes,
        remind_hours,
        tells_end,
        quiet_from,
        quiet_to,
        quiet_zone,
    };
    let id = crate::backend().alerts.save_rule(&admin, form).await?;
    Done::go(paths::rule(id))
}

/// Deletes a rule.
#[server(prefix = "/api/ui", endpoint = "delete_rule")]
pub async fn delete_rule(id: RuleId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().alerts.delete_rule(&admin, id).await?;
    Done::go(paths::ALERTS)
}

/// Sends a sample of a rule to each of its channels.
#[server(prefix = "/api/ui", endpoint = "test_rule")]
pub async fn test_rule(id: RuleId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().alerts.test_rule(&admin, id).await?;
    Done::go(paths::rule(id))
}
