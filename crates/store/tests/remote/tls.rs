//! `wss://`.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use store::{OpenOptions, Store};

use crate::{server::Server, support::at};

fn trusting(authority: Option<CertificateDer<'static>>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(authority) = authority {
        roots.add(authority).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test]
async fn a_server_with_a_certificate_is_spoken_to_if_its_authority_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, key) = (
        file("certificate.pem", made.cert.pem()),
        file("key.pem", made.signing_key.serialize_pem()),
    );
    let flags = [
        "--web-crt".to_owned(),
        certificate,
        "--web-key".to_owned(),
        key,
    ];
    let server = Server::start_with("memory", flags.to_vec());
    let options = |tls| OpenOptions {
        url: format!("wss://localhost:{}", server.port()),
        tls: Some(tls),
        ..server.options()
    };

    let store = server
        .open(options(trusting(Some(made.cert.der().clone()))))
        .await;
    assert!(!store.has_users().await.unwrap());

    let stranger = Store::open(options(trusting(None)), at(0)).await;
    let error = stranger.err().unwrap();
    assert_eq!(error.code(), "unreachable");
    assert!(error.to_string().contains("certificate"), "{error}");
}
