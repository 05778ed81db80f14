//! `tls`: an authority of the deployment's own, and the certificates of P-256 that roles show each other.

use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use contracts::{ApiError, Clock};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::json;
use tls::Files;

use super::{Global, out};
use crate::folder::write_whole;

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How long a certificate lasts (A6).
const LASTS: Duration = DAY.saturating_mul(90);
/// With less of it left, after 60 days, another takes its place.
pub const LEFT: Duration = DAY.saturating_mul(30);
/// How long the authority lasts. Who wants another makes one in another folder, and issues from there.
const AUTHORITY_LASTS: Duration = DAY.saturating_mul(3_650);
/// How far the clock of another node may be behind.
const BEHIND: Duration = Duration::from_secs(300);

#[derive(Subcommand, Debug)]
pub enum TlsVerb {
    /// Make a node's certificate, or another in its place once 60 of its 90 days are over: to be run every day
    Issue(IssueArgs),
}

#[derive(Args, Debug)]
pub struct IssueArgs {
    /// The names and addresses that other roles reach the node at
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Where the authority is, made there for the first node: away from the nodes that it vouches for
    #[arg(long, value_name = "DIR")]
    authority: PathBuf,
    /// Where the node's `node.crt`, `node.key` and `authorities.crt` go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(global: &Global, verb: &TlsVerb) -> anyhow::Result<()> {
    let TlsVerb::Issue(args) = verb;
    let now = Duration::from_secs(u64::try_from(Clock::system().now().as_second())?);
    let issued = issue(args, now)?;
    let certificate = files_in(&args.out).certificate.display().to_string();
    Ok(out::line(&match (global.json, issued) {
        (true, _) => json!({ "certificate": certificate, "issued": issued }).to_string(),
        (false, true) => format!("{certificate} is new, and good for 90 days"),
        (false, false) => format!("{certificate} is good for 30 days and more, and stays"),
    })?)
}

fn files_in(folder: &Path) -> Files {
    let at = |name: &str| folder.join(name);
    Files { certificate: at("node.crt"), key: at("node.key"), authorities: at("authorities.crt") }
}

/// Sees to it that the node has a certificate that is good at `now`, so long after the beginning of 1970, and for a while
/// yet; says whether a new one was made. Its files are replaced once all of them are there: a node that runs takes them
/// within a second.
fn issue(args: &IssueArgs, now: Duration) -> anyhow::Result<bool> {
    let issuer = authority(&args.authority, files_in(&args.out).certificate.exists(), now)?;
    let believed = args.authority.join("authority.crt");
    let ours = fs::read_to_string(&believed).with_context(|| format!("can't read {}", believed.display()))?;
    let files = files_in(&args.out);
    let others = read_or_nothing(&files.authorities)?;
    let known = others.contains(ours.trim());
    let of_ours = |files: &Files| Files { authorities: believed.clone(), ..files.clone() };
    if known && is_good(&of_ours(&files), &args.names, now + LEFT).is_ok() {
        return Ok(false);
    }
    make(&args.out)?;
    let stage = tempfile::tempdir_in(&args.out).with_context(|| format!("can't write in {}", args.out.display()))?;
    let staged = files_in(stage.path());
    let (key, certificate) = signed(&args.names, &issuer, now)?;
    // Who was believed before still is: while one authority takes over from another, nodes have certificates of both.
    let authorities = if known { others } else { format!("{}\n{others}", ours.trim()) };
    for (path, text) in [(&staged.authorities, &authorities), (&staged.key, &key), (&staged.certificate, &certificate)]
    {
        write_whole(path, text.as_bytes()).with_context(|| format!("can't write {}", path.display()))?;
    }
    is_good(&of_ours(&staged), &args.names, now)?;
    for (from, to) in [
        (&staged.authorities, &files.authorities),
        (&staged.key, &files.key),
        (&staged.certificate, &files.certificate),
    ] {
        fs::rename(from, to).with_context(|| format!("can't write {}", to.display()))?;
    }
    Ok(true)
}

/// Whether other roles take the certificate at that time, under each of these names.
fn is_good(files: &Files, names: &[String], at: Duration) -> anyhow::Result<()> {
    if let Some(name) = names.iter().find(|name| !tls::is_for(files, name)) {
        let detail = format!("{name:?} is no name or address that a certificate can be for");
        return Err(ApiError::invalid("bad_name", detail).into());
    }
    let taken = tls::taken_at(files, at);
    taken.map_err(|(_, why)| anyhow::anyhow!("no other role would take the certificate: {why}"))
}

/// A key and its certificate, as PEM: for servers and for clients, for a role is both to the others.
fn signed(names: &[String], issuer: &Issuer<'static, KeyPair>, now: Duration) -> anyhow::Result<(String, String)> {
    let bad = |_| ApiError::invalid("bad_name", "a name of the certificate holds what no name can");
    let mut params = CertificateParams::new(names.to_vec()).map_err(bad)?;
    params.distinguished_name.push(DnType::CommonName, "Media Gateway");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    lasts(&mut params, now, LASTS);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((key.serialize_pem(), certificate.pem()))
}

/// The authority of a folder; made where there is none, unless it is for a node that has a certificate to be `renewed`.
fn authority(folder: &Path, renewed: bool, now: Duration) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let [certificate, key] = ["authority.crt", "authority.key"].map(|name| folder.join(name));
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Media Gateway authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    lasts(&mut params, now, AUTHORITY_LASTS);
    match (certificate.exists(), key.exists()) {
        // A folder that is mistyped or not mounted must not become an authority that no other node believes.
        (false, false) if renewed => bail!(
            "{} holds no authority, and the node has a certificate of one: name its folder, or begin another authority \
             with a node that has none",
            folder.display()
        ),
        (false, false) => {
            make(folder)?;
            // Of two that make one at the same time, one stops here.
            let taken = fs::OpenOptions::new().write(true).create_new(true).open(&key);
            taken.with_context(|| format!("can't make {}", key.display()))?;
            let fresh = KeyPair::generate()?;
            let text = params.self_signed(&fresh)?.pem();
            for (path, text) in [(&key, fresh.serialize_pem()), (&certificate, text)] {
                write_whole(path, text.as_bytes()).with_context(|| format!("can't write {}", path.display()))?;
            }
            Ok(Issuer::new(params, fresh))
        }
        (true, true) => {
            let text = fs::read_to_string(&key).with_context(|| format!("can't read {}", key.display()))?;
            let kept = KeyPair::from_pem(&text).with_context(|| format!("{} holds no key", key.display()))?;
            Ok(Issuer::new(params, kept))
        }
        _ => bail!(
            "{} holds half of an authority: put `authority.crt` and `authority.key` back, or remove what is left",
            folder.display()
        ),
    }
}

fn lasts(params: &mut CertificateParams, now: Duration, how_long: Duration) {
    let at = |time: Duration| date_time_ymd(1970, 1, 1) + time;
    (params.not_before, params.not_after) = (at(now.saturating_sub(BEHIND)), at(now + how_long));
}

/// A folder for its user alone.
fn make(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("can't make the folder {}", folder.display()))
}

fn read_or_nothing(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.with_context(|| format!("can't read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    /// For a node called `one`, by the authority called `by`.
    fn args(dir: &Path, by: &str, names: &[&str]) -> IssueArgs {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        IssueArgs { names, authority: dir.join(by), out: dir.join("one") }
    }

    #[test]
    fn a_certificate_lasts_ninety_days_and_another_takes_over_after_sixty() {
        let dir = tempfile::tempdir().unwrap();
        let args = args(dir.path(), "ours", &["127.0.0.1", "one.example"]);
        let files = files_in(&args.out);
        let is_taken = |days: u32| tls::taken_at(&files, NOW + DAY * days).is_ok();
        let held = || fs::read(&files.certificate).unwrap();
        assert!(issue(&args, NOW).unwrap());
        let first = held();
        assert_eq!([0, 89, 91].map(is_taken), [true, true, false]);
        assert!(!issue(&args, NOW + DAY * 59).unwrap() && held() == first, "it is good for a while yet");
        assert!(issue(&args, NOW + DAY * 61).unwrap() && held() != first);
        assert_eq!([61, 150, 152].map(is_taken), [true, true, false]);
        assert!(tls::is_for(&files, "127.0.0.1") && tls::is_for(&files, "one.example"));
        for key in [files.key, args.authority.join("authority.key")] {
            assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            let pair = KeyPair::from_pem(&fs::read_to_string(key).unwrap()).unwrap();
            assert!(pair.is_compatible(&rcgen::PKCS_ECDSA_P256_SHA256));
        }
        assert_eq!(fs::read_dir(&args.out).unwrap().count(), 3, "nothing else is left");
    }

    #[test]
    fn a_node_that_moves_or_comes_under_another_authority_has_a_new_certificate_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(issue(&args(dir.path(), "ours", &["one.example"]), NOW).unwrap());
        assert!(issue(&args(dir.path(), "ours", &["two.example"]), NOW).unwrap());
        let files = files_in(&dir.path().join("one"));
        assert!(tls::is_for(&files, "two.example") && !tls::is_for(&files, "one.example"));
        let next = args(dir.path(), "next", &["two.example"]);
        let mistyped = issue(&next, NOW).unwrap_err().to_string();
        assert!(mistyped.contains("holds no authority") && !next.authority.exists(), "{mistyped}");
        let other = IssueArgs { out: dir.path().join("other"), ..args(dir.path(), "next", &["other.example"]) };
        assert!(issue(&other, NOW).unwrap());
        assert!(issue(&next, NOW).unwrap() && !issue(&next, NOW).unwrap());
        let believed = fs::read_to_string(&files.authorities).unwrap();
        for authority in ["next", "ours"] {
            let one = fs::read_to_string(dir.path().join(authority).join("authority.crt")).unwrap();
            assert!(believed.contains(one.trim()), "{authority}, whose certificates other nodes still have");
        }
    }

    #[test]
    fn what_no_role_would_take_is_put_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let files = files_in(&dir.path().join("one"));
        for wrong in ["not a name", "ümlaut.example", ""] {
            let error = issue(&args(dir.path(), "ours", &[wrong]), NOW).unwrap_err();
            assert_eq!(error.downcast_ref::<ApiError>().unwrap().code, "bad_name", "{wrong:?}");
            assert!(!files.certificate.exists(), "{wrong:?}");
        }
        // An authority that somebody else has made: what we would sign in its name is nothing of its own.
        let theirs = dir.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        let (params, key) = (CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
        fs::write(theirs.join("authority.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(theirs.join("authority.key"), key.serialize_pem()).unwrap();
        let error = issue(&args(dir.path(), "theirs", &["one.example"]), NOW).unwrap_err();
        assert!(error.to_string().contains("no other role would take the certificate"), "{error:#}");
        fs::remove_file(theirs.join("authority.key")).unwrap();
        let error = issue(&args(dir.path(), "theirs", &["one.example"]), NOW).unwrap_err();
        assert!(error.to_string().contains("half of an authority"), "{error:#}");
        assert!(!files.certificate.exists());
    }
}
