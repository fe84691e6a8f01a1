/// Cuts the body of a `text/event-stream` into the data of its events, however the network cut it into chunks.
#[derive(Default)]
pub(crate) struct EventStream {
    pending: Vec<u8>,
}

impl EventStream {
    /// Takes the next chunk; answers the data of the events that are complete now. Comments and other fields are left out.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        self.pending.extend(chunk.iter().filter(|b| **b != b'\r'));
        let mut events = Vec::new();
        while let Some(end) = self.pending.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.pending.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&event);
            let data: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(str::trim_start)
                .collect();
            if !data.is_empty() {
                events.push(data.join("\n"));
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comments_and_names_are_left_out() {
        let mut stream = EventStream::default();
        assert_eq!(
            stream.push(b":\n\nevent: x\ndata: 1\r\n\r\ndata:2\ndata: 3\n\ndata: 4\n"),
            ["1", "2\n3"]
        );
        assert_eq!(stream.push(b"\n"), ["4"]);
    }

    proptest! {
        #[test]
        fn the_same_events_come_however_the_bytes_were_cut(
            data in prop::collection::vec("[a-zäß●{}\":,]{1,20}", 0..6),
            cuts in prop::collection::vec(1usize..9, 0..80),
        ) {
            let body: Vec<u8> = data.iter().flat_map(|d| format!("data: {d}\n\n").into_bytes()).collect();
            let mut stream = EventStream::default();
            let mut rest = &body[..];
            let mut got = Vec::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                got.extend(stream.push(chunk));
                rest = after;
            }
            prop_assert_eq!(got, data);
        }
    }
}
