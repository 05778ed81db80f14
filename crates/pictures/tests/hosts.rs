//! An image host on this machine that behaves well and badly.
#![allow(clippy::unwrap_used, reason = "a host that can't be built should stop the test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use contracts::{PictureError, Pictures as _};
use pictures::{HostedPictures, Hosts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A green PNG of 1 × 1 pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8,
    2, 0, 0, 0, 0x90, 0x77, 0x53, 0xde, 0, 0, 0, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x50, 0x58, 0xe0, 0,
    0, 1, 0xe4, 1, 1, 0x0e, 0x5d, 0xdc, 0x39, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// A PNG's head that says 60 000 × 60 000 pixels, with the checksum of such a head.
const BOMB: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0xea, 0x60, 0, 0,
    0xea, 0x60, 8, 2, 0, 0, 0, 0x0f, 0xb0, 0xe2, 0x15, 0, 0, 0, 0x0c, 0x49, 0x44, 0x41, 0x54,
];

struct Host {
    asked: AtomicUsize,
}

async fn host() -> (Arc<Host>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let host = Arc::new(Host { asked: AtomicUsize::new(0) });
    let shared = Arc::clone(&host);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(answer(socket, Arc::clone(&shared)));
        }
    });
    (host, origin)
}

async fn answer(mut socket: TcpStream, host: Arc<Host>) {
    let mut head = vec![0; 4_096];
    let read = socket.read(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..read]).into_owned();
    host.asked.fetch_add(1, Ordering::SeqCst);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, length, body): (&str, usize, Vec<u8>) = match path {
        "/good.png" => {
            tokio::time::sleep(Duration::from_millis(100)).await;
            ("200 OK", PIXEL.len(), PIXEL.to_vec())
        }
        "/page.jpg" => ("200 OK", 31, b"<!doctype html><h1>Welcome</h1>".to_vec()),
        "/half.png" => ("200 OK", PIXEL.len() - 30, PIXEL[..PIXEL.len() - 30].to_vec()),
        "/cut.png" => ("200 OK", PIXEL.len(), PIXEL[..20].to_vec()),
        "/bomb.png" => ("200 OK", BOMB.len(), BOMB.to_vec()),
        "/long.png" => ("200 OK", 9 << 20, vec![0; 9 << 20]),
        "/slow.png" => return tokio::time::sleep(Duration::from_secs(20)).await,
        "/moved.png" => ("302 Found\r\nLocation: /good.png", 0, Vec::new()),
        "/busy.png" => ("503 Busy", 0, Vec::new()),
        _ => ("404 Not Found", 0, Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.write_all(&body).await;
}

fn pictures(origin: &str) -> HostedPictures {
    within(origin, Duration::from_secs(60))
}

/// As [`pictures`], where a host may take as long as this.
fn within(origin: &str, timeout: Duration) -> HostedPictures {
    let hosts = Hosts::parse(&[origin.to_owned()]).unwrap();
    HostedPictures::new(hosts, 1 << 20, timeout).unwrap()
}

#[tokio::test]
async fn many_who_want_one_picture_ask_its_host_once() {
    let (host, origin) = host().await;
    let pictures = pictures(&origin);
    let url = format!("{origin}/good.png");
    let wanted = (0..20).map(|at| pictures.picture(&url, if at % 2 == 0 { 120 } else { 500 }));
    let given = futures::future::join_all(wanted).await;
    let first = given[0].as_ref().unwrap();
    assert_eq!(first.media_type, "image/jpeg");
    assert!(first.bytes.starts_with(&[0xff, 0xd8]) && !first.placeholder.is_empty());
    assert!(given.iter().all(|one| one.as_ref().unwrap() == first), "it is one pixel wide in every width");
    assert_eq!(host.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_a_host_does_wrong_is_named_and_not_asked_for_again() {
    let (host, origin) = host().await;
    let (patient, hasty) = (pictures(&origin), within(&origin, Duration::from_millis(600)));
    let table = [
        ("/nothing.png", PictureError::Gone),
        ("/page.jpg", PictureError::Unusable("it is neither JPEG, PNG nor WebP")),
        ("/half.png", PictureError::Unusable("it is broken")),
        ("/cut.png", PictureError::Failed("it can't be reached")),
        ("/bomb.png", PictureError::Unusable("it has too many pixels")),
        ("/long.png", PictureError::Unusable("it has more than 8 MiB")),
        ("/slow.png", PictureError::Failed("it is too slow")),
        ("/moved.png", PictureError::Failed("it sends us elsewhere")),
        ("/busy.png", PictureError::Failed("it refuses")),
    ];
    for (path, expected) in &table {
        let url = format!("{origin}{path}");
        let pictures = if *path == "/slow.png" { &hasty } else { &patient };
        for _ in 0..2 {
            assert_eq!(pictures.picture(&url, 120).await.as_ref(), Err(expected), "{path}");
        }
    }
    assert_eq!(host.asked.load(Ordering::SeqCst), table.len(), "a fault is remembered for a while");
}

#[tokio::test]
async fn other_hosts_are_not_asked() {
    let (host, origin) = host().await;
    let pictures = pictures("http://127.0.0.1:9");
    assert_eq!(pictures.picture(&format!("{origin}/good.png"), 120).await, Err(PictureError::NotAllowed));
    assert_eq!(host.asked.load(Ordering::SeqCst), 0);
}
