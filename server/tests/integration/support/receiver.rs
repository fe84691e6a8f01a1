use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

/// What a receiver of messages got.
#[derive(Clone, Debug)]
pub struct Got {
    pub path: String,
    pub headers: HeaderMap,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// What it answers in place of 200: a status, and for how many seconds it wants to be left alone.
#[derive(Clone, Copy, Debug)]
pub struct Refusal(pub u16, pub Option<u32>);

/// Whatever speaks HTTP and takes messages: a Slack, a Discord, a program of one's own.
#[derive(Clone)]
pub struct Receiver {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    asked: watch::Sender<usize>,
    got: watch::Sender<Vec<Got>>,
    refusals: Mutex<VecDeque<Refusal>>,
    pause: Duration,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::slow(Duration::ZERO).await
    }

    /// It takes so long for each.
    pub async fn slow(pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            asked: watch::channel(0).0,
            got: watch::channel(vec![]).0,
            refusals: Mutex::default(),
            pause,
        });
        let app = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { addr, shared }
    }

    /// An address of it, with something secret in it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.addr)
    }

    pub fn got(&self) -> Vec<Got> {
        self.shared.got.borrow().clone()
    }

    /// How often something was sent to it, whether it answered or not.
    pub fn asked(&self) -> usize {
        *self.shared.asked.borrow()
    }

    /// Waits until something was sent to it so often.
    pub async fn was_asked(&self, times: usize) {
        let mut asked = self.shared.asked.subscribe();
        asked.wait_for(|asked| *asked >= times).await.unwrap();
    }

    /// Waits until it got so many.
    pub async fn has(&self, many: usize) {
        let mut got = self.shared.got.subscribe();
        got.wait_for(|got| got.len() >= many).await.unwrap();
    }

    pub fn refuse(&self, refusals: impl IntoIterator<Item = Refusal>) {
        self.shared.refusals.lock().unwrap().extend(refusals);
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    shared.asked.send_modify(|asked| *asked += 1);
    tokio::time::sleep(shared.pause).await;
    let refusal = shared.refusals.lock().unwrap().pop_front();
    if let Some(Refusal(status, after)) = refusal {
        let status = StatusCode::from_u16(status).unwrap();
        return match after {
            Some(after) => (status, [("retry-after", after.to_string())]).into_response(),
            None => status.into_response(),
        };
    }
    let got = Got {
        path: uri.path().to_owned(),
        headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    };
    shared.got.send_modify(|all| all.push(got));
    StatusCode::OK.into_response()
}
