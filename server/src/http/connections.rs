//! Accepts connections and serves them, and can drop one without an answer.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::{ServiceExt as _, service_fn};

/// A request's head must be there by then; and a connection without one is closed.
const HEAD: Duration = Duration::from_secs(30);

/// How long it is waited when no connection can be accepted: most often there are too many.
const PAUSE: Duration = Duration::from_millis(100);

/// The connection that a request came by.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(CancellationToken);

impl Line {
    /// Ends the connection: whoever sent the request gets no answer, not even an error, and knows that it was not dealt with.
    pub(super) async fn hang_up(self) -> Infallible {
        self.0.cancel();
        std::future::pending().await
    }
}

/// Serves until `stop`; then requests under way end, and it returns.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => serve_one(stream, peer, router.clone(), &graceful),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn serve_one(stream: TcpStream, peer: SocketAddr, router: Router, graceful: &GracefulShutdown) {
    // Answers are written whole, and must not wait for more.
    let _ = stream.set_nodelay(true);
    let line = Line::default();
    let dropped = line.0.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(line.clone());
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    let connection = builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            served = connection => {
                if let Err(error) = served {
                    tracing::trace!(error, "a connection ended early");
                }
            }
            () = dropped.cancelled() => {}
        }
    });
}
