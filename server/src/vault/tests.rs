use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use store::OpenOptions;

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn place() -> Place {
    Place {
        table: "plane_integrations",
        record: "0192".into(),
        field: "api_key",
        version: 1,
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

async fn empty_store() -> Store {
    Store::open(OpenOptions::new("mem://"), now())
        .await
        .unwrap()
}

async fn open(store: &Store, source: &MasterKeySource) -> Result<Vault, VaultError> {
    Vault::open(store, source, &Rng::from_os(), now()).await
}

/// The code of the refusal, after making sure that its text shows no key and advises something.
async fn refusal(store: &Store, source: &MasterKeySource) -> String {
    let error = open(store, source)
        .await
        .err()
        .expect("the vault must not open");
    let text = error.to_string();
    assert!(!text.contains(KEY) && !text.contains(OTHER), "{text}");
    assert_eq!(error.exit_code(), 78, "{text}");
    error.code().to_owned()
}

fn default_file(dir: &Path) -> MasterKeySource {
    MasterKeySource {
        default_file: Some(dir.join("master.key")),
        ..Default::default()
    }
}

fn write_key(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn the_first_run_makes_a_key_and_later_runs_use_it() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let source = default_file(dir.path());
    let first = open(&store, &source).await.unwrap();
    assert_eq!(first.new_key_file(), source.default_file.as_ref());
    let sealed = first.seal(&place(), &"secret".into()).unwrap();
    let second = open(&store, &source).await.unwrap();
    assert_eq!(second.new_key_file(), None);
    assert_eq!(
        second.unseal(&place(), &sealed).unwrap().expose_secret(),
        "secret"
    );
}

#[tokio::test]
async fn a_first_run_that_died_after_writing_the_key_goes_on_with_it() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    write_key(&dir.path().join("master.key"), KEY);
    assert_eq!(
        open(&store, &default_file(dir.path()))
            .await
            .unwrap()
            .new_key_file(),
        None
    );
    open(&store, &MasterKeySource::given(KEY)).await.unwrap();
}

#[tokio::test]
async fn a_configured_key_is_used_on_the_first_run_and_none_is_written() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let source = MasterKeySource {
        text: Some(KEY.into()),
        ..default_file(dir.path())
    };
    open(&store, &source).await.unwrap();
    assert!(!dir.path().join("master.key").exists());
}

#[tokio::test]
async fn no_key_and_nowhere_to_put_one_is_refused() {
    assert_eq!(
        refusal(&empty_store().await, &MasterKeySource::default()).await,
        "master_key_not_configured"
    );
}

#[tokio::test]
async fn a_configured_file_that_is_not_there_is_refused_even_on_the_first_run() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("absent.key");
    assert_eq!(
        refusal(&store, &MasterKeySource::in_file(&path)).await,
        "master_key_unreadable"
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn a_missing_key_is_refused_once_there_is_a_keyring_and_no_fresh_one_is_made() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    open(&store, &MasterKeySource::given(KEY)).await.unwrap();
    assert_eq!(
        refusal(&store, &default_file(dir.path())).await,
        "master_key_missing"
    );
    assert!(!dir.path().join("master.key").exists());
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_the_right_one_still_opens() {
    let store = empty_store().await;
    let sealed = open(&store, &MasterKeySource::given(KEY))
        .await
        .unwrap()
        .seal(&place(), &"s".into())
        .unwrap();
    assert_eq!(
        refusal(&store, &MasterKeySource::given(OTHER)).await,
        "master_key_wrong"
    );
    let vault = open(&store, &MasterKeySource::given(KEY)).await.unwrap();
    assert_eq!(
        vault.unseal(&place(), &sealed).unwrap().expose_secret(),
        "s"
    );
}

#[tokio::test]
async fn a_malformed_key_two_keys_and_a_readable_file_are_refused() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("a.key");
    write_key(&path, KEY);
    assert_eq!(
        refusal(&store, &MasterKeySource::given("short")).await,
        "master_key_malformed"
    );
    let two = MasterKeySource {
        text: Some(KEY.into()),
        ..MasterKeySource::in_file(&path)
    };
    assert_eq!(refusal(&store, &two).await, "master_key_two_sources");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        refusal(&store, &MasterKeySource::in_file(&path)).await,
        "master_key_permissions"
    );
}

#[tokio::test]
async fn two_sealings_of_one_secret_differ_and_its_fingerprint_does_not() {
    let vault = open(&empty_store().await, &MasterKeySource::given(KEY))
        .await
        .unwrap();
    let secret = SecretString::from("plane_api_1");
    let (one, two) = (
        vault.seal(&place(), &secret).unwrap(),
        vault.seal(&place(), &secret).unwrap(),
    );
    assert_ne!(one, two);
    assert!(!one.contains("plane_api_1"));
    assert_eq!(
        vault.fingerprint(&secret),
        vault.fingerprint(&secret.clone())
    );
    assert_ne!(
        vault.fingerprint(&secret),
        vault.fingerprint(&"plane_api_2".into())
    );
    assert_eq!(vault.fingerprint(&secret).len(), 16);
}

#[tokio::test]
async fn a_value_of_another_vault_or_place_is_refused() {
    let mine = open(&empty_store().await, &MasterKeySource::given(KEY))
        .await
        .unwrap();
    let other = open(&empty_store().await, &MasterKeySource::given(KEY))
        .await
        .unwrap();
    let sealed = other.seal(&place(), &"s".into()).unwrap();
    assert_eq!(
        mine.unseal(&place(), &sealed).err().unwrap().code(),
        "sealed_value_refused"
    );
    let later = Place {
        version: 2,
        ..place()
    };
    assert_eq!(
        other.unseal(&later, &sealed).err().unwrap().code(),
        "sealed_value_refused"
    );
}

#[tokio::test]
async fn rotation_changes_the_master_key_and_nothing_else() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let (old, new) = (MasterKeySource::given(KEY), dir.path().join("new.key"));
    let before = open(&store, &old).await.unwrap();
    let secret = SecretString::from("plane_api_1");
    let sealed = before.seal(&place(), &secret).unwrap();

    assert_eq!(
        rotate(&store, &old, &new, &Rng::from_os(), now())
            .await
            .unwrap(),
        1
    );

    assert_eq!(refusal(&store, &old).await, "master_key_wrong");
    let after = open(&store, &MasterKeySource::in_file(&new)).await.unwrap();
    assert_eq!(
        after.unseal(&place(), &sealed).unwrap().expose_secret(),
        "plane_api_1"
    );
    assert_eq!(after.fingerprint(&secret), before.fingerprint(&secret));
    // A portal that runs meanwhile goes on.
    assert_eq!(
        before
            .unseal(&place(), &after.seal(&place(), &secret).unwrap())
            .unwrap()
            .expose_secret(),
        "plane_api_1"
    );
}

#[tokio::test]
async fn a_rotation_that_died_before_its_transaction_is_simply_repeated() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let (old, new) = (MasterKeySource::given(KEY), dir.path().join("new.key"));
    open(&store, &old).await.unwrap();
    write_key(&new, OTHER);
    open(&store, &old).await.expect("the old key still opens");
    rotate(&store, &old, &new, &Rng::from_os(), now())
        .await
        .unwrap();
    open(&store, &MasterKeySource::given(OTHER))
        .await
        .expect("the new key opens");
}

#[tokio::test]
async fn rotation_from_a_wrong_key_or_to_the_same_one_changes_nothing() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let (right, wrong) = (MasterKeySource::given(KEY), MasterKeySource::given(OTHER));
    open(&store, &right).await.unwrap();
    let before = store.keyring().await.unwrap();
    let same = dir.path().join("same.key");
    write_key(&same, KEY);
    let to_same = rotate(&store, &right, &same, &Rng::from_os(), now())
        .await
        .err()
        .unwrap();
    assert_eq!(to_same.code(), "master_key_same");
    let new = dir.path().join("new.key");
    let from_wrong = rotate(&store, &wrong, &new, &Rng::from_os(), now())
        .await
        .err()
        .unwrap();
    assert_eq!(from_wrong.code(), "master_key_wrong");
    assert!(!new.exists(), "no key is made for nothing");
    assert_eq!(store.keyring().await.unwrap(), before);
}

#[tokio::test]
async fn two_rotations_at_once_leave_one_winner_whose_key_opens() {
    let (store, dir) = (empty_store().await, tempfile::tempdir().unwrap());
    let old = MasterKeySource::given(KEY);
    open(&store, &old).await.unwrap();
    let files = [dir.path().join("a.key"), dir.path().join("b.key")];
    let rng = Rng::from_os();
    let (a, b) = tokio::join!(
        rotate(&store, &old, &files[0], &rng, now()),
        rotate(&store, &old, &files[1], &rng, now()),
    );
    assert!(a.is_ok() != b.is_ok());
    let winner = if a.is_ok() { &files[0] } else { &files[1] };
    open(&store, &MasterKeySource::in_file(winner))
        .await
        .expect("the winner's key opens");
}
