//! Mail from a node: into the data folder, and handed to a server on loopback.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::app::{App, PATIENCE, Setup, one_line};

const EMAIL: &str = "ada@example.org";

/// A browser without script.
struct Browser<'a> {
    app: &'a App,
    http: reqwest::blocking::Client,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(app: &'a App) -> Self {
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
    fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> u16 {
        let (status, html) = self.send("GET", page, &[]);
        assert_eq!(status, 200, "{html}");
        let token = html.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        self.send("POST", action, &[&[("form_token", token.as_str())], fields].concat()).0
    }
}

/// The file that comes into the folder with these words.
fn file_with(folder: &Path, words: &str) -> String {
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
    assert_eq!(browser.submit("/signup", "/signup", &[("email", EMAIL), ("password", old)]), 303);
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

#[test]
fn a_server_of_the_configuration_is_handed_the_mail() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, (send, mails)) = (server.local_addr().unwrap().port(), mpsc::channel());
    std::thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            let mut lines = Vec::new();
            stream.write_all(b"220 mail.example\r\n").unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                let in_data = lines.iter().any(|line| line == "DATA") && !lines.iter().any(|line| line == ".");
                let answer = match line.as_str() {
                    "DATA" => "354 go on\r\n",
                    "." => "250 taken\r\n",
                    _ if in_data => "",
                    line if line.starts_with("EHLO") => "250-mail.example\r\n250 AUTH PLAIN\r\n",
                    line if line.starts_with("AUTH") => "235 welcome\r\n",
                    _ => "250 ok\r\n",
                };
                lines.push(line);
                stream.write_all(answer.as_bytes()).unwrap();
                if lines.last().is_some_and(|line| line == "QUIT") {
                    break;
                }
            }
            send.send(lines).unwrap();
        }
    });
    let setup = Setup::new()
        .env("MEDIA_GATEWAY_MAIL_SMTP_URL", format!("smtp://node@127.0.0.1:{port}"))
        .env("MEDIA_GATEWAY_MAIL_SMTP_PASSWORD", "open sesame")
        .env("MEDIA_GATEWAY_MAIL_FROM", "Films <films@example.net>");
    let app = setup.start();
    let form = [("email", EMAIL), ("password", "correct horse battery")];
    assert_eq!(Browser::new(&app).submit("/signup", "/signup", &form), 303);
    let lines = mails.recv_timeout(PATIENCE).unwrap();
    for expected in ["MAIL FROM:<films@example.net>", "RCPT TO:<ada@example.org>", "Subject: Is this your address?"] {
        assert!(lines.iter().any(|line| line == expected), "{expected} in {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("http://") && line.contains("/verify?code=")), "{lines:#?}");
    assert!(!app.setup.folder().join("outbox").exists());
    let shown = app.setup.run(&["config", "show"]);
    assert!(!String::from_utf8(shown.stdout).unwrap().contains("sesame"));
    let doctor = String::from_utf8(app.setup.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains("ok   mail: handed to the server of `mail.smtp_url`"), "{doctor}");
}

#[test]
fn a_node_does_not_start_with_mail_that_can_not_be_sent() {
    let url = "MEDIA_GATEWAY_MAIL_SMTP_URL";
    let without = Setup::new().env(url, "smtps://mail.example");
    one_line(&without.run(&["serve"]), 1, "`mail.smtp_url` needs `mail.from`");
    let plain = Setup::new().env(url, "smtp://mail.example").env("MEDIA_GATEWAY_MAIL_FROM", "films@example.net");
    one_line(&plain.run(&["serve"]), 1, "mail is not sent in plain text");
}
