//! Sockets: plain or TLS, each with a switch that makes it die without another byte.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{fmt, io};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

use crate::Shared;

/// Between two bytes of a trickling connection.
const TRICKLE: Duration = Duration::from_millis(100);

/// Which certificate an HTTPS fake shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsKind {
    /// Signed by itself.
    SelfSigned,
    /// Signed by the fake's authority, run out a month ago.
    Expired,
    /// Signed by the fake's authority, for another host.
    WrongHost,
    /// Signed by the fake's authority, for localhost and 127.0.0.1, valid for 90 days.
    Trusted,
}

/// The HTTPS side of a server.
pub(crate) struct Tls {
    authority: Issuer<'static, KeyPair>,
    shown: Acceptor,
    pub ca_pem: String,
}

/// The certificate that new connections are shown.
pub(crate) type Acceptor = Arc<RwLock<TlsAcceptor>>;

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    pub(crate) fn new(kind: TlsKind, now: DateTime<Utc>) -> Self {
        Self::try_new(kind, now).expect(FIXED)
    }

    pub(crate) fn shown(&self) -> Acceptor {
        self.shown.clone()
    }

    /// Shows another certificate from now on.
    pub(crate) fn show(&self, kind: TlsKind, now: DateTime<Utc>) {
        let (acceptor, _) = certificate(kind, &self.authority, now).expect(FIXED);
        *self
            .shown
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = acceptor;
    }

    fn try_new(kind: TlsKind, now: DateTime<Utc>) -> Result<Self, Box<dyn std::error::Error>> {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name
            .push(DnType::CommonName, "Fake Plane test authority");
        valid(
            &mut ca,
            now - TimeDelta::days(365),
            now + TimeDelta::days(3650),
        );
        let ca_key = KeyPair::generate()?;
        let mut ca_pem = ca.self_signed(&ca_key)?.pem();
        let authority = Issuer::new(ca, ca_key);
        let (acceptor, pem) = certificate(kind, &authority, now)?;
        if kind == TlsKind::SelfSigned {
            ca_pem = pem;
        }
        Ok(Self {
            authority,
            shown: Arc::new(RwLock::new(acceptor)),
            ca_pem,
        })
    }
}

const FIXED: &str = "rcgen and rustls accept these fixed parameters";

/// A server's certificate, and how it is shown.
fn certificate(
    kind: TlsKind,
    authority: &Issuer<'static, KeyPair>,
    now: DateTime<Utc>,
) -> Result<(TlsAcceptor, String), Box<dyn std::error::Error>> {
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name
        .push(DnType::CommonName, "fake-plane");
    leaf.subject_alt_names = match kind {
        TlsKind::WrongHost => vec![SanType::DnsName("plane.elsewhere.test".try_into()?)],
        _ => vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ],
    };
    let (from, until) = match kind {
        TlsKind::Expired => (120, -30),
        _ => (1, 90),
    };
    valid(
        &mut leaf,
        now - TimeDelta::days(from),
        now + TimeDelta::days(until),
    );
    let key = KeyPair::generate()?;
    let certificate = match kind {
        TlsKind::SelfSigned => leaf.self_signed(&key)?,
        _ => leaf.signed_by(&key, authority)?,
    };
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), certificate.pem()))
}

/// rcgen counts in whole days here; that is fine enough for certificates.
fn valid(params: &mut CertificateParams, from: DateTime<Utc>, until: DateTime<Utc>) {
    let day = |at: DateTime<Utc>| {
        let [month, day] = [at.month(), at.day()].map(|n| u8::try_from(n).unwrap_or(1));
        rcgen::date_time_ymd(at.year(), month, day)
    };
    params.not_before = day(from);
    params.not_after = day(until);
}

/// Serves until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Acceptor>,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let Ok(addr) = listener.local_addr() else {
        return;
    };
    let (ready, connections) = mpsc::channel(64);
    let accepting = accept(listener, tls, ready, shared.is_stopped.clone());
    let service = crate::routes::router(shared).into_make_service_with_connect_info::<Switch>();
    let server = axum::serve(Connections { connections, addr }, service);
    tokio::select! {
        _ = server.into_future() => {}
        () = accepting => {}
        _ = stopped => {}
    }
}

/// Handshakes happen beside each other: one slow client must not hold up the next.
async fn accept(
    listener: TcpListener,
    tls: Option<Acceptor>,
    ready: mpsc::Sender<Connection>,
    is_stopped: Arc<AtomicBool>,
) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        let (ready, is_stopped) = (ready.clone(), is_stopped.clone());
        let Some(tls) = tls.as_ref().map(|tls| {
            tls.read()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone()
        }) else {
            let _ = ready
                .send(Connection::new(Box::new(socket), is_stopped))
                .await;
            continue;
        };
        tokio::spawn(async move {
            if let Ok(stream) = tls.accept(socket).await {
                let _ = ready
                    .send(Connection::new(Box::new(stream), is_stopped))
                    .await;
            }
        });
    }
}

struct Connections {
    connections: mpsc::Receiver<Connection>,
    addr: SocketAddr,
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.connections.recv().await {
            Some(connection) => (connection, self.addr),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

/// Kills the connection that a request came in on, or makes it slow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switch(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    is_dead: AtomicBool,
    resets: AtomicBool,
    trickles: AtomicBool,
}

impl Switch {
    pub(crate) fn kill(&self) {
        self.0.is_dead.store(true, Ordering::SeqCst);
    }

    pub(crate) fn reset(&self) {
        self.0.resets.store(true, Ordering::SeqCst);
        self.kill();
    }

    pub(crate) fn trickle(&self) {
        self.0.trickles.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Connections>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.io().switch.clone()
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

struct Connection {
    stream: Box<dyn Stream>,
    switch: Switch,
    /// Connections outlive the server's task; a stopped server must not answer on them.
    is_stopped: Arc<AtomicBool>,
    /// A trickling connection's rest between two bytes.
    rest: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    fn new(stream: Box<dyn Stream>, is_stopped: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            switch: Switch::default(),
            is_stopped,
            rest: None,
        }
    }

    fn alive(&self) -> io::Result<()> {
        let switches = &self.switch.0;
        if switches.resets.load(Ordering::SeqCst) {
            self.stream.socket().set_zero_linger()?;
        }
        match switches.is_dead.load(Ordering::SeqCst) || self.is_stopped.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.alive()?;
        if !self.switch.0.trickles.load(Ordering::SeqCst) || buf.is_empty() {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        let rest = self
            .rest
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(TRICKLE)));
        ready!(rest.as_mut().poll(cx));
        self.rest = None;
        Pin::new(&mut self.stream).poll_write(cx, &buf[..1])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
