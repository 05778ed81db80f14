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
        Body, Mailbox,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};

pub use files::FileMailer;
pub use smtp::{SmtpConfig, SmtpMailer};

/// Says that no person wrote it, so that no machine answers (RFC 3834, section 5).
const AUTOMATIC: (&str, &str) = ("Auto-Submitted", "auto-generated");

/// The longest line that is sent as it is.
const MAX_LINE: usize = 998;

/// The mail as it goes over the wire (RFC 5322).
fn message(from: &Mailbox, mail: &Mail) -> Result<Message, MailError> {
    let to: Address = mail.to.parse().map_err(|_| MailError::Never("the address can't be written to".to_owned()))?;
    let name = HeaderName::new_from_ascii_str(AUTOMATIC.0);
    // A link stays whole for who reads the file: lines may have 998 characters (RFC 5322, section 2.1.1), and the library
    // would break them after 76.
    let plain = mail.text.is_ascii() && mail.text.lines().all(|line| line.len() <= MAX_LINE);
    let body = if plain {
        Body::dangerous_pre_encoded(mail.text.replace('\n', "\r\n").into_bytes(), ContentTransferEncoding::SevenBit)
    } else {
        Body::new(mail.text.clone())
    };
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject.clone())
        .date(SystemTime::from(mail.at))
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .header(ContentType::TEXT_PLAIN)
        .raw_header(HeaderValue::new(name, AUTOMATIC.1.to_owned()))
        .body(body)
        .map_err(|_| MailError::Never("the mail can't be written".to_owned()))
}

/// The sender, as `media@example.org` or `Media Gateway <media@example.org>`.
fn sender(from: &str) -> Result<Mailbox, String> {
    from.parse().map_err(|_| "the sender must be an address, such as `Media Gateway <media@example.org>`".to_owned())
}
