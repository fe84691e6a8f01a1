//! Where the master key comes from: exactly one of a file, a systemd credential, an environment variable; or a file that
//! Hangar makes itself, on its first run only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{VaultError, envelope::Key};
use crate::rng::Rng;

/// The name of the systemd credential.
pub const CREDENTIAL: &str = "hangar-master-key";

/// What was configured. `Default`: nothing.
#[derive(Clone, Default)]
pub struct MasterKeySource {
    /// `--master-key-file`, `HANGAR_MASTER_KEY_FILE`.
    pub file: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`, which systemd sets.
    pub credentials_directory: Option<PathBuf>,
    /// `HANGAR_MASTER_KEY`.
    pub text: Option<SecretString>,
    /// Used when none of the above is there, and made on the first run; `None`: never.
    pub default_file: Option<PathBuf>,
}

/// The one place that the key comes from.
#[derive(Clone)]
pub(super) enum Origin {
    File(PathBuf),
    Credential(PathBuf),
    Environment(SecretString),
    Default(PathBuf),
}

impl Origin {
    /// For messages: the place, never the content.
    pub(super) fn describe(&self) -> String {
        match self {
            Origin::File(path) | Origin::Default(path) => format!("the file {}", path.display()),
            Origin::Credential(path) => format!("the systemd credential {}", path.display()),
            Origin::Environment(_) => "the environment variable HANGAR_MASTER_KEY".to_owned(),
        }
    }

    pub(super) fn read(&self) -> Result<Key, VaultError> {
        let text = match self {
            Origin::Environment(text) => return parse(text.expose_secret(), self),
            Origin::File(path) | Origin::Default(path) => read_file(path, true)?,
            // systemd gives it to this service alone, though its mode may show a group (systemd.io/CREDENTIALS).
            Origin::Credential(path) => read_file(path, false)?,
        };
        parse(&text, self)
    }
}

impl MasterKeySource {
    /// A key that is at hand, for tests.
    pub fn given(text: impl Into<SecretString>) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::default()
        }
    }

    /// A key in a file.
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self {
            file: Some(path.into()),
            ..Self::default()
        }
    }

    /// What was configured, or the file that Hangar made; `None` on a first run. Two sources are refused.
    pub(super) fn origin(&self) -> Result<Option<Origin>, VaultError> {
        let mut origins = Vec::new();
        origins.extend(self.file.clone().map(Origin::File));
        let credential = self
            .credentials_directory
            .as_ref()
            .map(|dir| dir.join(CREDENTIAL));
        origins.extend(
            credential
                .filter(|path| path.exists())
                .map(Origin::Credential),
        );
        origins.extend(self.text.clone().map(Origin::Environment));
        if let [first, second, ..] = origins.as_slice() {
            let (first, second) = (first.describe(), second.describe());
            return Err(VaultError::TwoSources { first, second });
        }
        let default = self.default_file.clone().filter(|path| path.exists());
        Ok(origins.pop().or(default.map(Origin::Default)))
    }
}

/// Writes a new key to `path`, readable by this user alone: whole on disk before it has its name, and never over
/// another file.
pub fn generate(path: &Path, rng: &Rng) -> Result<Key, VaultError> {
    let key = Key::new(|bytes| rng.fill(bytes));
    let text = Zeroizing::new(format!(
        "{}\n",
        Zeroizing::new(hex::encode(key.expose())).as_str()
    ));
    write_new(path, text.as_bytes()).map_err(|error| VaultError::Write {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(key)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        // Unlike a rename, a link never replaces a key that somebody else made meanwhile.
        .and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    written?;
    File::open(directory)?.sync_all()
}

fn read_file(path: &Path, check_mode: bool) -> Result<Zeroizing<String>, VaultError> {
    let unreadable = |error: io::Error| VaultError::Read {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    let mode = meta.permissions().mode() & 0o777;
    if check_mode && mode & 0o077 != 0 {
        return Err(VaultError::Permissions {
            path: path.to_owned(),
            mode,
        });
    }
    // With room for all that is read, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(2048));
    file.take(1024)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    Ok(text)
}

/// 64 hex digits, or 32 bytes in base64 of either alphabet.
fn parse(text: &str, origin: &Origin) -> Result<Key, VaultError> {
    let text = text.trim();
    let bytes = match text.len() {
        64 => hex::decode(text).ok(),
        43 | 44 => {
            let lenient = GeneralPurposeConfig::new()
                .with_decode_padding_mode(DecodePaddingMode::Indifferent);
            let alphabet = if text.contains(['-', '_']) {
                &URL_SAFE
            } else {
                &STANDARD
            };
            GeneralPurpose::new(alphabet, lenient).decode(text).ok()
        }
        _ => None,
    };
    bytes
        .map(Zeroizing::new)
        .and_then(|bytes| Key::from_slice(&bytes))
        .ok_or_else(|| VaultError::Malformed {
            origin: origin.describe(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn read(text: &str) -> Result<Key, VaultError> {
        Origin::Environment(text.into()).read()
    }

    #[test]
    fn a_key_is_hex_or_base64_with_space_around_it() {
        let expected: Vec<u8> = (0..32).collect();
        for text in [
            HEX,
            &HEX.to_uppercase(),
            BASE64,
            BASE64.trim_end_matches('='),
            &format!(" {HEX}\n"),
        ] {
            assert_eq!(read(text).ok().unwrap().expose()[..], expected);
        }
    }

    #[test]
    fn any_other_length_or_letter_is_refused_without_showing_it() {
        for text in [
            "",
            "secret",
            &HEX[1..],
            &format!("{HEX}00"),
            &HEX.replace('0', "g"),
            &BASE64[1..],
        ] {
            let error = read(text).err().unwrap();
            assert_eq!(error.code(), "master_key_malformed");
            assert!(
                text.is_empty() || !error.to_string().contains(text),
                "{error}"
            );
        }
    }

    #[test]
    fn two_sources_at_once_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CREDENTIAL), HEX).unwrap();
        let file = || Some(dir.path().join("a.key"));
        let text = || Some(SecretString::from(HEX));
        let credentials_directory = || Some(dir.path().to_owned());
        let pairs = [
            MasterKeySource {
                file: file(),
                text: text(),
                ..Default::default()
            },
            MasterKeySource {
                file: file(),
                credentials_directory: credentials_directory(),
                ..Default::default()
            },
            MasterKeySource {
                text: text(),
                credentials_directory: credentials_directory(),
                ..Default::default()
            },
        ];
        for pair in pairs {
            assert_eq!(
                pair.origin().err().unwrap().code(),
                "master_key_two_sources"
            );
        }
    }

    #[test]
    fn a_credential_is_found_and_an_absent_one_is_not_a_source() {
        let dir = tempfile::tempdir().unwrap();
        let source = MasterKeySource {
            credentials_directory: Some(dir.path().to_owned()),
            ..Default::default()
        };
        assert!(source.origin().unwrap().is_none());
        fs::write(dir.path().join(CREDENTIAL), HEX).unwrap();
        assert!(source.origin().unwrap().unwrap().read().is_ok());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        fs::write(&path, HEX).unwrap();
        for (mode, is_fine) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o660, false),
            (0o777, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match Origin::File(path.clone()).read() {
                Ok(_) => assert!(is_fine, "{mode:o}"),
                Err(error) => {
                    assert!(!is_fine, "{mode:o}: {error}");
                    assert_eq!(error.code(), "master_key_permissions");
                    assert!(error.to_string().contains(&path.display().to_string()));
                    assert!(!error.to_string().contains(HEX));
                }
            }
        }
    }

    #[test]
    fn a_generated_file_is_private_whole_and_never_replaces_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data").join("master.key");
        let rng = Rng::seeded(1);
        let key = generate(&path, &rng).ok().unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            Origin::File(path.clone()).read().ok().unwrap().id(),
            key.id()
        );
        assert_eq!(
            generate(&path, &rng).err().unwrap().code(),
            "master_key_write"
        );
        assert_eq!(
            Origin::File(path.clone()).read().ok().unwrap().id(),
            key.id()
        );
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file is left");
    }
}
