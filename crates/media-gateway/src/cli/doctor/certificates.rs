//! The certificate that a node shows other roles: whether they take it, and for how long yet.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::WebPkiClientVerifier,
};

use super::{Check, State, check};
use crate::{config::Config, peers};

/// A certificate lasts 90 days and is renewed after 60 (A6): with less left than this somebody forgot to.
const LEFT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What other roles make of this node's certificate at `now`; nothing where it has none.
pub(super) fn certificate(config: &Config, now: Timestamp) -> Option<Check> {
    let taken = peers::tls(config).transpose()?.and_then(|_| {
        let (own, authorities) = (&config.peers.certificate_file, &config.peers.authorities_file);
        let (own, authorities) = own.as_ref().zip(authorities.as_ref()).context("a file is not named")?;
        taken_at(own, authorities, now)?;
        Ok(taken_at(own, authorities, now + LEFT).is_ok())
    });
    let fix = "renew it, and put the new files in place of the old: a node that runs takes them within a second";
    Some(match taken {
        Ok(true) => check("certificate", State::Good, "other roles take it, for 30 days and more", ""),
        Ok(false) => check("certificate", State::Less, "it ends within 30 days: no role takes it then", fix),
        Err(error) => check("certificate", State::Bad, format!("no other role takes it: {error:#}"), fix),
    })
}

/// Fails unless who believes `authorities` takes the certificate of the file `own` at that time.
fn taken_at(own: &Path, authorities: &Path, at: Timestamp) -> anyhow::Result<()> {
    let mut roots = RootCertStore::empty();
    for authority in read(authorities)? {
        roots.add(authority)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    let chain = read(own)?;
    let (first, between) = chain.split_first().context("there is no certificate")?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_second())?));
    verifier.verify_client_cert(first, between, at)?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).with_context(|| format!("can't read {}", path.display()))?;
    read.collect::<Result<_, _>>().with_context(|| format!("{} is no PEM", path.display()))
}
