//! The command line signs in with a code, and makes API keys for whoever is signed in.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    app::{App, Setup, one_line},
    fixtures,
    mail::Browser,
};

/// By what the access token in a file of the command line is signed, and of what kind it says it is.
fn head_of_the_token(file: &Path) -> Value {
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let servers = kept.as_object().unwrap();
    let token = servers.values().next().unwrap()["access_token"].as_str().unwrap();
    let head = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    json!([head["alg"], head["typ"]])
}

#[test]
fn the_command_line_signs_in_and_makes_keys() {
    let (app, home) = (App::start(), tempfile::tempdir().unwrap());
    let cli = |args: &[&str]| -> Command {
        let mut command = app.setup.command(&[args, &["--server", app.url("gateway")]].concat());
        command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
        command
    };
    let run = |args: &[&str]| -> Output { cli(args).output().unwrap() };
    let good = |args: &[&str]| -> String {
        let output = run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    one_line(&run(&["auth", "whoami"]), 4, "nobody is signed in");
    let mut browser = Browser::new(&app);
    let form = [("email", "ada@example.org"), ("password", "correct horse battery")];
    assert_eq!((browser.submit("/signup", "/signup", &form), browser.submit("/login", "/login", &form)), (200, 303));
    let mut login = cli(&["auth", "login"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut said, mut line) = (BufReader::new(login.stderr.take().unwrap()), String::new());
    said.read_line(&mut line).unwrap();
    let code = line.trim().rsplit(' ').next().unwrap();
    assert_eq!(browser.submit("/account", "/device", &[("user_code", code), ("decision", "allow")]), 200);
    assert!(login.wait().unwrap().success());
    let file = home.path().join("media-gateway/credentials.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(head_of_the_token(&file), json!(["RS256", "at+jwt"]), "where nothing else is said");
    assert!(good(&["auth", "whoami"]).contains("(basic_user)"));
    let mut unaddressed = app.setup.command(&["auth", "whoami"]);
    unaddressed.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
    let address = app.url("gateway").trim_start_matches("http://");
    assert!(unaddressed.env("MEDIA_GATEWAY_LISTEN_GATEWAY", address).status().unwrap().success());

    let made = good(&["auth", "api-keys", "create", "assistant", "--kind", "mcp"]);
    let (id, key) = made.trim().split_once("  ").unwrap();
    assert!(key.starts_with("mg_mcp_"), "{made}");
    let asked = || app.send(app.request("GET", "/api/v1/auth/me").bearer_auth(key));
    let opens = || asked().status;
    assert_eq!((opens(), asked().header("ratelimit-policy")), (200, "\"quarter\";q=1000;w=900"));
    let listed = good(&["auth", "api-keys", "list"]);
    assert!(listed.starts_with(&format!("{id}  mcp  assistant  read:content  ")) && !listed.contains(key), "{listed}");
    let wide = ["auth", "api-keys", "create", "x", "--kind", "mcp", "--scopes", "write:watchlist"];
    one_line(&run(&wide), 2, "a key reaches no further than its kind");
    good(&["auth", "api-keys", "end", id]);
    assert_eq!(opens(), 401);

    one_line(&run(&["auth", "age-limit", "show"]), 3, "this account has no age limit");
    assert!(good(&["auth", "age-limit", "set", "12", "--region", "DEU"]).starts_with("12  DE  "));
    one_line(&run(&["auth", "age-limit", "set", "99"]), 2, "99 is no age of a certificate");
    assert!(good(&["auth", "age-limit", "show"]).starts_with("12  DE  "));
    good(&["auth", "age-limit", "end"]);
    one_line(&run(&["auth", "age-limit", "show"]), 3, "this account has no age limit");
    good(&["auth", "logout"]);
    one_line(&run(&["auth", "whoami"]), 4, "nobody is signed in");
}

#[test]
fn without_a_server_the_command_line_asks_that_of_its_configuration() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let file = fixtures::write(dir.path(), "media-gateway.toml", b"[listen]\ngateway = \"127.0.0.1:4711\"\n");
    let asked = |args: &[&str], env: &[(&str, &str)]| -> String {
        let mut command = setup.command(&[&["auth", "whoami"][..], args].concat());
        command.env("HOME", dir.path()).env("XDG_CONFIG_HOME", dir.path()).envs(env.iter().copied());
        let said = one_line(&command.output().unwrap(), 4, "nobody is signed in at ");
        said.split(" at ").nth(1).unwrap().split(": run").next().unwrap().to_owned()
    };
    let (listen, issuer) = ("MEDIA_GATEWAY_LISTEN_GATEWAY", "MEDIA_GATEWAY_AUTH_ISSUER");
    let config = ["--config", file.as_str()];
    assert_eq!(asked(&[], &[]), "http://127.0.0.1:8080");
    assert_eq!(asked(&config, &[]), "http://127.0.0.1:4711");
    assert_eq!(asked(&config, &[(listen, "0.0.0.0:4712")]), "http://127.0.0.1:4712");
    assert_eq!(asked(&config, &[(issuer, "https://gateway.example/")]), "https://gateway.example");
    let flag = [&config[..], &["--server", "https://other.example"]].concat();
    assert_eq!(asked(&flag, &[(issuer, "https://gateway.example")]), "https://other.example");
    assert_eq!(asked(&["--server", "127.0.0.1:4713"], &[]), "http://127.0.0.1:4713", "as it is written elsewhere");
    assert_eq!(asked(&["--server", "other.example"], &[]), "https://other.example");
    let wrong = setup.run(&["auth", "login", "--server", "ftp://other.example"]);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(wrong.status.code() == Some(2) && said.contains("write an address like https://"), "{said}");
}

/// Reads a request to its end: what is not read would cut the answer off.
fn take(stream: &TcpStream) {
    let (mut reader, mut length) = (BufReader::new(stream), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(bytes) = line.to_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
}

#[test]
fn whoever_signs_in_at_something_else_hears_what_was_asked_and_what_came() {
    let (setup, home) = (Setup::new(), tempfile::tempdir().unwrap());
    let answer = |head: &str, body: &str| {
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    };
    let problem = "429 Too Many Requests\r\ncontent-type: application/problem+json";
    let table = [
        (Some(answer("200 OK\r\ncontent-type: text/html", "<p>Welcome</p>")), "answered with 200 OK and text/html"),
        (Some(answer("200 OK\r\ncontent-type: application/json", "{}")), "answered with 200 OK and application/json"),
        (Some(answer("404 Not Found", "")), "answered with 404 Not Found and no type of content"),
        (Some(answer(problem, "{\"code\":\"busy\",\"detail\":\"ask again later\"}")), "error: ask again later (busy)"),
        (Some("220 mail.example ready\r\n".to_owned()), "was not answered: "),
        (None, "was not answered: Connection refused"),
    ];
    for (came, expected) in table {
        let (mut address, mut server) = ("127.0.0.1:1".to_owned(), None);
        if let Some(came) = came {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            address = listener.local_addr().unwrap().to_string();
            server = Some(std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                take(&stream);
                stream.write_all(came.as_bytes()).unwrap();
            }));
        }
        let mut login = setup.command(&["auth", "login", "--server", &address]);
        login.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
        let said = one_line(&login.output().unwrap(), 5, expected);
        assert!(said.contains(&format!("POST http://{address}/oauth/device ")) || said.contains("(busy)"), "{said}");
        if let Some(server) = server {
            server.join().unwrap();
        }
    }
}
