//! Mail handed to a server (RFC 5321), encrypted unless the server is this machine.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::{Mail, MailError, Mailer, Secret, is_this_machine};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{Error, extension::ClientId},
};
use url::Url;

use crate::{message, sender};

/// How to reach the server.
#[derive(Clone)]
pub struct SmtpConfig {
    /// `smtps://user@host:465`, or `smtp://user@host:587?tls=required` for STARTTLS.
    pub url: String,
    /// The user's password, where it is not in the address.
    pub password: Option<Secret>,
    /// Who mail is from.
    pub from: String,
    /// How long the server may take, for each step.
    pub timeout: Duration,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Hands mail to a server, on a connection for each.
pub struct SmtpMailer {
    config: SmtpConfig,
    from: Mailbox,
    /// The way to the server, and the password that it shows.
    held: Mutex<(Option<String>, Transport)>,
}

impl SmtpMailer {
    /// Reads the configuration; nobody is asked.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the address.
    pub fn new(config: &SmtpConfig) -> Result<Self, String> {
        let from = sender(&config.from)?;
        let password = config.password.as_ref().map(Secret::now);
        let way = transport(config, &from, password.as_deref())?;
        Ok(Self { config: config.clone(), from, held: Mutex::new((password, way)) })
    }

    /// The way to the server, with the password of now.
    fn way(&self) -> Result<Transport, String> {
        let password = self.config.password.as_ref().map(Secret::now);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 != password {
            let way = transport(&self.config, &self.from, password.as_deref())?;
            *held = (password, way);
        }
        Ok(held.1.clone())
    }
}

fn transport(config: &SmtpConfig, from: &Mailbox, password: Option<&str>) -> Result<Transport, String> {
    let url = address(&config.url, password)?;
    let broken = |_| "it is not an address that mail can be handed to".to_owned();
    let builder = Transport::from_url(url.as_str()).map_err(broken)?;
    let hello = ClientId::Domain(from.email.domain().to_owned());
    Ok(builder.hello_name(hello).timeout(Some(config.timeout)).build())
}

/// The server's address with the password in its place. Nothing goes over a network in plain text.
fn address(server: &str, password: Option<&str>) -> Result<Url, String> {
    let mut url = Url::parse(server).map_err(|_| "it is not an address".to_owned())?;
    let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    let Some(host) = url.host_str() else { return Err("it names no host".to_owned()) };
    let here = is_this_machine(host);
    match (url.scheme(), tls.as_deref()) {
        ("smtps", None) | ("smtp", Some("required")) => {}
        ("smtp", None) if here => {}
        _ => return Err("it must be `smtps://…` or `smtp://…?tls=required`: mail is not sent in plain text".to_owned()),
    }
    if let Some(password) = password {
        let set = !url.username().is_empty() && url.password().is_none() && url.set_password(Some(password)).is_ok();
        if !set {
            return Err("a password needs a user in the address, and no other password there".to_owned());
        }
    }
    Ok(url)
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message(&self.from, mail)?;
        let way = self.way().map_err(|why| MailError::Later(format!("the mail server can't be asked: {why}")))?;
        // The transport's own limit is for each step: a server that dribbles must end as well.
        match tokio::time::timeout(self.config.timeout * 3, way.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(MailError::Later("the mail server took too long".to_owned())),
        }
    }

    /// What was handed over is not here.
    async fn forget(&self, _: &str) -> Result<(), MailError> {
        Ok(())
    }
}

/// Whether a certificate is to blame: what fails within a handshake comes as a failure to connect.
fn is_of_certificate(error: &Error) -> bool {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.any(|cause| cause.to_string().contains("certificate"))
}

/// What the server says may name the person: only its code is told.
fn failure(error: &Error) -> MailError {
    let code = error.status().map(u16::from);
    match code {
        // The mailbox, its name or the message (RFC 5321, section 4.2.3); other refusals are of us, and can be mended.
        Some(code @ (550..=554)) => MailError::Never(format!("the mail server refuses it: {code}")),
        Some(code) => MailError::Later(format!("the mail server answers {code}")),
        None if error.is_timeout() => MailError::Later("the mail server took too long".to_owned()),
        None if error.is_tls() || is_of_certificate(error) => {
            MailError::Later("the mail server offers no encryption that can be trusted".to_owned())
        }
        None => MailError::Later("the mail server can't be reached".to_owned()),
    }
}
