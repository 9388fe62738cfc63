//! TLS to the server, by rustls with ring.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::failure::Source;

/// How far the certificate of a server with TLS is looked at: Python's `ssl_cert_reqs` and `ssl_check_hostname`.
///
/// ```
/// use cloakroom::storage::redis::{RedisOptions, RedisTls};
///
/// let options = RedisOptions::new().tls(RedisTls::VerifyFull);
/// assert!(format!("{options:?}").contains("VerifyFull"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisTls {
    /// A known authority signed it, and it is for the host that was asked for.
    #[default]
    VerifyFull,
    /// A known authority signed it.
    VerifyCa,
    /// Not at all: whoever stands between could read along and answer for the server.
    Require,
}

/// TLS as it was asked for. The files are read when the first connection is made.
#[derive(Clone, Default)]
pub(super) struct Tls {
    pub(super) mode: RedisTls,
    pub(super) authorities: Option<PathBuf>,
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    ready: Arc<OnceLock<TlsConnector>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.mode)
    }
}

impl Tls {
    /// The same, for a change: what was read from files before does not count.
    pub(super) fn afresh(self) -> Self {
        Self { ready: Arc::default(), ..self }
    }

    pub(super) fn connector(&self) -> Result<TlsConnector, Source> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready.clone());
        }
        let connector = TlsConnector::from(Arc::new(self.config()?));
        Ok(self.ready.get_or_init(|| connector).clone())
    }

    fn config(&self) -> Result<ClientConfig, Source> {
        // Named here: a process may have another provider as its default, or several and no default.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match self.mode {
            RedisTls::VerifyFull => self.verifier(&provider)?,
            RedisTls::VerifyCa => {
                Arc::new(Lenient { provider: provider.clone(), inner: Some(self.verifier(&provider)?) })
            }
            RedisTls::Require => Arc::new(Lenient { provider: provider.clone(), inner: None }),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        Ok(match &self.identity {
            Some((certificate, key)) => config
                .with_client_auth_cert(certificates(certificate)?, read(key, PrivateKeyDer::from_pem_file(key))?)?,
            None => config.with_no_client_auth(),
        })
    }

    /// The system's authorities, and those of the file beside them, as Python has it.
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Source> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.authorities {
            for certificate in certificates(path)? {
                roots.add(certificate)?;
            }
        }
        if roots.is_empty() {
            return Err("no certificate authority is known: install the system's, or name a file of them".into());
        }
        Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?)
    }
}

fn read<T, E: std::error::Error + Send + Sync + 'static>(path: &Path, read: Result<T, E>) -> Result<T, Source> {
    read.map_err(|error| format!("{}: {error}", path.display()).into())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Source> {
    let found = read(path, CertificateDer::pem_file_iter(path))?;
    read(path, found.collect::<Result<Vec<_>, _>>())
}

/// Looks at less than rustls does.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// Everything but the name is left to this one.
    inner: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
