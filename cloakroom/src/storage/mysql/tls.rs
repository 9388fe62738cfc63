use sqlx::mysql::MySqlSslMode;

/// How a connection to MySQL is encrypted: the client library's `ssl_mode`.
///
/// ```
/// use cloakroom::storage::mysql::MysqlTls;
///
/// assert_eq!(MysqlTls::from_ssl_mode("VERIFY_IDENTITY"), Some(MysqlTls::VerifyIdentity));
/// assert_eq!(MysqlTls::from_ssl_mode("always"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MysqlTls {
    /// `DISABLED`: never.
    Disabled,
    /// `PREFERRED`, the default over TCP: where the server can, without a look at its certificate.
    Preferred,
    /// `REQUIRED`: always, without a look at its certificate.
    Required,
    /// `VERIFY_CA`: always, with a certificate that a known authority signed.
    VerifyCa,
    /// `VERIFY_IDENTITY`: the same, and the certificate is for the host that was asked for.
    VerifyIdentity,
}

impl MysqlTls {
    /// By the client library's name for it, in capitals or not.
    #[must_use]
    pub fn from_ssl_mode(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().replace('-', "_").as_str() {
            "DISABLED" => Self::Disabled,
            "PREFERRED" => Self::Preferred,
            "REQUIRED" => Self::Required,
            "VERIFY_CA" => Self::VerifyCa,
            "VERIFY_IDENTITY" => Self::VerifyIdentity,
            _ => return None,
        })
    }

    pub(super) fn mode(self) -> MySqlSslMode {
        match self {
            Self::Disabled => MySqlSslMode::Disabled,
            Self::Preferred => MySqlSslMode::Preferred,
            Self::Required => MySqlSslMode::Required,
            Self::VerifyCa => MySqlSslMode::VerifyCa,
            Self::VerifyIdentity => MySqlSslMode::VerifyIdentity,
        }
    }
}
