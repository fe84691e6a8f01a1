use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, error::TryRecvError},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Spans that may wait: about ten megabytes. Those that find no room are lost.
const ROOM: usize = 8192;
/// In one request.
const TOGETHER: usize = 512;
/// So long spans wait for others.
const PACE: Duration = Duration::from_millis(500);
/// So often it is told that spans are lost.
const TELL: Duration = Duration::from_secs(60);

/// Takes spans as they end, and lets nobody wait. Not the SDK's own batches: those log each failure, and need a thread.
#[derive(Debug)]
pub(super) struct Batches {
    ended: mpsc::Sender<SpanData>,
    lost: Arc<AtomicU64>,
}

/// Whoever sends what [`Batches`] takes.
pub(super) struct Sending {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

pub(super) fn begin<E: SpanExporter + 'static>(
    exporter: E,
    runtime: &Handle,
) -> (Batches, Sending) {
    let (sender, ended) = mpsc::channel(ROOM);
    let (lost, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
    let batches = Batches {
        ended: sender,
        lost: lost.clone(),
    };
    let sender = Sender {
        ended,
        exporter,
        lost,
        told_at: None,
    };
    let task = runtime.spawn(sender.send_all(stop.clone()));
    (batches, Sending { task, stop })
}

impl SpanProcessor for Batches {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.ended.try_send(span).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// [`Sending::end`] does this, and waits for it.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Sending {
    /// Sends what waits, and no more after that.
    pub(super) async fn end(mut self, within: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(within, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

struct Sender<E> {
    ended: mpsc::Receiver<SpanData>,
    exporter: E,
    lost: Arc<AtomicU64>,
    told_at: Option<Instant>,
}

impl<E: SpanExporter> Sender<E> {
    async fn send_all(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => self.ended.close(),
                () = tokio::time::sleep(PACE) => {}
            }
            loop {
                let (batch, is_over) = self.next_batch();
                if !batch.is_empty() {
                    self.send(batch).await;
                } else if is_over {
                    return;
                } else {
                    break;
                }
            }
        }
    }

    /// What waits, up to as much as is sent together, and whether nothing can follow it.
    fn next_batch(&mut self) -> (Vec<SpanData>, bool) {
        let mut batch = Vec::new();
        while batch.len() < TOGETHER {
            match self.ended.try_recv() {
                Ok(span) => batch.push(span),
                Err(error) => return (batch, error == TryRecvError::Disconnected),
            }
        }
        (batch, false)
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let many = batch.len() as u64;
        let sent = self.exporter.export(batch).await;
        if sent.is_err() {
            self.lost.fetch_add(many, Relaxed);
        }
        let is_time = self.told_at.is_none_or(|told| told.elapsed() >= TELL);
        if is_time && self.lost.load(Relaxed) > 0 {
            self.told_at = Some(Instant::now());
            let lost = self.lost.swap(0, Relaxed);
            match sent {
                Ok(()) => warn!(lost, "there were more spans than can be sent"),
                Err(error) => warn!(lost, %error, "traces could not be sent"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use opentelemetry::trace::{
        SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
    };
    use opentelemetry_sdk::error::OTelSdkError;

    use super::*;

    /// A collector that is there or not, and how many spans it was sent at a time.
    #[derive(Clone, Debug, Default)]
    struct Fake {
        is_dead: bool,
        sent: Arc<Mutex<Vec<usize>>>,
    }

    impl SpanExporter for Fake {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            if self.is_dead {
                tokio::time::sleep(Duration::from_secs(5)).await;
                return Err(OTelSdkError::InternalFailure("gone".to_owned()));
            }
            self.sent.lock().unwrap().push(batch.len());
            Ok(())
        }
    }

    fn span(flags: TraceFlags) -> SpanData {
        let context = SpanContext::new(
            TraceId::from(1),
            SpanId::from(2),
            flags,
            false,
            TraceState::NONE,
        );
        SpanData {
            span_context: context,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: "x".into(),
            start_time: std::time::SystemTime::UNIX_EPOCH,
            end_time: std::time::SystemTime::UNIX_EPOCH,
            attributes: vec![],
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: Status::Unset,
            instrumentation_scope: Default::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sampled_is_sent_together_and_the_rest_at_the_end() {
        let collector = Fake::default();
        let (batches, sending) = begin(collector.clone(), &Handle::current());
        for _ in 0..TOGETHER + 3 {
            batches.on_end(span(TraceFlags::SAMPLED));
        }
        batches.on_end(span(TraceFlags::NOT_SAMPLED));
        tokio::time::sleep(PACE * 2).await;
        assert_eq!(*collector.sent.lock().unwrap(), [TOGETHER, 3]);

        batches.on_end(span(TraceFlags::SAMPLED));
        sending.end(Duration::from_secs(2)).await;
        assert_eq!(*collector.sent.lock().unwrap(), [TOGETHER, 3, 1]);
        batches.on_end(span(TraceFlags::SAMPLED));
        assert_eq!(batches.lost.load(Relaxed), 1, "after the end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_collector_costs_room_for_so_many_and_no_time_at_the_end() {
        let dead = Fake {
            is_dead: true,
            ..Fake::default()
        };
        let (batches, sending) = begin(dead, &Handle::current());
        for _ in 0..ROOM + 100 {
            batches.on_end(span(TraceFlags::SAMPLED));
        }
        assert_eq!(batches.ended.capacity(), 0);
        assert_eq!(batches.lost.load(Relaxed), 100);

        let begun = Instant::now();
        sending.end(Duration::from_secs(2)).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
    }
}
