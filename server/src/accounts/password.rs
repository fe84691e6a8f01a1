use std::sync::Arc;

use app::Failure;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{failure::internal, rng::Rng};

/// OWASP's least for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

const SHORTEST: usize = 12;
const LONGEST: usize = 1024;

/// As many hashes at once as leave the machine to webhooks and pages, and as many waiting as are done within a second.
const AT_ONCE: usize = 2;
const WAITING: usize = 32;

/// Hashes passwords off the async threads, a bounded number at a time.
#[derive(Clone)]
pub(super) struct Passwords {
    rng: Rng,
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            running: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// A PHC string to keep.
    pub(super) async fn hash(&self, password: Zeroizing<String>) -> Result<String, Failure> {
        let salt: [u8; 16] = self.rng.bytes();
        self.run(move || argon2().hash_password_with_salt(password.as_bytes(), &salt))
            .await?
            .map(|hash| hash.to_string())
            .map_err(|error| internal(&error, "password_hash"))
    }

    /// Whether this is the password. Without a hash to compare with the work is the same, and the answer no.
    pub(super) async fn verify(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
    ) -> Result<bool, Failure> {
        self.run(move || match hash.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => argon2().verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                let wasted = argon2().hash_password_with_salt(password.as_bytes(), &[0; 16]);
                drop(std::hint::black_box(wasted));
                false
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let _place = self.queue.try_acquire().map_err(|_| Failure::TooMany {
            message: "Too many people are signing in at this moment.".to_owned(),
            retry_after_seconds: 2,
        })?;
        let running = self.running.clone().acquire_owned().await;
        // The work goes on when the request is given up, so its permit goes with it.
        tokio::task::spawn_blocking(move || {
            let _running = running;
            work()
        })
        .await
        .map_err(|error| internal(&error, "password_task"))
    }
}

/// What is wrong with a new password, in words. `about` are words that somebody who knows its owner would try.
pub(super) fn problem(password: &str, about: &[&str]) -> Option<String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Some(format!(
            "A password has at least {SHORTEST} characters; this one has {length}."
        ));
    }
    if password.len() > LONGEST {
        return Some(format!("A password has at most {LONGEST} characters."));
    }
    let mut context = vec!["hangar", "plane"];
    for text in about {
        context.extend(
            text.split(|c: char| !c.is_alphanumeric())
                .filter(|word| word.len() > 2),
        );
    }
    // Two words of the owner's and a year look strong to one who does not know him.
    let rest = context.iter().fold(password.to_lowercase(), |rest, word| {
        rest.replace(&word.to_lowercase(), "")
    });
    if rest.chars().filter(|c| c.is_alphanumeric()).count() < SHORTEST / 2 {
        return Some(
            "This password is too easy to guess. It is made of your name or address.".to_owned(),
        );
    }
    let strength = zxcvbn::zxcvbn(password, &context);
    if strength.score() >= zxcvbn::Score::Three {
        return None;
    }
    let why = strength
        .feedback()
        .map(ToString::to_string)
        .unwrap_or_default();
    Some(
        format!("This password is too easy to guess. {why}")
            .trim()
            .to_owned(),
    )
}

/// Whether a hash was made with other parameters than today's.
pub(super) fn is_outdated(hash: &str) -> bool {
    let today = (MEMORY_KIB, PASSES, LANES);
    let made_with = PasswordHash::new(hash)
        .ok()
        .filter(|hash| hash.algorithm.as_str() == "argon2id")
        .and_then(|hash| Params::try_from(&hash).ok())
        .map(|params| (params.m_cost(), params.t_cost(), params.p_cost()));
    made_with != Some(today)
}

/// A password nobody chose: 100 random bits in four groups of letters that are not mistaken for each other.
pub(super) fn generate(rng: &Rng) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letters = rng
        .bytes::<20>()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    letters
        .chunks(5)
        .map(String::from_iter)
        .collect::<Vec<_>>()
        .join("-")
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .expect("the constants above are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_is_a_phc_string_that_only_its_password_opens() {
        let passwords = Passwords::new(Rng::seeded(1));
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(
            passwords
                .verify(secret("correct horse"), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horsf"), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horse"), None)
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horse"), Some("junk".to_owned()))
                .await
                .unwrap()
        );
        assert_ne!(
            passwords.hash(secret("correct horse")).await.unwrap(),
            hash,
            "the salt is new each time"
        );
    }

    #[test]
    fn a_hash_with_other_parameters_is_outdated() {
        let of = |params: &str| {
            format!(
                "$argon2id$v=19${params}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            )
        };
        assert!(!is_outdated(&of("m=19456,t=2,p=1")));
        assert!(is_outdated(&of("m=4096,t=3,p=1")));
        assert!(is_outdated("junk"));
    }

    #[tokio::test]
    async fn a_flood_of_sign_ins_is_turned_away_instead_of_queued_for_ever() {
        let passwords = Passwords::new(Rng::seeded(1));
        let all = passwords
            .running
            .clone()
            .acquire_many_owned(2)
            .await
            .unwrap();
        let mut waiting = Vec::new();
        for _ in 0..AT_ONCE + WAITING {
            let mut one = Box::pin(passwords.verify(secret("x"), Some("junk".to_owned())));
            assert!(futures::poll!(&mut one).is_pending());
            waiting.push(one);
        }
        let refused = passwords.verify(secret("x"), None).await.unwrap_err();
        assert!(matches!(refused, Failure::TooMany { .. }));
        drop((all, waiting));
        assert!(!passwords.verify(secret("x"), None).await.unwrap());
    }

    #[test]
    fn passwords_are_judged_by_length_and_by_how_easily_they_are_guessed() {
        let about = ["Maya Keller", "maya@acme-tools.example"];
        let easy = |password: &str| problem(password, &about);
        assert!(easy("short").unwrap().contains("at least 12"));
        for guessed in [
            "password1234",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiop123",
            "mayakeller2024",
            "acme-tools.example",
        ] {
            assert!(
                easy(guessed).unwrap().contains("easy to guess"),
                "{guessed}"
            );
        }
        assert_eq!(easy("correct horse battery staple 9"), None);
        assert_eq!(easy("Prüfung ✓ mit Umlauten"), None);
        let long: String = (0..128u8)
            .map(|n| char::from(b'a' + (n.wrapping_mul(37) ^ (n >> 2)) % 26))
            .collect();
        assert_eq!(easy(&long), None, "128 characters are fine");
        assert!(easy(&"x7Q".repeat(400)).unwrap().contains("at most"));
    }

    #[test]
    fn a_generated_password_is_strong_and_new_each_time() {
        let rng = Rng::from_os();
        let (one, two) = (generate(&rng), generate(&rng));
        assert_eq!(problem(&one, &[]), None);
        assert_ne!(one, two);
        assert_eq!(one.len(), 23);
    }
}
