//! Mail by SMTP (RFC 5321), or into files where there is no server. A leaf: the binary injects it.

mod files;
mod smtp;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use contracts::{Mail, MailError};
use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

pub use files::FileMailer;
pub use smtp::{SmtpConfig, SmtpMailer};

/// Says that no person wrote it, so that no machine answers (RFC 3834, section 5).
const AUTOMATIC: (&str, &str) = ("Auto-Submitted", "auto-generated");

/// The mail as it goes over the wire (RFC 5322).
fn message(from: &Mailbox, mail: &Mail) -> Result<Message, MailError> {
    let to: Address = mail.to.parse().map_err(|_| MailError::Never("the address can't be written to".to_owned()))?;
    let name = HeaderName::new_from_ascii_str(AUTOMATIC.0);
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject.clone())
        .date(SystemTime::from(mail.at))
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .header(ContentType::TEXT_PLAIN)
        .raw_header(HeaderValue::new(name, AUTOMATIC.1.to_owned()))
        .body(mail.text.clone())
        .map_err(|_| MailError::Never("the mail can't be written".to_owned()))
}

/// The sender, as `media@example.org` or `Media Gateway <media@example.org>`.
fn sender(from: &str) -> Result<Mailbox, String> {
    from.parse().map_err(|_| "the sender must be an address, such as `Media Gateway <media@example.org>`".to_owned())
}
