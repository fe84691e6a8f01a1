use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use domain::alerts::MailSecurity;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A mail as it arrived, and how.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Head and body.
    pub text: String,
    pub is_secret: bool,
    /// What was signed in with, decoded: `\0user\0password`.
    pub signed_in: Option<Vec<u8>>,
}

impl Mail {
    /// A line of the head.
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| line.strip_prefix(&start))
    }
}

/// A mail server on this machine, for `localhost`, with a certificate of its own.
pub struct MailServer {
    pub port: u16,
    /// What has to be trusted.
    pub ca_pem: String,
    shared: Arc<Shared>,
}

struct Shared {
    security: MailSecurity,
    tls: TlsAcceptor,
    mails: Mutex<Vec<Mail>>,
    /// What the next mails are answered with, in place of 250.
    refusals: Mutex<VecDeque<&'static str>>,
}

impl MailServer {
    pub async fn start(security: MailSecurity) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            security,
            tls: TlsAcceptor::from(Arc::new(config)),
            mails: Mutex::default(),
            refusals: Mutex::default(),
        });
        let port = listener.local_addr().unwrap().port();
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move { shared.serve(stream).await });
            }
        });
        Self {
            port,
            ca_pem: own.cert.pem(),
            shared,
        }
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// The next mail is answered with this.
    pub fn refuse(&self, answer: &'static str) {
        self.shared.refusals.lock().unwrap().push_back(answer);
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream) -> Option<()> {
        if self.security == MailSecurity::Tls {
            let stream = self.tls.accept(stream).await.ok()?;
            return self.talk(stream, true, true).await.map(drop);
        }
        let plain = self.talk(stream, false, true).await?;
        // It wants STARTTLS.
        let stream = self.tls.accept(plain?).await.ok()?;
        self.talk(stream, true, false).await.map(drop)
    }

    /// Answers the stream where the client wants TLS on it.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        is_secret: bool,
        greets: bool,
    ) -> Option<Option<S>> {
        let mut stream = BufReader::new(stream);
        if greets {
            stream.write_all(b"220 localhost ESMTP\r\n").await.ok()?;
        }
        let mut mail = Mail {
            is_secret,
            ..Mail::default()
        };
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return Some(None);
            }
            let (word, rest) = line
                .trim_end()
                .split_once(' ')
                .unwrap_or((line.trim_end(), ""));
            let answer = match word.to_ascii_uppercase().as_str() {
                "EHLO" if self.security == MailSecurity::StartTls && !is_secret => {
                    "250-localhost\r\n250 STARTTLS"
                }
                "EHLO" => "250-localhost\r\n250 AUTH PLAIN",
                "STARTTLS" => {
                    stream.write_all(b"220 go ahead\r\n").await.ok()?;
                    return Some(Some(stream.into_inner()));
                }
                "AUTH" => {
                    use base64::{Engine as _, engine::general_purpose::STANDARD};
                    let typed = rest.split(' ').nth(1).unwrap_or_default();
                    mail.signed_in = STANDARD.decode(typed).ok();
                    match mail.signed_in.as_deref() == Some(b"\0ops\0pass word") {
                        true => "235 welcome",
                        false => "535 who are you",
                    }
                }
                "MAIL" => {
                    mail.from = rest.to_owned();
                    "250 ok"
                }
                "RCPT" => {
                    mail.to.push(rest.to_owned());
                    "250 ok"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    loop {
                        let mut line = String::new();
                        if stream.read_line(&mut line).await.ok()? == 0 {
                            return Some(None);
                        }
                        if line == ".\r\n" {
                            break;
                        }
                        mail.text.push_str(&line);
                    }
                    let refusal = self.refusals.lock().unwrap().pop_front();
                    if refusal.is_none() {
                        self.mails.lock().unwrap().push(mail.clone());
                    }
                    refusal.unwrap_or("250 taken")
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await.ok()?;
                    return Some(None);
                }
                _ => "250 ok",
            };
            stream
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .ok()?;
        }
    }
}
