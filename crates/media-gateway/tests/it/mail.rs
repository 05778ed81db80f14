//! Mail from a node: into the data folder, and handed to a server on loopback.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    app::{App, PATIENCE, Setup, one_line},
    mutual,
};

const EMAIL: &str = "ada@example.org";

/// A browser without script.
pub struct Browser<'a> {
    app: &'a App,
    http: reqwest::blocking::Client,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a App) -> Self {
        let http = reqwest::blocking::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { app, http: http.build().unwrap(), cookies: BTreeMap::new() }
    }

    fn send(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.app.url("gateway")));
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.timeout(PATIENCE).header("cookie", pairs.join("; "));
        if method == "POST" {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        }
        let answer = self.app.send(request);
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        (answer.status, answer.text)
    }

    /// Loads a page and sends its form.
    pub fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> u16 {
        let (status, html) = self.send("GET", page, &[]);
        assert_eq!(status, 200, "{html}");
        let token = html.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        self.send("POST", action, &[&[("form_token", token.as_str())], fields].concat()).0
    }
}

/// The file that comes into the folder with these words.
pub fn file_with(folder: &Path, words: &str) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let texts = files.filter_map(|path| std::fs::read_to_string(path).ok());
        if let Some(text) = texts.into_iter().find(|text| text.contains(words)) {
            return text;
        }
        assert!(Instant::now() < end, "no mail with {words:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_forgotten_password_is_reset_with_the_mail_in_the_data_folder() {
    let app = App::start();
    let mut browser = Browser::new(&app);
    let (old, new) = ("correct horse battery", "another horse battery");
    for (page, status) in [("/signup", 200), ("/login", 303)] {
        assert_eq!(browser.submit(page, page, &[("email", EMAIL), ("password", old)]), status, "{page}");
    }
    assert_eq!(Browser::new(&app).submit("/forgot", "/forgot", &[("email", EMAIL)]), 200);
    let mail = file_with(&app.setup.folder().join("outbox"), "/reset?code=");
    assert!(mail.contains(&format!("To: {EMAIL}")), "{mail}");
    let link = mail.lines().find(|line| line.contains("/reset?code=")).unwrap();
    let path = &link[link.find("/reset").unwrap()..];
    let code = path.split_once("code=").unwrap().1;
    assert_eq!(Browser::new(&app).submit(path, "/reset", &[("code", code), ("new", new)]), 303);
    assert_eq!(browser.send("GET", "/account", &[]).0, 303, "signed out");
    let enter = |password| Browser::new(&app).submit("/login", "/login", &[("email", EMAIL), ("password", password)]);
    assert_eq!((enter(old), enter(new)), (403, 303));
    let log = app.log();
    assert!(!log.contains(EMAIL) && !log.contains(code), "{log}");
}

/// Talks as a mail server does until the client leaves, or wants to go on encrypted: then the stream comes back.
fn talk<S: Read + Write>(stream: S, begins: bool, lines: &mut Vec<String>) -> Option<S> {
    let (mut stream, mut in_data) = (BufReader::new(stream), false);
    if begins {
        stream.get_mut().write_all(b"220 mail.example\r\n").ok()?;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        let answer = match line.as_str() {
            "." if in_data => "250 taken\r\n",
            _ if in_data => "",
            "DATA" => "354 go on\r\n",
            "STARTTLS" => "220 go on\r\n",
            line if line.starts_with("EHLO") => "250-mail.example\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
            line if line.starts_with("AUTH") => "235 welcome\r\n",
            _ => "250 ok\r\n",
        };
        in_data = line == "DATA" || (in_data && line != ".");
        lines.push(line.clone());
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
        match line.as_str() {
            "STARTTLS" => return Some(stream.into_inner()),
            "QUIT" => return None,
            _ => {}
        }
    }
}

/// A mail server: its port, and what each client said. With a key it speaks TLS, at once or after `STARTTLS`.
pub fn mail_server(tls: Option<(Arc<rustls::ServerConfig>, bool)>) -> (u16, mpsc::Receiver<Vec<String>>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, (send, mails)) = (server.local_addr().unwrap().port(), mpsc::channel());
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let mut lines = Vec::new();
            let encrypted = |stream, config: &Arc<rustls::ServerConfig>| {
                let session = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                rustls::StreamOwned::new(session, stream)
            };
            match &tls {
                None => drop(talk(stream, true, &mut lines)),
                Some((config, false)) => drop(talk(encrypted(stream, config), true, &mut lines)),
                Some((config, true)) => {
                    if let Some(stream) = talk(stream, true, &mut lines) {
                        lines.push("(encrypted)".to_owned());
                        talk(encrypted(stream, config), false, &mut lines);
                    }
                }
            }
            if send.send(lines).is_err() {
                return;
            }
        }
    });
    (port, mails)
}

fn at_server(url: String) -> Setup {
    Setup::new()
        .env("MEDIA_GATEWAY_MAIL_SMTP_URL", url)
        .env("MEDIA_GATEWAY_MAIL_SMTP_PASSWORD", "open sesame")
        .env("MEDIA_GATEWAY_MAIL_FROM", "Films <films@example.net>")
}

/// Signs somebody up; the status.
pub fn sign_up(app: &App, email: &str) -> u16 {
    Browser::new(app).submit("/signup", "/signup", &[("email", email), ("password", "correct horse battery")])
}

#[test]
fn a_server_of_the_configuration_is_handed_the_mail() {
    let (port, mails) = mail_server(None);
    let app = at_server(format!("smtp://node@127.0.0.1:{port}")).start();
    assert_eq!(sign_up(&app, EMAIL), 200, "where mail gets out, addresses are confirmed first");
    let lines = mails.recv_timeout(PATIENCE).unwrap();
    for expected in ["MAIL FROM:<films@example.net>", "RCPT TO:<ada@example.org>", "Subject: Is this your address?"] {
        assert!(lines.iter().any(|line| line == expected), "{expected} in {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("http://") && line.contains("/verify?code=")), "{lines:#?}");
    assert_eq!(sign_up(&app, EMAIL), 200, "the same for an address that has an account");
    let lines = mails.recv_timeout(PATIENCE).unwrap();
    // They have not confirmed it yet: to be told to sign in would lead nowhere.
    assert!(lines.iter().any(|line| line == "Subject: Is this your address?"), "{lines:#?}");
    assert!(!app.setup.folder().join("outbox").exists());
    let shown = app.setup.run(&["config", "show"]);
    assert!(!String::from_utf8(shown.stdout).unwrap().contains("sesame"));
    let doctor = app.setup.doctor();
    assert!(doctor.contains("ok   mail: handed to the server of `mail.smtp_url`"), "{doctor}");
}

#[test]
fn a_password_of_a_file_is_read_again_while_the_node_runs() {
    let ((port, mails), dir) = (mail_server(None), tempfile::tempdir().unwrap());
    let file = dir.path().join("password");
    let say = |password: &str| std::fs::write(&file, format!("{password}\n")).unwrap();
    say("sesame-one");
    let app = Setup::new()
        .env("MEDIA_GATEWAY_MAIL_SMTP_URL", format!("smtp://node@127.0.0.1:{port}"))
        .env("MEDIA_GATEWAY_MAIL_SMTP_PASSWORD_FILE", file.to_str().unwrap())
        .env("MEDIA_GATEWAY_MAIL_FROM", "films@example.net")
        .start();
    let shows = |password: &str, email: &str| {
        assert_eq!(sign_up(&app, email), 200);
        let shown = format!("AUTH PLAIN {}", BASE64_STANDARD.encode(format!("\0node\0{password}")));
        mails.recv_timeout(PATIENCE).unwrap().contains(&shown)
    };
    assert!(shows("sesame-one", EMAIL));
    say("sesame-two");
    let since = Instant::now();
    let mut letters = 'a'..='z';
    while !shows("sesame-two", &format!("eve-{}@example.org", letters.next().unwrap())) {
        assert!(since.elapsed() < PATIENCE, "the password from before is shown");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(!app.log().contains("sesame"), "{}", app.log());
}

#[test]
fn whether_addresses_are_confirmed_first_is_the_configurations_to_say() {
    let (port, _mails) = mail_server(None);
    let enters = |setup: Setup, first: &str| {
        let app = setup.env("MEDIA_GATEWAY_AUTH_CONFIRM_FIRST", first).start();
        assert_eq!(sign_up(&app, EMAIL), 200);
        Browser::new(&app).submit("/login", "/login", &[("email", EMAIL), ("password", "correct horse battery")])
    };
    assert_eq!(enters(Setup::new(), "true"), 403, "also without a mail server");
    assert_eq!(enters(at_server(format!("smtp://node@127.0.0.1:{port}")), "false"), 303, "nor with one");
}

/// What a server of this machine shows who speaks TLS to it.
fn server_tls(by: &mutual::Authority) -> Arc<rustls::ServerConfig> {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key.into());
    Arc::new(config.unwrap())
}

#[test]
fn mail_goes_out_encrypted_to_a_server_that_can_be_trusted() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), mutual::authority());
    let roots = dir.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    for starttls in [false, true] {
        let (port, mails) = mail_server(Some((server_tls(&authority), starttls)));
        let url = match starttls {
            false => format!("smtps://node@127.0.0.1:{port}"),
            true => format!("smtp://node@127.0.0.1:{port}?tls=required"),
        };
        let app = at_server(url).env("SSL_CERT_FILE", roots.to_str().unwrap()).start();
        assert_eq!(sign_up(&app, EMAIL), 200);
        let lines = mails.recv_timeout(PATIENCE).unwrap();
        let at = |wanted: &str| lines.iter().position(|line| line == wanted);
        assert!(at("RCPT TO:<ada@example.org>").is_some() && at(".").is_some(), "{lines:#?}");
        if starttls {
            let before = &lines[..at("(encrypted)").unwrap()];
            assert!(before.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{before:?}");
        }
    }
    // Who shows a certificate of somebody else's authority is told nothing.
    let (port, mails) = mail_server(Some((server_tls(&mutual::authority()), false)));
    let app = at_server(format!("smtps://node@127.0.0.1:{port}")).env("SSL_CERT_FILE", roots.to_str().unwrap()).start();
    assert_eq!(sign_up(&app, EMAIL), 200);
    assert_eq!(mails.recv_timeout(PATIENCE).unwrap(), Vec::<String>::new());
    let since = Instant::now();
    while !app.log().contains("no encryption that can be trusted") {
        assert!(since.elapsed() < PATIENCE, "{}", app.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_node_does_not_start_with_mail_that_can_not_be_sent() {
    let url = "MEDIA_GATEWAY_MAIL_SMTP_URL";
    let without = Setup::new().env(url, "smtps://mail.example");
    one_line(&without.run(&["serve"]), 1, "`mail.smtp_url` needs `mail.from`");
    let plain = Setup::new().env(url, "smtp://mail.example").env("MEDIA_GATEWAY_MAIL_FROM", "films@example.net");
    one_line(&plain.run(&["serve"]), 1, "mail is not sent in plain text");
    let from_nobody = Setup::new().env(url, "smtps://mail.example").env("MEDIA_GATEWAY_MAIL_FROM", "nope");
    let to_nobody = Setup::new().env(url, "nope").env("MEDIA_GATEWAY_MAIL_FROM", "films@example.net");
    for (setup, named) in [(plain, "`mail.smtp_url`"), (from_nobody, "`mail.from`"), (to_nobody, "`mail.smtp_url`")] {
        one_line(&setup.run(&["serve"]), 1, named);
        let said = setup.doctor();
        let line = said.lines().find(|line| line.starts_with("BAD  mail: ")).unwrap_or_default();
        assert!(line.contains(named) && !said.contains("ok   mail: "), "{said}");
    }
}
