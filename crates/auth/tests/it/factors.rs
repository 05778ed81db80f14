//! The second factor in a browser: adding an authenticator, signing in with it, replays, backup codes, giving it up.

use rstest::rstest;

use crate::world::{Answer, Browser, PASSWORD, World, hidden};

const EMAIL: &str = "ada@example.org";
const SECOND: [(&str, &str); 2] = [("email", EMAIL), ("password", PASSWORD)];

/// The secret that is shown as this key.
pub fn bytes(key: &str) -> Vec<u8> {
    const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = key
        .chars()
        .flat_map(|digit| {
            let value = BASE32.find(digit).unwrap();
            (0..5).rev().map(move |bit| u8::try_from(value >> bit & 1).unwrap())
        })
        .collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect()
}

/// The password of now of an authenticator that was given this key, as RFC 6238 has it: written anew, so that the test
/// does not believe what it tests.
fn password(world: &World, key: &str) -> String {
    let secret = bytes(key);
    let step = (world.clock.now().as_second() / 30).to_be_bytes();
    let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = aws_lc_rs::hmac::sign(&mac, &step);
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

fn between<'a>(html: &'a str, open: &str) -> Vec<&'a str> {
    html.split(open).skip(1).map(|rest| rest.split("</code>").next().unwrap()).collect()
}

/// Adds an authenticator; its key and the backup codes.
pub async fn add(browser: &mut Browser<'_>) -> (String, Vec<String>) {
    let shown = browser.submit("/account", "/account/factor", &[]).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    let key = between(&shown.text, "<code>")[0].to_owned();
    assert!(shown.text.contains(&format!("otpauth://totp/Media%20Gateway:ada%40example.org?secret={key}")));
    let wrong = browser.submit("/account", "/account/factor/confirm", &[("code", "000000")]).await;
    assert_eq!(wrong.status, 400);
    let code = password(browser.world, &key);
    let done = browser.submit("/account", "/account/factor/confirm", &[("code", &code)]).await;
    assert_eq!(done.status, 200, "{}", done.text);
    (key, between(&done.text, "<code>").into_iter().map(str::to_owned).collect())
}

/// Shows the password in a new browser, which is then asked for the second factor.
async fn half(world: &World) -> Browser<'_> {
    let mut browser = Browser::new(world);
    let asked = browser.submit("/login?next=/device", "/login", &[&SECOND[..], &[("next", "/device")]].concat()).await;
    assert_eq!((asked.status.as_u16(), asked.header("location")), (303, "/login/code?next=%2Fdevice"));
    assert_eq!(browser.get("/account").await.status, 303, "half a sign-in opens nothing");
    browser
}

async fn show(browser: &mut Browser<'_>, code: &str) -> Answer {
    browser.submit("/login/code", "/login/code", &[("code", code), ("next", "/device")]).await
}

#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn who_has_an_authenticator_signs_in_with_it(#[case] engine: &str) {
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let (key, backup) = add(&mut browser).await;
    assert_eq!(backup.len(), 10);
    let used = password(&world, &key);
    assert_eq!(show(&mut half(&world).await, &used).await.status, 403, "the code that confirmed it was used");
    world.advance(30);
    let code = password(&world, &key);
    let mut second = half(&world).await;
    let entered = show(&mut second, &code).await;
    assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/device"));
    assert_eq!(second.get("/account").await.status, 200);
    assert_eq!(show(&mut half(&world).await, &code).await.status, 403, "no code is good twice");

    // A backup code, however it is typed, and once.
    let typed = backup[0].to_lowercase().replace('-', " ");
    assert_eq!(show(&mut half(&world).await, &typed).await.status, 303);
    assert_eq!(show(&mut half(&world).await, &backup[0]).await.status, 403);

    // Given up by whoever shows it; then the password is enough.
    let wrong = second.submit("/account", "/account/factor/end", &[("code", &backup[0])]).await;
    assert_eq!(wrong.status, 400);
    let ended = second.submit("/account", "/account/factor/end", &[("code", &backup[1])]).await;
    assert_eq!((ended.status.as_u16(), ended.header("location")), (303, "/account"));
    let entered = Browser::new(&world).submit("/login", "/login", &SECOND).await;
    assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/account"));
}

#[tokio::test]
async fn wrong_codes_lock_the_account_and_halves_end() {
    let world = World::open("sqlite").await;
    let (key, backup) = add(&mut Browser::signed_up(&world, EMAIL).await).await;
    world.advance(30);
    let mut browser = half(&world).await;
    for _ in 0..5 {
        assert_eq!(show(&mut browser, "000000").await.status, 403);
    }
    for code in [&password(&world, &key), &backup[0]] {
        assert_eq!(show(&mut browser, code).await.status, 403, "locked, whatever is shown");
    }
    let asked = Browser::new(&world).submit("/login", "/login", &SECOND).await;
    assert_eq!(asked.status, 403, "and so is the password");
    world.advance(30);
    assert_eq!(show(&mut browser, &password(&world, &key)).await.status, 303);

    // The half of somebody else, a made-up one, and one that took too long.
    let mut late = half(&world).await;
    world.advance(301);
    assert_eq!(show(&mut late, &password(&world, &key)).await.status, 403);
    let mut forged = half(&world).await;
    let own = forged.cookies["__Host-mg_half"].clone();
    for text in [own.replace('.', ".1"), own[1..].to_owned(), format!("{own}x"), "..".to_owned()] {
        forged.cookies.insert("__Host-mg_half".to_owned(), text);
        assert_eq!(show(&mut forged, &backup[1]).await.status, 403);
    }
}

/// Whoever has somebody's old password has no half of theirs left.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn a_half_ends_with_the_password_it_is_of(#[case] engine: &str) {
    const OTHER: &str = "another horse battery";
    let world = World::open(engine).await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let (_, backup) = add(&mut browser).await;
    let (mut before, mut kept) = (half(&world).await, half(&world).await);
    assert_eq!(show(&mut kept, &backup[0]).await.status, 303, "as long as the password is the same");
    let change = [("old", PASSWORD), ("new", OTHER)];
    assert_eq!(browser.submit("/account", "/account/password", &change).await.status, 303);
    assert_eq!(show(&mut before, &backup[1]).await.status, 403);
    let mut after = Browser::new(&world);
    let asked = after.submit("/login", "/login", &[("email", EMAIL), ("password", OTHER)]).await;
    assert_eq!(asked.header("location").split('?').next(), Some("/login/code"));
    assert_eq!(show(&mut after, &backup[1]).await.status, 303, "which was not used up");
}

/// Many guesses at once are no more than the same one after the other.
#[rstest]
#[case("sqlite")]
#[case("postgres")]
#[tokio::test]
async fn guesses_at_once_are_counted_each(#[case] engine: &str) {
    let world = World::open(engine).await;
    let (key, _) = add(&mut Browser::signed_up(&world, EMAIL).await).await;
    world.advance(30);
    let mut browser = half(&world).await;
    let form = hidden(&browser.get("/login/code").await.text, "form_token");
    let cookies = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let headers = [("cookie", cookies.as_str())];
    let fields = [("form_token", form.as_str()), ("code", "000000")];
    let guesses = (0..20).map(|_| world.form_with("/login/code", &fields, &headers));
    assert!(futures::future::join_all(guesses).await.iter().all(|answer| answer.status == 403));
    let failures: i64 = world.db.fetch_one("SELECT failed_attempts FROM auth_users", stores::args![]).await.unwrap();
    assert_eq!(failures, 5, "the fifth locks, and the others are not looked at");
    assert_eq!(show(&mut browser, &password(&world, &key)).await.status, 403);
}

#[tokio::test]
async fn an_authenticator_is_added_in_ones_own_account_and_once() {
    let world = World::open("sqlite").await;
    let mut browser = Browser::signed_up(&world, EMAIL).await;
    let first = browser.submit("/account", "/account/factor", &[]).await;
    let first = between(&first.text, "<code>")[0].to_owned();
    // Begun again: the first key counts no more.
    let (key, _) = add(&mut browser).await;
    assert_ne!(first, key);
    assert_eq!(browser.submit("/account", "/account/factor/end", &[("code", "no code")]).await.status, 400);
    let form = hidden(&browser.get("/account").await.text, "form_token");
    assert_eq!(browser.post("/account/factor", &[("form_token", &form)], &[]).await.status, 409);
    let mut stranger = Browser::new(&world);
    let form = hidden(&stranger.get("/login").await.text, "form_token");
    for action in ["/account/factor", "/account/factor/confirm", "/account/factor/end"] {
        let answer = stranger.post(action, &[("form_token", &form), ("code", "000000")], &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location").starts_with("/login")), (303, true), "{action}");
        assert_eq!(stranger.post(action, &[("form_token", "forged")], &[]).await.status, 403, "{action}");
    }
}
