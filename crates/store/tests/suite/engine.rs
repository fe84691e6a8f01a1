use store::OpenOptions;
use tempfile::TempDir;

/// A database of its own inside this process, and its directory if it has one.
pub(crate) async fn database() -> (OpenOptions, Option<TempDir>) {
    match std::env::var("STORE_URL").as_deref() {
        Err(_) | Ok("mem://") => (OpenOptions::new("mem://"), None),
        Ok("surrealkv") => {
            let directory = tempfile::tempdir().unwrap();
            let url = format!("surrealkv://{}", directory.path().join("db").display());
            (OpenOptions::new(url), Some(directory))
        }
        Ok(other) => panic!("STORE_URL is mem:// or surrealkv, not {other}"),
    }
}
