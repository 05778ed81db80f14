//! The password of the database's user, changed while a node runs: nobody is refused, whatever becomes of who changes it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Output, Stdio},
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use stores::{Db, args};
use tempfile::TempDir;
use testkit::TestDb;
use tokio::runtime::Runtime;

use crate::app::{App, PATIENCE, Setup, one_line};

/// A database whose user is nobody else's, with the password in a file.
struct World {
    runtime: Runtime,
    database: TestDb,
    /// The server's superuser.
    admin: Db,
    url: String,
    user: String,
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (database, admin) = runtime.block_on(async {
            let server = std::env::var(testkit::POSTGRES).expect("run `make test`");
            (testkit::postgres_alone().await, Db::open_postgres(&server, &testkit::fast()).await.unwrap())
        });
        let (url, user, password) = database.apart().unwrap();
        let world = Self { runtime, database, admin, url, user, dir: tempfile::tempdir().unwrap() };
        fs::write(world.file(), format!("{password}\n")).unwrap();
        fs::set_permissions(world.file(), fs::Permissions::from_mode(0o600)).unwrap();
        world
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    /// What is to take its place, while somebody changes it.
    fn next(&self) -> PathBuf {
        self.dir.path().join("password.next")
    }

    fn password(&self) -> String {
        fs::read_to_string(self.file()).unwrap().trim_end().to_owned()
    }

    /// A node or a command, on a folder of this name.
    fn setup(&self, name: &str) -> Setup {
        let setup = Setup::on(&self.dir.path().join(name)).env("MEDIA_GATEWAY_DATABASE_URL", &self.url);
        setup.env("MEDIA_GATEWAY_DATABASE_PASSWORD_FILE", self.file().display().to_string())
    }

    fn change(&self) -> Output {
        self.setup("beside").run(&["database", "password"])
    }

    /// Ends every connection, so that whoever wants one needs another.
    fn cut(&self) {
        self.runtime.block_on(self.database.cut());
    }

    /// What the server keeps of the password.
    fn kept(&self) -> String {
        let sql = "SELECT rolpassword FROM pg_authid WHERE rolname = $1";
        self.runtime.block_on(self.admin.fetch_one(sql, args![&self.user])).unwrap()
    }

    /// Has somebody change it who is killed while the server is at it, and gives what the server was told. The server, which
    /// does not notice, goes on.
    fn killed(&self) -> String {
        self.runtime.block_on(async {
            let mut held = self.admin.begin().await.unwrap();
            held.execute(format!("ALTER ROLE {} CONNECTION LIMIT 90", self.user), args![]).await.unwrap();
            let mut command = self.setup("beside").command(&["database", "password"]);
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            let sql = "SELECT query FROM pg_stat_activity
                WHERE usename = $1 AND wait_event_type = 'Lock' AND query LIKE '%ALTER ROLE%'";
            let since = Instant::now();
            let told = loop {
                if let Some(told) = self.admin.fetch_optional::<String>(sql, args![&self.user]).await.unwrap() {
                    break told;
                }
                assert!(since.elapsed() < PATIENCE, "nobody waits for the row");
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            child.kill().unwrap();
            child.wait().unwrap();
            // Rolled back: else the other statement would fail.
            drop(held);
            told
        })
    }
}

/// Has a node ask its database.
fn ask(app: &App) {
    app.send(app.request("GET", "/api/v1/admin/dead-letters").bearer_auth(&app.token)).ok();
}

fn good(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn doctor(setup: &Setup) -> String {
    String::from_utf8(setup.run(&["doctor"]).stdout).unwrap()
}

#[test]
fn a_node_answers_while_its_database_gets_other_passwords() {
    let world = World::new();
    let app = world.setup("node").start();
    let (between, over, asked) = (RwLock::new(()), AtomicBool::new(false), AtomicUsize::new(0));
    let (since, mut passwords) = (Instant::now(), vec![world.password()]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) && since.elapsed() < PATIENCE {
                    let _in_flight = between.read().unwrap();
                    ask(&app);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..3 {
            let said = good(&world.change());
            passwords.push(world.password());
            assert!(passwords.iter().all(|password| !said.contains(password)), "{said}");
            // Not while one is on its way: that would be the outage of a server, and not another password.
            let nobody = between.write().unwrap();
            world.cut();
            drop(nobody);
            let enough = asked.load(Ordering::Relaxed) + 20;
            while asked.load(Ordering::Relaxed) < enough {
                assert!(since.elapsed() < PATIENCE, "nobody is answered: {}", app.log());
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    passwords.dedup();
    assert_eq!(passwords.len(), 4, "each is another");
    assert_eq!(fs::metadata(world.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let old = world.runtime.block_on(Db::open_postgres(&world.database.url().unwrap(), &testkit::fast()));
    assert!(old.is_err(), "the first is no good any more");
    assert!(doctor(&app.setup).contains("ok   database password: 0 days old"), "{}", doctor(&app.setup));
    let shown = app.setup.run(&["config", "show", "--origin"]).stdout;
    let shown = String::from_utf8(shown).unwrap() + &app.log();
    assert!(passwords.iter().all(|password| !shown.contains(password)), "{shown}");
    assert!(app.log().contains("the database's password was read again"), "{}", app.log());
    let log = String::from_utf8(app.setup.run(&["audit", "export"]).stdout).unwrap();
    let stated: Vec<_> = log.lines().filter(|line| line.contains("database_user.password_changed")).collect();
    let whose = format!("\"target\":\"{}\"", world.user);
    let by_operator = stated.iter().all(|line| line.contains("\"actor\":\"operator\"") && line.contains(&whose));
    assert!(stated.len() == 3 && by_operator, "{log}");
    assert!(passwords.iter().all(|password| !log.contains(password)), "{log}");
    // What is wrong harms nobody before the next start, and the doctor says so before that.
    fs::write(world.file(), "mistyped\n").unwrap();
    world.cut();
    ask(&app);
    let said = doctor(&app.setup);
    assert!(
        said.contains("less database password: no node would start with it") && !said.contains("mistyped"),
        "{said}"
    );
}

#[test]
fn whoever_changes_it_may_be_killed_at_any_moment() {
    let world = World::new();
    let app = world.setup("node").start();
    // Before the server heard of it.
    fs::write(world.next(), "never-told\n").unwrap();
    fs::set_permissions(world.next(), fs::Permissions::from_mode(0o600)).unwrap();
    world.cut();
    ask(&app);
    good(&world.change());
    world.cut();
    ask(&app);
    // While the server is at it.
    let before = world.password();
    let told = world.killed();
    let begun = fs::read_to_string(world.next()).unwrap().trim_end().to_owned();
    assert!(told.contains(" PASSWORD 'SCRAM-SHA-256$4096:") && begun.len() == 43 && !told.contains(&begun), "{told}");
    let since = Instant::now();
    while !told.contains(&world.kept()) {
        assert!(since.elapsed() < PATIENCE, "the server has not heard of it");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(world.password(), before);
    world.cut();
    ask(&app);
    let other = world.setup("other");
    good(&other.run(&["migrate"]));
    assert!(doctor(&other).contains("less database password: a change was begun"), "{}", doctor(&other));
    // The next ends it, and goes on from there.
    good(&world.change());
    assert!(!world.next().exists() && ![&before, &begun].contains(&&world.password()));
    world.cut();
    ask(&app);
    assert!(doctor(&other).contains("ok   database password: "), "{}", doctor(&other));
}

#[test]
fn what_can_not_be_changed_or_read_is_named() {
    one_line(&Setup::new().run(&["database", "password"]), 2, "there is no `database.password_file`");
    let world = World::new();
    let held = fs::File::open(world.dir.path()).unwrap();
    held.lock().unwrap();
    one_line(&world.change(), 6, "another process is changing");
    drop(held);
    let before = world.kept();
    let other = world.setup("other");
    fs::write(world.file(), "mistyped\n").unwrap();
    for output in [world.change(), other.run(&["migrate"])] {
        let line = one_line(&output, 5, "password authentication failed");
        assert!(!line.contains("mistyped"), "{line}");
    }
    fs::remove_file(world.file()).unwrap();
    one_line(&other.run(&["migrate"]), 5, "its password can't be read from");
    let twice = other.env("MEDIA_GATEWAY_DATABASE_URL", world.database.url().unwrap());
    one_line(&twice.run(&["migrate"]), 1, "`database.url` holds a password");
    assert_eq!((world.kept(), world.next().exists()), (before, false));
}
