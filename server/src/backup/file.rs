use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use std::collections::BTreeMap;

/// The first line of the text.
const HEAD: &str = "-- Hangar backup 1";
/// What the last line begins with; [`Contents`] as JSON follow.
const END: &str = "-- Hangar backup ends: ";
/// A line of a statement is no longer; a file that was made by somebody else could be one endless line.
const LINE: u64 = 1 << 30;

/// What a backup says of itself, at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    /// How many records each table has.
    pub(super) tables: BTreeMap<String, u64>,
    /// SHA-256 of the statements, in hex: whatever imports them must be able to export the same.
    pub(super) sha256: String,
}

impl Contents {
    pub(super) fn records(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// Why a file is not taken for a backup.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{0} is no backup of Hangar, or its beginning was altered")]
    NoBackup(String),
    #[error("{0} is cut: its end is missing")]
    Cut(String),
    #[error("{0} was altered since it was made: its checksum is another one")]
    Altered(String),
    #[error("{0} was made by a newer version of Hangar")]
    Newer(String),
}

/// A backup that is being written: text, compressed, and sealed with a checksum of all its bytes. `zcat` shows the text, which
/// `surreal import` takes as well.
pub(super) struct Writer {
    path: PathBuf,
    out: GzEncoder<Hashed>,
    statements: Sha256,
}

/// Counts and hashes what goes into a file.
struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Writer {
    /// Begins a file that only its owner may read. `says` is one line.
    pub(super) fn create(path: &Path, says: &str) -> Result<Self, FileError> {
        let made = || {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            let hashed = Hashed {
                file: BufWriter::with_capacity(1 << 18, file),
                hash: Sha256::new(),
                bytes: 0,
            };
            let mut out = GzEncoder::new(hashed, Compression::fast());
            writeln!(out, "{HEAD}, {says}")?;
            Ok(out)
        };
        Ok(Self {
            path: path.to_owned(),
            out: made().map_err(|source| failed(path, source))?,
            statements: Sha256::new(),
        })
    }

    /// Adds lines of statements.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.statements.update(lines);
        self.out.write_all(lines)
    }

    /// Ends and seals the file, which is on disk then. Its size, its checksum, and what it holds.
    pub(super) fn finish(
        mut self,
        tables: BTreeMap<String, u64>,
    ) -> Result<(u64, String, Contents), FileError> {
        let contents = Contents {
            tables,
            sha256: hex::encode(self.statements.finalize()),
        };
        let end = || {
            let line = serde_json::to_string(&contents)?;
            writeln!(self.out, "{END}{line}")?;
            let mut hashed = self.out.finish()?;
            hashed.flush()?;
            let sum = hex::encode(hashed.hash.clone().finalize());
            hashed.write_all(&seal(&sum))?;
            hashed.flush()?;
            hashed.file.get_ref().sync_all()?;
            Ok((hashed.bytes, sum))
        };
        let (bytes, sum) = end().map_err(|source| failed(&self.path, source))?;
        Ok((bytes, sum, contents))
    }
}

/// An empty member of a gzip file, with the checksum of everything before it as its comment: whoever unpacks the file does not
/// see it.
fn seal(sum: &str) -> Vec<u8> {
    let mut seal = vec![0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff];
    seal.extend_from_slice(b"hangar-backup-sha256:");
    seal.extend_from_slice(sum.as_bytes());
    // The comment ends; nothing is compressed, its checksum and its length are 0.
    seal.extend_from_slice(&[0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    seal
}

/// A backup whose every byte was found to be as it was written.
pub(super) struct Reader {
    path: PathBuf,
    text: BufReader<MultiGzDecoder<BufReader<File>>>,
    contents: Option<Contents>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let io = |source| failed(path, source);
        let mut file = File::open(path).map_err(io)?;
        check(path, &mut file)?;
        file.rewind().map_err(io)?;
        let file = BufReader::with_capacity(1 << 18, file);
        let mut reader = Self {
            path: path.to_owned(),
            text: BufReader::with_capacity(1 << 18, MultiGzDecoder::new(file)),
            contents: None,
        };
        let head = reader.line()?;
        match head.strip_prefix(HEAD) {
            Some(rest) if rest.starts_with(',') => Ok(reader),
            _ if head.starts_with("-- Hangar backup ") => Err(FileError::Newer(reader.shown())),
            _ => Err(FileError::NoBackup(reader.shown())),
        }
    }

    /// The next lines, about so many bytes of them; `None`: that was all.
    pub(super) fn part(&mut self, most: usize) -> Result<Option<String>, FileError> {
        let mut part = String::new();
        while part.len() < most && self.contents.is_none() {
            let line = self.line()?;
            match line.strip_prefix(END) {
                Some(end) => {
                    let end = serde_json::from_str(end);
                    let end = end.map_err(|_| FileError::Altered(self.shown()))?;
                    self.contents = Some(end);
                }
                None => part.push_str(&line),
            }
        }
        Ok((!part.is_empty()).then_some(part))
    }

    /// What it holds, once it was read.
    pub(super) fn end(self) -> Result<Contents, FileError> {
        let shown = self.shown();
        self.contents.ok_or(FileError::Cut(shown))
    }

    fn line(&mut self) -> Result<String, FileError> {
        let mut line = String::new();
        let read = (&mut self.text).take(LINE).read_line(&mut line);
        match read.map_err(|source| failed(&self.path, source))? {
            0 => Err(FileError::Cut(self.shown())),
            _ => Ok(line),
        }
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// Compares all bytes with the checksum at the end.
fn check(path: &Path, file: &mut File) -> Result<(), FileError> {
    let io = |source| failed(path, source);
    let shown = || path.display().to_string();
    let seal_bytes = seal(&"0".repeat(64)).len() as u64;
    let bytes = file.metadata().map_err(io)?.len();
    let mut begins = [0; 4];
    file.read_exact(&mut begins)
        .map_err(|_| FileError::NoBackup(shown()))?;
    if begins[..3] != [0x1f, 0x8b, 8] {
        return Err(FileError::NoBackup(shown()));
    }
    let body = bytes.checked_sub(seal_bytes);
    let body = body.ok_or_else(|| FileError::Cut(shown()))?;
    file.rewind().map_err(io)?;
    let mut hash = Sha256::new();
    let mut rest = BufReader::with_capacity(1 << 18, &mut *file).take(body);
    loop {
        let read = rest.fill_buf().map_err(io)?;
        if read.is_empty() {
            break;
        }
        hash.update(read);
        let n = read.len();
        rest.consume(n);
    }
    file.seek(SeekFrom::Start(body)).map_err(io)?;
    let mut found = Vec::new();
    file.read_to_end(&mut found).map_err(io)?;
    if found == seal(&hex::encode(hash.finalize())) {
        Ok(())
    } else if found.starts_with(&seal("")[..10]) {
        Err(FileError::Altered(shown()))
    } else {
        Err(FileError::Cut(shown()))
    }
}

/// Puts a finished file under its name, durably.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), FileError> {
    let done = || {
        fs::rename(from, to)?;
        match to.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    done().map_err(|source| failed(to, source))
}

pub(super) fn failed(path: &Path, source: io::Error) -> FileError {
    FileError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "OPTION IMPORT;\n\nINSERT [ { id: a:1, text: 'one\\ntwo' } ];\n";

    fn written(directory: &Path) -> PathBuf {
        let path = directory.join("one");
        let mut writer = Writer::create(&path, "made for a test").unwrap();
        for _ in 0..100 {
            writer.write(LINES.as_bytes()).unwrap();
        }
        let tables = BTreeMap::from([("a".to_owned(), 100)]);
        let (bytes, _, contents) = writer.finish(tables).unwrap();
        assert_eq!(bytes, path.metadata().unwrap().len());
        assert_eq!(contents.records(), 100);
        path
    }

    fn read(path: &Path) -> Result<(String, Contents), FileError> {
        let mut reader = Reader::open(path)?;
        let mut text = String::new();
        while let Some(part) = reader.part(200)? {
            text.push_str(&part);
        }
        Ok((text, reader.end()?))
    }

    #[test]
    fn what_was_written_is_read_and_only_its_owner_may() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path());
        let (text, contents) = read(&path).unwrap();
        assert_eq!(text, LINES.repeat(100));
        assert_eq!(contents.sha256, hex::encode(Sha256::digest(&text)));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let again = Writer::create(&path, "twice").map(drop);
        assert!(again.is_err(), "none is written over");
    }

    #[test]
    fn a_file_with_another_bit_anywhere_or_another_length_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path());
        let good = fs::read(&path).unwrap();
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1 << (place % 8);
            fs::write(&path, &bad).unwrap();
            assert!(read(&path).is_err(), "byte {place}");
            fs::write(&path, &good[..place]).unwrap();
            assert!(read(&path).is_err(), "cut at {place}");
        }
        for more in [&b"\n"[..], &good] {
            fs::write(&path, [&good, more].concat()).unwrap();
            assert!(read(&path).is_err(), "{} bytes more", more.len());
        }
        fs::write(&path, &good).unwrap();
        assert!(read(&path).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = written(directory.path());
        let good = fs::read(&path).unwrap();
        let says = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read(&path).unwrap_err().to_string()
        };
        assert!(says(b"hello").contains("is no backup"));
        assert!(says(&good[..good.len() - 1]).contains("is cut"));
        let mut bad = good.clone();
        bad[200] ^= 1;
        assert!(says(&bad).contains("was altered"));
        fs::remove_file(&path).unwrap();
        let newer = Writer::create(&path, "").unwrap();
        drop(newer);
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(b"-- Hangar backup 2, of another day\n")
            .unwrap();
        let mut newer = out.finish().unwrap();
        let sum = hex::encode(Sha256::digest(&newer));
        newer.extend(seal(&sum));
        assert!(says(&newer).contains("newer version"));
    }
}
