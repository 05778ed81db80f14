//! Mail against a server of our own on this machine, line by line, and into files.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use contracts::{Mail, MailError, Mailer, Secret};
use rstest::rstest;
use uuid::Uuid;

use crate::{FileMailer, SmtpConfig, SmtpMailer};

/// How long who answers at once may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn mail(to: &str) -> Mail {
    Mail {
        id: Uuid::from_u128(7),
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
        to: to.to_owned(),
        subject: "Wähle ein Passwort".to_owned(),
        text: "Open this:\n\nhttps://media.example/reset?code=0123456789012345678901234567890123456789012\n.\nBye\n"
            .to_owned(),
    }
}

/// What a server answers to a command, by its beginning; the usual otherwise.
type Odd = &'static [(&'static str, &'static str)];

/// A server for one connection after the other: its port, and every line that each was sent.
fn server(odd: Odd) -> (u16, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, (send, lines)) = (listener.local_addr().unwrap().port(), mpsc::channel());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let (mut seen, mut data) = (Vec::new(), false);
            let reader = BufReader::new(stream.try_clone().unwrap());
            let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).is_ok();
            say("220 mail.example ESMTP");
            for line in reader.lines() {
                let Ok(line) = line else { break };
                seen.push(line.clone());
                let usual = match line.as_str() {
                    "." if data => "250 taken",
                    _ if data => continue,
                    "DATA" => "354 go on",
                    line if line.starts_with("EHLO") => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
                    line if line.starts_with("AUTH") => "235 welcome",
                    "QUIT" => "221 bye",
                    _ => "250 ok",
                };
                let answer = odd.iter().find(|(command, _)| line.starts_with(command)).map_or(usual, |(_, odd)| *odd);
                data = answer.starts_with("354");
                if answer.is_empty() || !say(answer) || line == "QUIT" {
                    break;
                }
            }
            if send.send(seen).is_err() {
                return;
            }
        }
    });
    (port, lines)
}

fn mailer(url: String, password: Option<&str>) -> SmtpMailer {
    within(PATIENCE, url, password)
}

/// As [`mailer`], where a server may take as long as this.
fn within(timeout: Duration, url: String, password: Option<&str>) -> SmtpMailer {
    let from = "Media Gateway <media@example.org>".to_owned();
    SmtpMailer::new(&SmtpConfig { url, password: password.map(Secret::from), from, timeout }).unwrap()
}

#[tokio::test]
async fn a_server_is_handed_the_whole_mail() {
    let (port, lines) = server(&[]);
    let mailer = mailer(format!("smtp://me@127.0.0.1:{port}"), Some("pass word"));
    mailer.send(&mail("ada@example.net")).await.unwrap();
    let lines = lines.recv().unwrap();
    // The user and password of RFC 4616: \0me\0pass word.
    for expected in [
        "EHLO example.org",
        "AUTH PLAIN AG1lAHBhc3Mgd29yZA==",
        "MAIL FROM:<media@example.org>",
        "RCPT TO:<ada@example.net>",
        "To: ada@example.net",
        "Date: Thu, 01 Jan 2026 00:00:00",
        "Message-ID: <00000000-0000-0000-0000-000000000007@example.org>",
        "Auto-Submitted: auto-generated",
        "https://media.example/reset?code=0123456789012345678901234567890123456789012",
        "..",
        "Bye",
        "QUIT",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected} in {lines:#?}");
    }
    let from = lines.iter().find(|line| line.starts_with("From: ")).unwrap();
    assert!(from.contains("Media Gateway") && from.ends_with("<media@example.org>"), "{from}");
    assert!(lines.iter().all(|line| line.is_ascii()), "{lines:#?}");
}

#[tokio::test]
async fn a_password_that_changed_is_shown_from_the_next_mail_on() {
    let ((port, lines), held) = (server(&[]), Arc::new(Mutex::new("old")));
    let asked = Arc::clone(&held);
    let config = SmtpConfig {
        url: format!("smtp://me@127.0.0.1:{port}"),
        password: Some(Secret::live(move || (*asked.lock().unwrap()).to_owned())),
        from: "media@example.org".to_owned(),
        timeout: PATIENCE,
    };
    let mailer = SmtpMailer::new(&config).unwrap();
    for (password, shown) in [("old", "AUTH PLAIN AG1lAG9sZA=="), ("new", "AUTH PLAIN AG1lAG5ldw==")] {
        *held.lock().unwrap() = password;
        mailer.send(&mail("ada@example.net")).await.unwrap();
        let lines = lines.recv().unwrap();
        assert!(lines.iter().any(|line| line == shown), "{shown} in {lines:#?}");
    }
}

#[rstest]
#[case(&[("RCPT", "550 no such ada@example.net")], true)]
#[case(&[("RCPT", "450 busy")], false)]
#[case(&[("AUTH", "535 who?")], false)]
#[case(&[("DATA", "421 closing")], false)]
#[case(&[(".", "452 no room")], false)]
#[case(&[("MAIL", "")], false)]
#[case(&[("EHLO", "500 what"), ("HELO", "500 what")], false)]
#[tokio::test]
async fn a_refusal_is_for_good_or_for_now(#[case] odd: Odd, #[case] never: bool) {
    let (port, _lines) = server(odd);
    let mailer = mailer(format!("smtp://me:secret@127.0.0.1:{port}"), None);
    let error = mailer.send(&mail("ada@example.net")).await.unwrap_err();
    assert_eq!(matches!(error, MailError::Never(_)), never, "{error}");
    assert!(!error.to_string().contains("ada") && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn nothing_is_sent_where_encryption_was_asked_for_and_is_not_there() {
    let (port, lines) = server(&[]);
    let mailer = mailer(format!("smtp://me:secret@127.0.0.1:{port}?tls=required"), None);
    assert!(matches!(mailer.send(&mail("ada@example.net")).await, Err(MailError::Later(_))));
    let lines = lines.recv().unwrap();
    assert!(lines.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{lines:?}");
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port();
    // Nobody listens at the first port.
    for port in [silent, 1] {
        let mailer = within(Duration::from_secs(1), format!("smtp://127.0.0.1:{port}"), None);
        let sent = mailer.send(&mail("ada@example.net")).await;
        assert!(matches!(sent, Err(MailError::Later(_))), "{sent:?}");
    }
}

#[rstest]
#[case("smtps://mail.example", None, true)]
#[case("smtp://mail.example?tls=required", None, true)]
#[case("smtp://localhost:2525", None, true)]
#[case("smtp://mail.example", None, false)]
#[case("smtp://mail.example?tls=opportunistic", None, false)]
#[case("http://mail.example", None, false)]
#[case("mail.example", None, false)]
#[case("smtps://mail.example", Some("secret"), false)]
#[case("smtps://me:other@mail.example", Some("secret"), false)]
#[case("smtps://me@mail.example", Some("secret"), true)]
fn what_mail_can_be_handed_to(#[case] url: &str, #[case] password: Option<&str>, #[case] may: bool) {
    let from = "media@example.org".to_owned();
    let config =
        SmtpConfig { url: url.to_owned(), password: password.map(Secret::from), from, timeout: Duration::from_secs(1) };
    let made = SmtpMailer::new(&config).map(|_| ());
    assert_eq!(made.is_ok(), may, "{made:?}");
    assert!(!format!("{made:?}").contains("secret"));
}

#[tokio::test]
async fn an_address_can_bring_no_header() {
    let folder = tempfile::tempdir().unwrap();
    let files = FileMailer::new(folder.path().join("outbox"), "media@example.org").unwrap();
    for to in ["ada@example.net\r\nBcc: eve@example.net", "ada", ""] {
        assert!(matches!(files.send(&mail(to)).await, Err(MailError::Never(_))), "{to:?}");
    }
    let odd = Mail { subject: "Hi\r\nBcc: eve@example.net".to_owned(), ..mail("ada@example.net") };
    files.send(&odd).await.unwrap();
    let file = std::fs::read_dir(folder.path().join("outbox")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
    assert!(FileMailer::new(folder.path().to_owned(), "nobody").is_err());
}

#[tokio::test]
async fn files_hold_a_mail_each_for_their_owner_and_the_newest_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let files = FileMailer::new(folder.path().join("outbox"), "media@example.org").unwrap();
    for number in 0..205 {
        let at = "2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
        let at = at.checked_add(jiff::SignedDuration::from_secs(number)).unwrap();
        let mail = Mail { id: Uuid::from_u128(u128::try_from(number).unwrap()), at, ..mail("ada@example.net") };
        files.send(&mail).await.unwrap();
    }
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path().join("outbox")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), 200);
    let oldest = std::fs::read_to_string(&names[0]).unwrap();
    assert!(oldest.contains("Message-ID: <00000000-0000-0000-0000-000000000005@example.org>"), "{oldest}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(names[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn mail_to_somebody_can_be_forgotten_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let files = FileMailer::new(folder.path().join("outbox"), "media@example.org").unwrap();
    let long = format!("ada@{}.example.net", ["a-long-label"; 15].join("."));
    let all = ["ada@example.net", "ad@example.net", "ada@example.network", "é@bücher.example", &long];
    files.forget("ada@example.net").await.unwrap();
    for (number, to) in all.iter().enumerate() {
        for copy in 0..2 {
            let id = Uuid::from_u128(2 * number as u128 + copy);
            files.send(&Mail { id, ..mail(to) }).await.unwrap();
        }
    }
    let left = || std::fs::read_dir(folder.path().join("outbox")).unwrap().count();
    for gone in 0..all.len() {
        assert_eq!(left(), 2 * (all.len() - gone));
        files.forget(all[gone]).await.unwrap();
    }
    assert_eq!(left(), 0);
    files.forget("not an address").await.unwrap();
}
