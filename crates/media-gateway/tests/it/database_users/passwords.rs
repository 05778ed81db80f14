//! The files with the passwords of the users: those that are handed on, lost, or hold another.

use std::os::unix::fs::PermissionsExt as _;

use stores::{Db, PasswordFile};

use super::{House, soon};
use crate::{administering::good, app::one_line, fixtures, grpc::block_on};

#[test]
fn a_password_is_made_again_only_where_that_is_asked_for() {
    let house = House::new();
    let (user, out) = (house.name("auth"), house.passwords());
    let settle = ["database", "users", "--out", out.to_str().unwrap()];
    let renew = [&settle[..], &["--renew", user.as_str()][..]].concat();
    let told = |args: &[&str]| {
        let said = good(&house.owner(), args);
        said.lines().find(|line| line.starts_with(&user)).unwrap().to_owned()
    };
    let takes = |file: &PasswordFile| {
        block_on(async {
            let opened = Db::open_postgres_with(&house.address(&user), file.clone(), &testkit::fast()).await;
            let Ok(db) = opened else { return false };
            db.close().await;
            true
        })
    };
    let file = house.password(&user);
    let first = file.read().unwrap();
    // Nothing is done while what is there is another's.
    house.say(format!("GRANT DELETE ON content TO {user}"));
    for wrong in ["a-password-of-16-letters-or-more\n", "short\n", "\n", ""] {
        std::fs::write(file.path(), wrong).unwrap();
        let said = one_line(&house.owner().run(&settle), 1, &format!("does not hold the password of the user {user}"));
        let names = said.contains(file.path().to_str().unwrap()) && said.contains(&format!("--renew {user}"));
        assert!(names && !said.contains("16-letters"), "{said}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), wrong);
    }
    // Handed to a node: it goes on with it.
    std::fs::remove_file(file.path()).unwrap();
    let handed = PasswordFile::new(fixtures::write(house.dir.path(), "handed", first.as_bytes()));
    let said = told(&settle);
    let away = said.contains("  1 revoked  its password is not in ") && said.ends_with(&format!("--renew {user}"));
    assert!(away, "{said}");
    assert!(takes(&handed) && !file.path().exists());
    // Lost.
    assert_eq!(house.stated("database_user.password_changed"), []);
    assert!(told(&renew).ends_with("  0 revoked  another password"));
    assert_eq!(house.stated("database_user.password_changed"), [(user.clone(), "{}".to_owned())]);
    let second = house.password(&user).read().unwrap();
    assert!(second != first && takes(&file) && !takes(&handed));
    assert!(told(&settle).ends_with("  0 revoked"));
    renewed_beside_its_node(&house, &file, &renew);
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(file.path(), open).unwrap();
    let before = file.read().unwrap();
    one_line(&house.owner().run(&renew), 1, "is open to others than its owner");
    assert!(file.read().unwrap() == before && takes(&file), "nothing was changed");
    let nobody = [&settle[..], &["--renew", "nobody"][..]].concat();
    one_line(&house.owner().run(&nobody), 2, "--renew names nobody, who is the user of none");
}

/// Of a file that a node has. What was begun is ended.
fn renewed_beside_its_node(house: &House, file: &PasswordFile, renew: &[&str]) {
    let node = house.start("auth", &[]);
    let before = file.read().unwrap();
    good(&house.owner(), renew);
    assert_ne!(house.password(&house.name("auth")).read().unwrap(), before);
    let user = house.name("auth");
    house.say_above(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"));
    soon("the password is read again", || node.log().contains("the database's password was read again"));
    let next = file.path().with_extension("password.next");
    assert!(!next.exists());
    std::fs::write(&next, "begun-and-not-ended\n").unwrap();
    good(&house.owner(), renew);
    assert!(!next.exists() && file.read().unwrap() == "begun-and-not-ended");
}
