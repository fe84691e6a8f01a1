//! The certificates are as good and as bad as their names.

use fake_plane::{FakePlane, Options, TlsKind};

use crate::builder;

#[tokio::test]
async fn only_the_trusted_certificate_is_accepted_by_who_knows_the_authority() {
    for (kind, is_accepted) in [
        (TlsKind::Trusted, true),
        (TlsKind::Expired, false),
        (TlsKind::WrongHost, false),
        (TlsKind::SelfSigned, false),
    ] {
        let plane = FakePlane::start_tls(Options::default(), kind).await;
        assert!(plane.url().starts_with("https://127.0.0.1:"));
        // A self-signed certificate is its own authority; who has not been told of it refuses it.
        let known = plane.ca_pem().filter(|_| kind != TlsKind::SelfSigned);
        let sent = builder(known)
            .build()
            .unwrap()
            .get(format!("{}/", plane.url()))
            .send()
            .await;
        assert_eq!(sent.is_ok(), is_accepted, "{kind:?}");
    }
}
