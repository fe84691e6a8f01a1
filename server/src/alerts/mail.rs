use std::time::Duration;

use domain::{
    alerts::{Channel, ChannelSettings, MailSecurity, Message, MessageKind},
    ids::DeliveryId,
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    message::{Mailbox, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use url::Url;

use super::{AlertsService, Secret, sender::Unsent};
use crate::egress::ResolveError;

/// Each step of the conversation is over by then.
const STEP: Duration = Duration::from_secs(15);

/// Tells mail programs and other machines not to answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl AlertsService {
    /// Sends a message by SMTP, to the channel's recipients and whoever sees to the problem.
    pub(super) async fn send_mail(
        &self,
        channel: &Channel,
        secret: &Secret,
        message: &Message,
        id: DeliveryId,
    ) -> Result<(), Unsent> {
        let ChannelSettings::Mail {
            host,
            port,
            security,
            user,
            ..
        } = &channel.settings
        else {
            return Err(Unsent::new("The channel sends no e-mail."));
        };
        let mail = self.mail(channel, message, id)?;
        let addresses = self.egress.mail_addresses(host, *port).await;
        let addresses = addresses.map_err(|error| match error {
            ResolveError::Refused(refused) => {
                Unsent::new(format!("{} {}", refused.sentence(), refused.advice()))
            }
            ResolveError::Dns(_) => Unsent::new(format!(
                "The name of the mail server, {host}, could not be resolved."
            )),
        })?;
        let address = addresses
            .first()
            .ok_or_else(|| Unsent::new("The mail server has no address."))?;
        let tls = match security {
            MailSecurity::Plain => Tls::None,
            MailSecurity::StartTls => Tls::Required(self.tls_to(host)?),
            MailSecurity::Tls => Tls::Wrapper(self.tls_to(host)?),
        };
        // The address that was checked is the one that is dialled; the certificate is the host's.
        let mut transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
                .port(*port)
                .tls(tls)
                .hello_name(ClientId::Domain(self.host()))
                .timeout(Some(STEP));
        if !user.is_empty() {
            transport =
                transport.credentials(Credentials::new(user.clone(), secret.password.clone()));
        }
        let sent = transport.build::<Tokio1Executor>().send(mail).await;
        sent.map(drop).map_err(|error| Unsent::new(why(&error)))
    }

    fn mail(
        &self,
        channel: &Channel,
        message: &Message,
        id: DeliveryId,
    ) -> Result<lettre::Message, Unsent> {
        let ChannelSettings::Mail {
            from, recipients, ..
        } = &channel.settings
        else {
            return Err(Unsent::new("The channel sends no e-mail."));
        };
        let bad = |what: &str| Unsent::new(format!("The address {what} can’t be used."));
        let address = |text: &str| {
            let parsed = text.parse().map_err(|_| bad(text))?;
            Ok::<_, Unsent>(Mailbox::new(None, parsed))
        };
        let mut sender = address(from.as_str())?;
        sender.name = Some("Hangar".to_owned());
        let host = self.host();
        // The first message of an incident is what the others answer to.
        let thread = format!("<{}.{}@{host}>", message.incident, channel.id);
        let own = format!("<{id}@{host}>");
        let mut mail = lettre::Message::builder()
            .from(sender)
            .subject(message.subject())
            .date(message.at.into())
            .header(AutoSubmitted);
        mail = match message.kind {
            MessageKind::Opened | MessageKind::Test => mail.message_id(Some(thread)),
            _ => mail
                .message_id(Some(own))
                .in_reply_to(thread.clone())
                .references(thread),
        };
        let mut told: Vec<&str> = recipients.iter().map(|one| one.as_str()).collect();
        told.extend(message.owner_addresses.iter().map(String::as_str));
        told.sort_unstable();
        told.dedup();
        for one in told {
            mail = mail.to(address(one)?);
        }
        mail.header(header::ContentType::TEXT_PLAIN)
            .body(text(message))
            .map_err(|_| Unsent::new("The message could not be put together."))
    }

    fn tls_to(&self, host: &str) -> Result<TlsParameters, Unsent> {
        let unusable = |_| Unsent::new("TLS can’t be used with this server’s name.");
        let mut parameters = TlsParameters::builder(host.to_owned());
        if let Some(pem) = self.egress.extra_ca() {
            let own = Certificate::from_pem(pem).map_err(unusable)?;
            parameters = parameters.add_root_certificate(own);
        }
        parameters.build_rustls().map_err(unusable)
    }

    /// The name of the machine that people reach.
    fn host(&self) -> String {
        let url = Url::parse(&self.public_url).ok();
        let host = url.and_then(|url| url.host_str().map(str::to_owned));
        host.unwrap_or_else(|| "localhost".to_owned())
    }
}

/// Why a mail server did not take it; it never repeats what was said to it.
fn why(error: &lettre::transport::smtp::Error) -> String {
    if error.is_timeout() {
        return "The mail server did not answer in time.".to_owned();
    }
    if let Some(flaw) = tls_flaw(error) {
        return flaw;
    }
    if error.is_tls() {
        return "No secure connection to the mail server: its certificate is not valid for its name, or not trusted here.".to_owned();
    }
    match error.status().map(|code| code.to_string()) {
        Some(code) if code.starts_with("53") => {
            format!("The mail server wants a user and a password, or refuses them ({code}).")
        }
        Some(code) => format!("The mail server refused the message ({code})."),
        None if error.is_client() => {
            "The mail server does not offer what is needed: STARTTLS, or a way to sign in."
                .to_owned()
        }
        None => "The connection to the mail server could not be made, or broke off.".to_owned(),
    }
}

/// What is wrong with the server's TLS, if that is it.
fn tls_flaw(error: &lettre::transport::smtp::Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && let flaw @ plane::Error::Tls(_) = plane::Error::from_io(io)
        {
            return Some(flaw.sentence());
        }
        source = cause.source();
    }
    None
}

fn text(message: &Message) -> String {
    let mut lines = vec![message.says.clone()];
    if message.kind != MessageKind::Closed && !message.advice.is_empty() {
        lines.push(message.advice.clone());
    }
    let names: Vec<&str> = message
        .integrations
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    if !names.is_empty() {
        lines.push(format!("Affected: {}", names.join(", ")));
    }
    let since = message.since.format("%Y-%m-%d %H:%M");
    lines.push(format!("Since: {since} UTC"));
    if let Some(owner) = &message.owner {
        lines.push(format!("Who sees to it: {owner}"));
    }
    lines.push(message.url.clone());
    lines.push(format!(
        "-- \nHangar tells of this by the rule “{}”.",
        message.rule_name
    ));
    lines.join("\n\n")
}
