//! The certificate authority: whom it signs for, where it puts what, how a root is replaced.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use host_sim::ca::{Ca, Rotation, install};
use rcgen::{CertificateParams, KeyPair, SanType};
use tempfile::TempDir;

const ALICE: &str = "spiffe://td/ns/foo/sa/alice";
const BOB: &str = "spiffe://td/ns/foo/sa/bob";
const HOUR: Duration = Duration::from_secs(3600);

fn ca() -> (TempDir, Ca) {
    let folder = TempDir::new().unwrap();
    let ca = Ca::init(folder.path(), "td").unwrap();
    (folder, ca)
}

/// A request for these names.
fn request(names: &[&str]) -> String {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.contains("://") {
            true => SanType::URI((*name).try_into().unwrap()),
            false => SanType::DnsName((*name).try_into().unwrap()),
        })
        .collect();
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn certificates(pem: &str) -> usize {
    pem.matches("BEGIN CERTIFICATE").count()
}

#[test]
fn a_grant_is_good_for_one_certificate_of_one_identity() {
    let (_folder, ca) = ca();
    let secret = ca.grant(ALICE, HOUR).unwrap();
    let sign = |names: &[&str], secret: &str| match ca.sign(&request(names), secret, HOUR) {
        Ok(issued) => format!("{} certificates", certificates(&issued.chain)),
        Err(error) => error.to_string(),
    };
    for (names, secret, said) in [
        (&[ALICE][..], "guessed", "the secret is of no grant"),
        (
            &[BOB],
            &secret,
            "asks for `spiffe://td/ns/foo/sa/bob`, the grant is for",
        ),
        (&[ALICE, BOB], &secret, "the grant is for"),
        (&[ALICE, "alice.example"], &secret, "the grant is for"),
        (&[], &secret, "asks for ``"),
        (&[ALICE], &secret, "2 certificates"),
        (&[ALICE], &secret, "was used already"),
    ] {
        let got = sign(names, secret);
        assert!(got.contains(said), "{names:?}: {got}");
    }
    let ended = ca.grant(ALICE, Duration::ZERO).unwrap();
    assert!(sign(&[ALICE], &ended).contains("the grant has ended"));
    let damaged = request(&[ALICE]).replace('M', "N");
    assert!(ca.sign(&damaged, &secret, HOUR).is_err());
}

#[test]
fn identities_are_of_the_trust_domain() {
    let (_folder, ca) = ca();
    for identity in [
        "spiffe://other/ns/foo/sa/a",
        "spiffe://td",
        "spiffe://td/",
        "spiffe://td/ns//sa/a",
        "spiffe://td/ns/../sa/a",
        "spiffe://td/ns/foo/sa/a b",
        "td/ns/foo/sa/a",
        "",
    ] {
        assert!(ca.issue(identity, HOUR).is_err(), "{identity}");
        assert!(ca.grant(identity, HOUR).is_err(), "{identity}");
    }
    assert!(ca.issue(ALICE, HOUR).is_ok());
}

#[test]
fn keys_are_for_their_owner_and_files_change_together() {
    let (folder, ca) = ca();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for key in ["root.key", "intermediate.key"] {
        assert_eq!(
            mode(&folder.path().join("roots/1").join(key)),
            0o600,
            "{key}"
        );
    }
    let out = TempDir::new().unwrap();
    let out = out.path();
    let mut versions = Vec::new();
    for _ in 0..3 {
        let issued = ca.issue(ALICE, HOUR).unwrap();
        install(out, &issued).unwrap();
        versions.push(fs::read_link(out.join("..data")).unwrap());
        let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(read("cert-chain.pem"), issued.chain);
        assert_eq!(Some(read("key.pem")), issued.key);
        assert_eq!(read("root-cert.pem"), issued.roots);
        assert_eq!(mode(&out.join("key.pem")), 0o600);
    }
    versions.dedup();
    assert_eq!(versions.len(), 3);
    // Three names, the link, and the folder that it leads to.
    assert_eq!(fs::read_dir(out).unwrap().count(), 5);
}

#[test]
fn a_root_is_replaced_in_three_steps() {
    let (folder, ca) = ca();
    let state = |ca: &Ca| {
        let issued = ca.issue(ALICE, HOUR).unwrap();
        let intermediate = issued
            .chain
            .split_inclusive("-----END CERTIFICATE-----\n")
            .nth(1);
        (
            certificates(&issued.roots),
            intermediate.unwrap().to_owned(),
        )
    };
    let (one, first) = state(&ca);
    assert_eq!(one, 1);
    assert!(ca.rotate(Rotation::Issue).is_err());
    assert!(ca.rotate(Rotation::Forget).is_err());
    ca.rotate(Rotation::Trust).unwrap();
    assert_eq!(state(&ca), (2, first.clone()));
    assert!(ca.rotate(Rotation::Trust).is_err());
    assert!(ca.rotate(Rotation::Forget).is_err());
    ca.rotate(Rotation::Issue).unwrap();
    let (two, second) = state(&ca);
    assert_eq!(two, 2);
    assert_ne!(first, second);
    ca.rotate(Rotation::Forget).unwrap();
    // Another process sees the same.
    let again = Ca::open(folder.path()).unwrap();
    assert_eq!(state(&again), (1, second));
    again.rotate(Rotation::Trust).unwrap();
}

#[test]
fn there_is_one_authority_in_a_folder() {
    let (folder, _ca) = ca();
    assert!(Ca::init(folder.path(), "td").is_err());
    let empty = TempDir::new().unwrap();
    assert!(Ca::open(empty.path()).is_err());
    assert!(Ca::init(empty.path(), "a/b").is_err());
}
