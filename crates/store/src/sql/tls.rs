//! TLS for connections to PostgreSQL, by rustls: with the certificates that the system trusts, or those in one file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};

/// Used if the database's address requires TLS or the server offers it. The server's certificate is always verified.
pub(super) fn connector(root_certificate: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    match root_certificate {
        Some(file) => {
            let unreadable = |problem: String| Error::Url(format!("sslrootcert {}: {problem}", file.display()));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|e| unreadable(e.to_string()))? {
                let certificate = certificate.map_err(|e| unreadable(e.to_string()))?;
                roots.add(certificate).map_err(|e| unreadable(e.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unreadable(String::from("has no certificate in it")));
            }
        }
        None => {
            // A system without trusted certificates can still connect to servers whose certificate is given.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Url(format!("TLS: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
