//! As much HTTP/1.1 as it takes to ask a portal on this machine: one connection, kept alive.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A connection to a server.
pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
    /// Sent with every request, such as `Cookie`.
    pub(crate) headers: Vec<(String, String)>,
}

/// What the server said.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Connection {
    /// Connects to `http://127.0.0.1:PORT`, with or without a path after it.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let host = address.strip_prefix("http://").unwrap_or(address);
        let host = host.split('/').next().unwrap_or(host).to_owned();
        let socket: SocketAddr = host
            .parse()
            .with_context(|| format!("{address} is no address"))?;
        let stream = TcpStream::connect_timeout(&socket, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Connection {
            reader: BufReader::new(stream),
            host,
            headers: Vec::new(),
        })
    }

    /// Connects again: a server closes what it has not heard of for a while.
    pub(crate) fn reopen(&mut self) -> Result<()> {
        self.reader = Self::open(&self.host)?.reader;
        Ok(())
    }

    /// Asks for a page.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, None)
    }

    /// Sends a form as a browser on the same site does.
    pub(crate) fn post_form(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        self.ask(
            "POST",
            path,
            Some(("application/x-www-form-urlencoded", &fields.join("&"))),
        )
    }

    /// Sends JSON.
    pub(crate) fn post_json(&mut self, path: &str, json: &serde_json::Value) -> Result<Answer> {
        self.ask("POST", path, Some(("application/json", &json.to_string())))
    }

    /// Delivers a webhook.
    pub(crate) fn deliver(&mut self, path: &str, body: &str, signature: &str) -> Result<Answer> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nx-plane-event: issue\r\n\
             x-plane-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.reader.get_mut().write_all(request.as_bytes())?;
        self.read_answer()
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some((kind, body)) = body {
            request.push_str(&format!(
                "content-type: {kind}\r\ncontent-length: {}\r\n",
                body.len()
            ));
            request.push_str(&format!(
                "accept: text/html\r\norigin: http://{}\r\n",
                self.host
            ));
        }
        request.push_str("\r\n");
        request.push_str(body.map_or("", |(_, body)| body));
        self.reader.get_mut().write_all(request.as_bytes())?;
        self.read_answer()
    }

    fn read_answer(&mut self) -> Result<Answer> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let Some(status) = status else {
            bail!("the answer is no HTTP")
        };
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .next()
            .and_then(|length| length.parse().ok());
        if answer
            .header("transfer-encoding")
            .any(|coding| coding.contains("chunked"))
        {
            while self.read_chunk(&mut answer.body)? {}
        } else if let (Some(length), false) = (length, matches!(status, 204 | 304)) {
            answer.body.resize(length, 0);
            self.reader.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Reads one chunk of a chunked body; false for the last.
    fn read_chunk(&mut self, body: &mut Vec<u8>) -> Result<bool> {
        let size = self.line()?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16)?;
        let start = body.len();
        body.resize(start + size, 0);
        self.reader.read_exact(&mut body[start..])?;
        self.line()?;
        Ok(size > 0)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }
}

fn percent(value: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().fold(String::new(), |mut encoded, byte| {
        if keep(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn two_answers_are_read_from_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/livez", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 1024];
            let _ = stream.read(&mut heard).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                .unwrap();
            let _ = stream.read(&mut heard).unwrap();
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
                .unwrap();
        });

        let mut connection = Connection::open(&address).unwrap();
        let (first, second) = (connection.get("/").unwrap(), connection.get("/x").unwrap());

        server.join().unwrap();
        assert_eq!((first.status, first.text()), (200, "abcde".to_owned()));
        assert_eq!((second.status, second.text()), (404, "no".to_owned()));
    }

    #[test]
    fn form_values_are_encoded() {
        assert_eq!(percent("a b&c=ä"), "a%20b%26c%3D%C3%A4");
    }
}
