//! Whom we trust: certificate authorities in, TLS settings out, for the feed and for every destination.
//!
//! The system's own authorities are taken (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured); a system without any, such as a
//! bare container, gets Mozilla's list, which is compiled in. TLS 1.2 and 1.3, nothing older, and no way to switch checking off.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// Why TLS could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// `SSL_CERT_FILE` or `SSL_CERT_DIR` is set, but nothing usable is there.
    #[error(
        "{variable} is set to {place}, but no certificate could be read there ({reason}); correct it, or unset it to use the system's"
    )]
    NoRoots {
        /// Which variable.
        variable: &'static str,
        /// What it says.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// The cryptography refused the settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// TLS settings that trust the system's authorities and offer the protocols `alpn`, preferred first (`h2`, `http/1.1`; none for a WebSocket).
/// The authorities are read once for the whole run.
///
/// # Errors
/// When `SSL_CERT_FILE` or `SSL_CERT_DIR` leads nowhere.
pub fn client_config(alpn: &[&[u8]]) -> Result<Arc<ClientConfig>, TlsError> {
    static ROOTS: OnceLock<Result<Arc<RootCertStore>, TlsError>> = OnceLock::new();
    let roots = ROOTS.get_or_init(system_roots).clone()?;
    client_config_trusting(roots, alpn)
}

/// As [`client_config`], but trusts only `roots`.
///
/// # Errors
/// When the cryptography refuses the settings, which it does not unless it was built wrongly.
pub fn client_config_trusting(roots: Arc<RootCertStore>, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _unusable) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(Arc::new(roots));
    }
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(place) = std::env::var_os(variable) {
            let place = place.to_string_lossy().into_owned();
            let reason = found.errors.first().map_or_else(|| "it holds no certificate".to_owned(), ToString::to_string);
            return Err(TlsError::NoRoots { variable, place, reason });
        }
    }
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(Arc::new(roots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_are_offered_in_the_order_given() {
        let config = client_config_trusting(Arc::new(RootCertStore::empty()), &[b"h2", b"http/1.1"]).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[test]
    fn the_system_s_authorities_or_the_compiled_in_ones_are_found() {
        assert!(client_config(&[]).unwrap().alpn_protocols.is_empty());
        assert!(!system_roots().unwrap().is_empty());
    }

    #[test]
    fn an_error_says_which_variable_to_correct() {
        let error = TlsError::NoRoots { variable: "SSL_CERT_FILE", place: "/nowhere".into(), reason: "no such file".into() };
        let text = error.to_string();
        assert!(text.contains("SSL_CERT_FILE") && text.contains("/nowhere") && text.contains("no such file"), "{text}");
    }
}
