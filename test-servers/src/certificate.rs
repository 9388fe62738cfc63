//! A certificate authority for one test run, and a server's certificate by it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::program::User;

/// Files in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes them in a folder, for `localhost` and `127.0.0.1`.
pub(crate) fn make(folder: &Path, user: User) -> Certificates {
    let key = || KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::<String>::new()).expect("parameters");
    // OpenSSL takes a certificate for self-signed whose issuer has the name of its subject, as rcgen's own names would.
    authority.distinguished_name.push(DnType::CommonName, "authority of the tests");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = key();
    let root = authority.self_signed(&authority_key).expect("a certificate");
    let issuer = Issuer::new(authority, authority_key);
    let server_key = key();
    let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("parameters");
    server.distinguished_name.push(DnType::CommonName, "localhost");
    let server = server.signed_by(&server_key, &issuer).expect("a certificate");

    let write = |name: &str, text: String, mode: u32| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        user.own(&path);
        path
    };
    Certificates {
        authority: write("ca.pem", root.pem(), 0o644),
        certificate: write("server.pem", server.pem(), 0o644),
        key: write("server.key", server_key.serialize_pem(), 0o600),
    }
}
