//! A server of somebody else's: what it answers over HTTP, and what it was sent.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// The requests whose path is among those that are kept, as `{path} {body}`.
pub type Sent = Arc<Mutex<Vec<String>>>;

/// Answers every request with what `answer` makes of the server's own address and the path, until the test's process
/// ends. Its address, and what it is sent to the paths of `kept`.
pub fn serve(kept: &'static [&'static str], answer: fn(&str, &str) -> Value) -> (String, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let sent = Sent::default();
    let (own, shared) = (base.clone(), Arc::clone(&sent));
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map(Result::unwrap) {
            let Some((path, body)) = request(&mut socket) else { continue };
            if kept.contains(&path.as_str()) {
                shared.lock().unwrap().push(format!("{path} {body}"));
            }
            let text = answer(&own, &path).to_string();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
            // Whoever asked may have left; the next has not.
            let _ = write!(socket, "{head}{text}");
        }
    });
    (base, sent)
}

/// The path, in lower case, and the body; `None` when whoever asks has left.
fn request(socket: &mut TcpStream) -> Option<(String, String)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).ok()?;
    Some((head.split(' ').nth(1).unwrap().to_owned(), String::from_utf8(body).unwrap()))
}
