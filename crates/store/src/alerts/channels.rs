use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    alerts::{Channel, ChannelHealth},
    ids::ChannelId,
};
use surrealdb::types::{RecordId, SurrealValue};

use crate::{
    Store,
    error::Error,
    shape::{count, from_text, record, to_text},
};

/// A channel with its sealed secret.
#[derive(Clone, Debug)]
pub struct SealedChannel {
    pub channel: Channel,
    pub sealed: String,
    /// The channel's version when it was sealed.
    pub sealed_version: u32,
}

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    channel: String,
    sealed: String,
    sealed_version: i64,
    version: i64,
    name_key: String,
    health: Option<String>,
}

impl Row {
    fn sealed(self) -> Result<SealedChannel, Error> {
        let mut channel: Channel = from_text(&self.channel)?;
        channel.health = match &self.health {
            Some(health) => from_text(health)?,
            None => ChannelHealth::default(),
        };
        Ok(SealedChannel {
            channel,
            sealed: self.sealed,
            sealed_version: count(self.sealed_version),
        })
    }
}

impl Store {
    /// All channels, by name. For Hangar's own work, and for pages.
    pub async fn channels(&self) -> Result<Vec<Channel>, Error> {
        let rows: Vec<Row> = self
            .ask("select * from alert_channels order by name_key")
            .read()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| Ok(row.sealed()?.channel))
            .collect()
    }

    /// One channel with its secret, sealed.
    pub async fn sealed_channel(&self, id: ChannelId) -> Result<Option<SealedChannel>, Error> {
        let row: Option<Row> = self
            .ask("select * from only $id")
            .bind("id", record("alert_channels", id.0))
            .read()
            .await?
            .one(0)?;
        row.map(Row::sealed).transpose()
    }

    /// One channel.
    pub async fn channel(&self, _viewer: &Viewer, id: ChannelId) -> Result<Option<Channel>, Error> {
        Ok(self.sealed_channel(id).await?.map(|one| one.channel))
    }

    /// Keeps a channel, new if its version is 1; what failed before is forgotten. `Conflict` if it is not the successor of what is
    /// there, `Taken` if another one has its name.
    pub async fn save_channel(
        &self,
        admin: &Admin,
        saved: &SealedChannel,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let channel = &saved.channel;
        let says = format!("Saved the channel “{}”.", channel.name);
        let audit = self.admin_entry(admin, "channel.saved", None, says, now);
        let name_key = channel.name.as_str().to_lowercase();
        let is_saved: bool = self
            .ask(
                "{
                    if ((select value version from only $id) ?? 0) != $version - 1 { return false };
                    if array::len(select value id from alert_channels where name_key = $name_key and id != $id) > 0 {
                        throw 'hangar:taken'
                    };
                    upsert $id content {
                        channel: $channel, sealed: $sealed, sealed_version: $sealed_version, version: $version,
                        name_key: $name_key, health: none
                    } return none;
                    create audit content $audit return none;
                    return true;
                }",
            )
            .bind("id", record("alert_channels", channel.id.0))
            .bind("channel", to_text(channel)?)
            .bind("sealed", saved.sealed.clone())
            .bind("sealed_version", i64::from(saved.sealed_version))
            .bind("version", i64::from(channel.version))
            .bind("name_key", name_key)
            .bind("audit", audit)
            .write()
            .await?
            .value(0)?;
        match is_saved {
            true => Ok(()),
            false => Err(Error::Conflict),
        }
    }

    /// Deletes a channel, with what was on its way to it; rules that named it tell others, or nobody. Whether it was there.
    pub async fn delete_channel(
        &self,
        admin: &Admin,
        channel: &Channel,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = format!("Deleted the channel “{}”.", channel.name);
        let audit = self.admin_entry(admin, "channel.deleted", None, says, now);
        self.ask(
            "{
                if !record::exists($id) { return false };
                delete $id return none;
                create audit content $audit return none;
                delete (select value id from alert_deliveries where channel = $channel limit 5000) return none;
                return true;
            }",
        )
        .bind("id", record("alert_channels", channel.id.0))
        .bind("channel", channel.id.0)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }
}
