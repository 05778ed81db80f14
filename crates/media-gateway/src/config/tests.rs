//! What a configuration must hold, and what is refused.

use super::*;

fn load(toml: &str) -> anyhow::Result<Config> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("media-gateway.toml");
    std::fs::write(&path, toml)?;
    Config::load(&Flags { config: Some(path), ..Flags::default() })
}

fn sentence(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

#[test]
fn defaults_run_every_role_embedded() {
    let config = load("").unwrap();
    assert_eq!(config.profile, Profile::Embedded);
    assert!(config.all_roles());
    assert_eq!(config.listen.gateway.port(), 8080);
    let ports = Role::ALL.map(|role| role.address(&config.listen));
    assert!(ports.iter().chain([&config.listen.metrics]).all(|port| port.ip().is_loopback()), "{ports:?}");
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    let error = load("[listen]\ngatewya = \"127.0.0.1:1\"").unwrap_err();
    assert!(sentence(&error).contains("gatewya"), "{}", sentence(&error));
}

#[test]
fn a_flag_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(&path, "data_dir = \"from-file\"\n[log]\nlevel = \"debug\"").unwrap();
    let flags = Flags { config: Some(path), data_dir: Some("from-flag".into()), ..Flags::default() };
    let config = Config::load(&flags).unwrap();
    assert_eq!(config.data_dir, Some("from-flag".into()));
    assert_eq!(config.log.level, "debug");
    let origins = Config::origins(&flags).unwrap();
    assert_eq!(origins["data_dir"].1, "flag");
    assert!(origins["log.level"].1.starts_with("file "));
    assert_eq!(origins["search.rrf_k"].1, "default");
    assert_eq!(origins["redis.url"], (serde_json::Value::Null, "not set".to_owned()));
}

#[test]
fn a_model_that_hangs_is_given_up_before_search_is() {
    let at = |model: u64, request: u64| {
        let intent = "[intent]\nurl = \"http://127.0.0.1:1/v1\"\nmodel = \"small\"\n";
        load(&format!("{intent}timeout_ms = {model}\n[limits]\nrequest_timeout_ms = {request}"))
    };
    for (model, request) in [(50, 10_000), (800, 10_000), (800, 2_000), (400, 1_000)] {
        at(model, request).unwrap();
    }
    for (model, request) in [(49, 10_000), (801, 10_000), (5_000, 10_000), (401, 1_000)] {
        let error = at(model, request).unwrap_err();
        assert!(sentence(&error).contains("`intent.timeout_ms`"), "{}", sentence(&error));
    }
    load("[limits]\nrequest_timeout_ms = 100").unwrap();
}

#[test]
fn roles_apart_need_postgres() {
    let error = load("roles = [\"search\"]").unwrap_err();
    assert!(sentence(&error).contains("SQLite is one file with one owner"), "{}", sentence(&error));
    load("roles = [\"search\"]\n[database]\nurl = \"postgres://db/mg?sslmode=verify-full\"").unwrap();
}

#[test]
fn no_password_of_a_url_is_shown() {
    for (url, shown) in [
        ("postgres://me:secret@db/mg?sslmode=require", "postgres://me:***@db/mg?sslmode=require"),
        ("postgres://me@db/mg?a=b&password=secret&c=d", "postgres://me:***@db/mg?a=b&password=***&c=d"),
        ("postgres://db/mg?password=sec@ret", "postgres://***"),
        ("postgres://me:sec?ret@db/mg", "postgres://***"),
        ("postgres://me:sec@ret@db/mg", "postgres://me:***@db/mg"),
        ("https://example.org/a?b=c&d", "https://example.org/a?b=c&d"),
        ("https://example.org/?", "https://example.org/?"),
        ("nothing?password=", "nothing?password="),
    ] {
        assert_eq!(mask(url.into()), serde_json::Value::from(shown));
    }
}

#[test]
fn the_databases_password_is_given_once() {
    let with = |url: &str| load(&format!("[database]\n{url}\npassword_file = \"/etc/password\""));
    with("url = \"postgres://me@127.0.0.1/mg\"").unwrap();
    with("url = \"postgres:///mg?host=/run/postgresql\"").unwrap();
    for twice in ["postgres://me:secret@127.0.0.1/mg", "postgres://me@127.0.0.1/mg?sslmode=disable&password=secret"] {
        let said = sentence(&with(&format!("url = \"{twice}\"")).unwrap_err());
        assert!(said.contains("`database.url` holds a password") && !said.contains("secret"), "{said}");
        load(&format!("[database]\nurl = \"{twice}\"")).unwrap();
    }
    assert!(sentence(&with("").unwrap_err()).contains("`database.password_file` needs `database.url`"));
}

#[test]
fn engines_beyond_this_machine_are_spoken_to_over_tls() {
    for (setting, url) in [
        ("database", "postgres://db/mg"),
        ("database", "postgres://me:secret@10.0.0.2/mg?sslmode=prefer"),
        ("database", "postgresql://db/mg?sslmode=disable"),
        ("redis", "redis://cache"),
        ("redis", "redis://me:secret@10.0.0.2:6379/1"),
    ] {
        let error = load(&format!("[{setting}]\nurl = \"{url}\"")).unwrap_err();
        let said = sentence(&error);
        assert!(said.contains(&format!("`{setting}.url`")) && said.contains("plain text"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    for (setting, url) in [
        ("database", "postgres://127.0.0.1/mg"),
        ("database", "postgres:///mg?host=/run/postgresql"),
        ("database", "postgres://db/mg?sslmode=require"),
        ("database", "postgres://db/mg?sslrootcert=system"),
        ("redis", "redis://localhost:6379"),
        ("redis", "redis://[::1]/2"),
        ("redis", "rediss://cache"),
    ] {
        load(&format!("[{setting}]\nurl = \"{url}\"")).unwrap();
    }
}

#[test]
fn what_people_type_goes_over_tls_too() {
    let intent = |url: &str| load(&format!("[intent]\nmodel = \"m\"\nurl = \"{url}\""));
    for plain in ["http://10.0.0.5/v1", "http://localhost.example/v1"] {
        let said = sentence(&intent(plain).unwrap_err());
        assert!(said.contains("`intent.url`") && said.contains("plain text"), "{said}");
    }
    for good in ["https://model.example/v1", "http://127.0.0.1:11434/v1", "http://[::1]/v1", "http://localhost/v1"] {
        intent(good).unwrap();
    }
}

#[test]
fn accounts_elsewhere_are_asked_over_tls() {
    let google =
        |url: &str| load(&format!("[auth.google]\nclient_id = \"app\"\nclient_secret = \"secret\"\nurl = \"{url}\""));
    for plain in ["http://accounts.example", "http://127.0.0.1:80@accounts.example", "accounts.example"] {
        let said = sentence(&google(plain).unwrap_err());
        assert!(said.contains("`auth.google`") && said.contains("neither https nor on this machine"), "{said}");
    }
    for good in ["https://accounts.example", "http://127.0.0.1:9000", "http://[::1]:9000"] {
        google(good).unwrap();
    }
}

#[test]
fn production_needs_a_database() {
    let error = load("profile = \"production\"").unwrap_err();
    assert!(sentence(&error).contains("database.url"), "{}", sentence(&error));
}

#[test]
fn a_limit_of_nothing_is_refused() {
    // Each can be, but not both: the most that could be held is 16 GiB.
    let error = load("[limits]\nmax_in_flight = 1024\nmax_body_bytes = 16777216").unwrap_err();
    assert!(sentence(&error).contains("`limits.max_in_flight` times"), "{}", sentence(&error));
    load("[limits]\nmax_in_flight = 64\nmax_body_bytes = 16777216").unwrap();
    let error = load("[limits]\nmax_in_flight = 0").unwrap_err();
    assert!(sentence(&error).contains("limits.max_in_flight"), "{}", sentence(&error));
    let error = load("[limits]\nhedge_after_ms = 0").unwrap_err();
    assert!(sentence(&error).contains("limits.hedge_after_ms"), "{}", sentence(&error));
}

#[test]
fn a_misspelt_level_is_refused() {
    for good in ["info", "WARN,search=debug", "off", "search=trace"] {
        check_level(good).unwrap();
    }
    for bad in ["inf", "info,loud", ""] {
        assert!(check_level(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_variable_that_is_no_setting_is_refused() {
    let check = |name: &str| check_environment(std::iter::once(name.to_owned()));
    for known in ["MEDIA_GATEWAY_DATA_DIR", "MEDIA_GATEWAY_SEARCH_RRF_K", "MEDIA_GATEWAY_TEST_MODEL", "HOME"] {
        check(known).unwrap();
    }
    let error = check("MEDIA_GATEWAY_LISTEN").unwrap_err();
    assert!(sentence(&error).contains("MEDIA_GATEWAY_LISTEN is no setting"), "{}", sentence(&error));
    let error = check("MEDIA_GATEWAY_LIMITS_MAX_BODY_BYTES").unwrap_err();
    assert!(sentence(&error).ends_with("is MEDIA_GATEWAY_MAX_BODY_BYTES"), "{}", sentence(&error));
}

#[test]
fn what_a_node_takes_over_is_among_its_settings() {
    let known = Config::variables();
    for live in changes::LIVE {
        assert!(known.keys().any(|key| key == live || live.ends_with('.') && key.starts_with(live)), "{live}");
    }
    let settings = |pairs: &[(&str, u32)]| -> Settings {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
    };
    let started = settings(&[("log.level", 1), ("rate_limits.max_keys", 1), ("listen.gateway", 1), ("redis.url", 1)]);
    let held = settings(&[("log.level", 2), ("rate_limits.max_keys", 2), ("listen.gateway", 2)]);
    let told = reloaded(&started, &held, &settings(&[("log.level", 2), ("rate_limits.max_keys", 2), ("search.k", 1)]));
    assert_eq!(told.applied, ["search.k"], "the level has held since the last reading");
    assert_eq!(told.waiting, ["listen.gateway", "rate_limits.max_keys", "redis.url"]);
    assert_eq!(reloaded(&started, &held, &started).waiting, [""; 0], "they are as they were at the start");
}

#[test]
fn every_option_that_names_a_secrets_file_may_name_one_of_the_secret_manager() {
    // What is no secret, or changes together with what is none, or is written by us.
    const FILES: [&str; 5] = [
        "peers.certificate_file",
        "peers.key_file",
        "peers.authorities_file",
        "redis.authorities_file",
        "database.password_file",
    ];
    let variables = Config::variables();
    let of_secret = |key: &&str| key.ends_with("_file") && !FILES.contains(key);
    let files: Vec<_> = variables.keys().map(String::as_str).filter(of_secret).collect();
    assert!(files.len() >= 6, "{files:?}");
    let fields = ["sources.a.key_file", "sources.a.client_secret_file", "sources.a.webhook_secret_file"];
    for key in files.into_iter().chain(fields) {
        let (section, option) = key.rsplit_once('.').unwrap();
        let text = format!("[{section}]\n{option} = \"gcp-secret:projects/p/secrets/s\"");
        let layer: Layer = toml::from_str(&text).unwrap();
        let config = Config::from_layer(layer.with_fallback(Layer::default_values())).unwrap();
        let secrets = cloud::secrets(&config).unwrap();
        assert_eq!(secrets.len(), 1, "`{key}` is not among the files of config/cloud.rs");
        assert_eq!(secrets[0].1.as_str(), "projects/p/secrets/s/versions/latest");
    }
}
