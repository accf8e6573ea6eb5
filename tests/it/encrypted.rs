//! TLS on the port of the API, as the command line speaks it.

use annuli_tests::program::program;
use annuli_tests::raw_http::RawConnection;
use annuli_tests::wait::wait_for;
use annuli_tests::{Launch, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A certificate of its own issue, its key, and who believes it.
struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files =
            Self { certificate: path("cert.pem"), key: path("key.pem"), authority: path("ca.pem"), _folder: folder };
        files.renew();
        files
    }

    /// Another certificate with another key, and its authority.
    fn renew(&self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        // One after the other, as renewals do.
        fs::write(&self.certificate, made.cert.pem()).unwrap();
        fs::write(&self.key, made.signing_key.serialize_pem()).unwrap();
        fs::write(&self.authority, made.cert.pem()).unwrap();
    }

    fn launch(&self) -> Launch {
        let launch = Launch::new().argument("--tls-cert").argument(self.certificate.to_str().unwrap());
        launch.argument("--tls-key").argument(self.key.to_str().unwrap())
    }
}

/// What `annuli index list` says of a server: nothing if it is answered.
fn complaint(server: &Server, authority: Option<&Path>) -> String {
    complaint_about(server, "localhost", authority)
}

/// The same, by another name.
fn complaint_about(server: &Server, name: &str, authority: Option<&Path>) -> String {
    let port = server.address().rsplit_once(':').unwrap().1;
    let mut command = Command::new(program());
    command.args(["index", "list", "--url", &format!("https://{name}:{port}")]);
    if let Some(file) = authority {
        command.arg("--ca-file").arg(file);
    }
    let output = command.env_remove("ANNULI_CA_FILE").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn the_command_line_speaks_tls_with_a_server_whose_authority_it_was_told() {
    let files = Files::new();
    let server = files.launch().start();
    assert_eq!(complaint(&server, Some(&files.authority)), "");
    let said = complaint(&server, None);
    assert!(said.contains("UnknownIssuer (name the certificates of whoever issued it with --ca-file"), "{said}");
    let said = complaint_about(&server, "127.0.0.1", Some(&files.authority));
    assert!(said.contains("(name the server in --url or ANNULI_URL by a name that the certificate has)"), "{said}");
    let said = complaint(&server, Some(&files.key));
    assert!(said.contains("holds no certificate in PEM"), "{said}");
    // Who does not speak it hears nothing of the API.
    let plain =
        RawConnection::open(server.address()).send("GET /v1/indexes HTTP/1.1\r\nhost: test\r\n\r\n").until_closed();
    assert!(!plain.contains("HTTP/1.1"), "{plain:?}");
}

#[test]
fn a_certificate_is_replaced_without_a_restart_and_half_of_one_changes_nothing() {
    let files = Files::new();
    let server = files.launch().start();
    let believed = files.authority.with_extension("old");
    fs::copy(&files.authority, &believed).unwrap();

    fs::write(&files.key, "no key").unwrap();
    wait_for("a line about the key", || server.log().contains("the certificate stays as it was").then_some(()));
    assert_eq!(complaint(&server, Some(&believed)), "");

    files.renew();
    wait_for("the new certificate", || complaint(&server, Some(&files.authority)).is_empty().then_some(()));
    assert!(complaint(&server, Some(&believed)).contains("is not believed"));
}

#[test]
fn a_certificate_that_cannot_be_shown_is_named() {
    let files = Files::new();
    fs::write(&files.certificate, "").unwrap();
    let workspace = files.certificate.with_file_name("workspace");
    let ended = files.launch().over(&workspace).refused();
    assert!(ended.stderr.contains("cert.pem` holds no certificate in PEM"), "{}", ended.stderr);
    assert!(!workspace.exists(), "nothing is begun that cannot be served");
    let ended = Launch::new().argument("--tls-cert").argument(files.certificate.to_str().unwrap()).refused();
    assert!(ended.stderr.contains("TLS needs both tls_cert and tls_key"), "{}", ended.stderr);
}

/// Whoever sets up a cluster heard of the etcd, and of the certificate once that was mended.
#[test]
fn a_router_names_its_certificate_before_it_looks_for_its_cluster() {
    let files = Files::new();
    fs::write(&files.key, "").unwrap();
    let mut router = Command::new(program());
    router.args(["router", "--coordination", "etcd://127.0.0.1:1", "--listen", "127.0.0.1:0"]);
    router.arg("--tls-cert").arg(&files.certificate).arg("--tls-key").arg(&files.key);
    let said = String::from_utf8(router.output().unwrap().stderr).unwrap();
    assert!(said.contains("key.pem` holds no private key in PEM"), "{said}");
    assert!(!said.contains("etcd at"), "{said}");
}
