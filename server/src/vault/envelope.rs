//! The sealed form of a value: `v1.<key id>.<base64url(nonce ‖ ciphertext ‖ tag)>`, AES-256-GCM. Pure: keys and nonces
//! come in, so that known answers can be checked.
//!
//! The associated data is `hangar/v1|table|record|field|key id|version`: a value that was moved to another place, or put
//! back from an older version of its record, does not open.

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox};
use sha2::Sha256;
use zeroize::Zeroizing;

const FORMAT: &str = "v1";
const NONCE: usize = 12;
const TAG: usize = 16;

/// Where a sealed value belongs. None of the parts may contain `|`: they are table names and identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub table: &'static str,
    pub record: String,
    pub field: &'static str,
    /// Changes whenever the value is replaced.
    pub version: u64,
}

impl Place {
    fn associated_data(&self, key_id: &str) -> String {
        let Place {
            table,
            record,
            field,
            version,
        } = self;
        format!("hangar/v1|{table}|{record}|{field}|{key_id}|{version}")
    }
}

/// The value is not one of ours, was altered, or belongs elsewhere. Which of these is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// 256 secret bits; wiped when dropped, never printed.
pub struct Key(SecretBox<[u8; 32]>);

impl Key {
    /// A key from what `fill` writes.
    pub fn new(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = SecretBox::new(Box::new([0; 32]));
        fill(key.expose_secret_mut());
        Self(key)
    }

    /// A key from exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        Some(Self::new(|key| key.copy_from_slice(bytes)))
    }

    /// The bytes, to be wrapped by another key or written to its file.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// A name for the key that tells nothing of it: 16 hex digits.
    pub fn id(&self) -> String {
        hex::encode(&self.sub_key(b"hangar/v1|key id").expose()[..8])
    }

    /// A key for another purpose; the one does not tell the other.
    pub fn sub_key(&self, purpose: &[u8]) -> Key {
        Key::new(|bytes| {
            Hkdf::<Sha256>::new(None, self.expose())
                .expand(purpose, bytes)
                .expect("32 bytes are within what HKDF-SHA256 gives");
        })
    }

    /// HMAC-SHA256 of `message`.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.expose()).expect("HMAC takes keys of any length");
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new_from_slice(self.expose()).expect("the key has 32 bytes")
    }
}

/// Seals `secret` for its place. A nonce must never be used twice with one key.
pub fn seal(key: &Key, key_id: &str, nonce: [u8; NONCE], place: &Place, secret: &[u8]) -> String {
    let aad = place.associated_data(key_id);
    let mut sealed = nonce.to_vec();
    sealed.extend(encrypt(key, nonce, aad.as_bytes(), secret));
    format!("{FORMAT}.{key_id}.{}", URL_SAFE_NO_PAD.encode(sealed))
}

/// The id of the key that `sealed` names.
pub fn key_id(sealed: &str) -> Result<&str, Refused> {
    parts(sealed).map(|(key_id, _)| key_id)
}

/// Opens what was sealed with this key, for this place.
pub fn open(key: &Key, place: &Place, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (key_id, body) = parts(sealed)?;
    let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Refused)?;
    let (nonce, ciphertext) = body.split_first_chunk::<NONCE>().ok_or(Refused)?;
    if ciphertext.len() < TAG {
        return Err(Refused);
    }
    decrypt(
        key,
        *nonce,
        place.associated_data(key_id).as_bytes(),
        ciphertext,
    )
}

fn parts(sealed: &str) -> Result<(&str, &str), Refused> {
    let rest = sealed
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.strip_prefix('.'));
    rest.and_then(|rest| rest.split_once('.')).ok_or(Refused)
}

fn encrypt(key: &Key, nonce: [u8; NONCE], aad: &[u8], msg: &[u8]) -> Vec<u8> {
    key.cipher()
        .encrypt(&Nonce::from(nonce), Payload { msg, aad })
        .expect("a secret is far below the 64 GiB that AES-GCM takes")
}

fn decrypt(
    key: &Key,
    nonce: [u8; NONCE],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refused> {
    key.cipher()
        .decrypt(
            &Nonce::from(nonce),
            Payload {
                msg: ciphertext,
                aad,
            },
        )
        .map(Zeroizing::new)
        .map_err(|_| Refused)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    fn key(seed: u8) -> Key {
        Key::new(|bytes| bytes.fill(seed))
    }

    fn place() -> Place {
        Place {
            table: "plane_integrations",
            record: "0192".into(),
            field: "api_key",
            version: 3,
        }
    }

    /// NIST CAVP `gcmEncryptExtIV256`: key, nonce, associated data, plain text, ciphertext and tag.
    #[test]
    fn the_cipher_is_the_aes_256_gcm_of_nist() {
        let vectors = [
            (
                "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
                "516c33929df5a3284ff463d7",
                "",
                "",
                "bdc1ac884d332457a1d2664f168c76f0",
            ),
            (
                "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223",
                "d79cf22d504cc793c3fb6c8a",
                "b96baa8c1c75a671bfb2d08d06be5f36",
                "",
                "3e5d486aa2e30b22e040b85723a06e76",
            ),
            (
                "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22",
                "0d18e06c7c725ac9e362e1ce",
                "",
                "2db5168e932556f8089a0622981d017d",
                "fa4362189661d163fcd6a56d8bf0405ad636ac1bbedd5cc3ee727dc2ab4a9489",
            ),
        ];
        for (key, nonce, aad, plain, sealed) in vectors {
            let key = Key::from_slice(&hex::decode(key).unwrap()).unwrap();
            let nonce = hex::decode(nonce).unwrap().try_into().unwrap();
            let [aad, plain, sealed] = [aad, plain, sealed].map(|text| hex::decode(text).unwrap());
            assert_eq!(encrypt(&key, nonce, &aad, &plain), sealed);
            assert_eq!(*decrypt(&key, nonce, &aad, &sealed).unwrap(), plain);
        }
    }

    /// Computed apart from this code, by OpenSSL.
    #[test]
    fn a_known_value_seals_to_the_known_text() {
        let sealed = seal(&key(7), "k1", [9; NONCE], &place(), b"plane_api_secret");
        assert_eq!(
            sealed,
            "v1.k1.CQkJCQkJCQkJCQkJV-nl-tuvoBHJPbhdhZjGq8JevGqzm86GWK5jW842PNo"
        );
        assert_eq!(
            *open(&key(7), &place(), &sealed).unwrap(),
            b"plane_api_secret"
        );
        assert_eq!(key(7).id(), "5c29906289014335");
        assert_eq!(
            hex::encode(
                key(7)
                    .sub_key(b"hangar/v1|fingerprint")
                    .mac(b"plane_api_secret")
            ),
            "ab5bed89dd9dfeec16f7bdf8c3b2bb235ec668761eb42c4c7cb374dde896f1cd"
        );
    }

    #[test]
    fn a_value_opens_nowhere_but_in_its_place() {
        let tables = ["plane_integrations", "drafts"];
        let records = ["a", "b"];
        let fields = ["api_key", "sealed_key"];
        let versions = [1, 2];
        let keys = [(key(1), "k1"), (key(2), "k2")];
        let mut places = Vec::new();
        for table in tables {
            for record in records {
                for field in fields {
                    for version in versions {
                        for (key, id) in &keys {
                            places.push((
                                Place {
                                    table,
                                    record: record.into(),
                                    field,
                                    version,
                                },
                                key,
                                *id,
                            ));
                        }
                    }
                }
            }
        }
        for (at, (from, key, id)) in places.iter().enumerate() {
            let sealed = seal(key, id, [5; NONCE], from, b"secret");
            for (other, (to, key, id)) in places.iter().enumerate() {
                // Also with the other key's name written into the value.
                let renamed = format!("v1.{id}.{}", sealed.rsplit('.').next().unwrap());
                assert_eq!(
                    open(key, to, &renamed).is_ok(),
                    at == other,
                    "{from:?} as {to:?}"
                );
            }
        }
    }

    #[test]
    fn none_of_100_000_damaged_values_opens() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mine, other) = (key(1), key(2));
        let secrets = [
            "",
            "x",
            "plane_api_0123456789abcdef0123456789abcdef",
            "Schlüssel ✓",
        ];
        let sealed: Vec<String> = (0..64u8)
            .map(|n| {
                seal(
                    &mine,
                    "k1",
                    [n; NONCE],
                    &place(),
                    secrets[usize::from(n) % 4].as_bytes(),
                )
            })
            .collect();
        let foreign = seal(&other, "k2", [1; NONCE], &place(), b"x");
        const ALPHABET: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \0";
        let mut tried = 0;
        for turn in 0.. {
            let whole = &sealed[rng.random_range(0..sealed.len())];
            let mut bytes = whole.clone().into_bytes();
            let at = rng.random_range(0..bytes.len());
            match turn % 5 {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes.truncate(at),
                2 => bytes.insert(at, ALPHABET[rng.random_range(0..ALPHABET.len())]),
                3 => {
                    let (left, right) = (at, rng.random_range(0..bytes.len()));
                    bytes.swap(left, right);
                }
                _ => {
                    let donor = if rng.random() {
                        &foreign
                    } else {
                        &sealed[rng.random_range(0..64)]
                    };
                    let at = at.min(donor.len());
                    bytes.truncate(at);
                    bytes.extend(&donor.as_bytes()[at..]);
                }
            }
            let Ok(damaged) = String::from_utf8(bytes) else {
                continue;
            };
            if sealed.contains(&damaged) {
                continue;
            }
            assert!(open(&mine, &place(), &damaged).is_err(), "{damaged} opened");
            tried += 1;
            if tried == 100_000 {
                return;
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sealed_opens_again(secret in ".{0,300}", nonce: [u8; NONCE]) {
            let sealed = seal(&key(3), "k", nonce, &place(), secret.as_bytes());
            proptest::prop_assert_eq!(&*open(&key(3), &place(), &sealed).unwrap(), secret.as_bytes());
            proptest::prop_assert_eq!(key_id(&sealed), Ok("k"));
        }

        #[test]
        fn any_text_at_all_is_refused_without_a_panic(text in ".{0,120}") {
            proptest::prop_assert_eq!(open(&key(3), &place(), &text), Err(Refused));
        }
    }
}
