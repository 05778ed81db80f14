//! A TCP wire between a node and its PostgreSQL or Redis that can be cut, or go silent, and be mended.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

/// How often a wire looks at its mode.
const LOOK: Duration = Duration::from_millis(10);

/// What a wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Carries every byte.
    Open,
    /// Closes what is open, and what comes.
    Cut,
    /// Takes connections and bytes, and carries none.
    Stalled,
}

/// A wire; it ends with the test's process.
pub struct Wire {
    /// The server's address through the wire.
    pub url: String,
    mode: Arc<AtomicU8>,
}

impl Wire {
    /// A wire to the server of `url`.
    pub fn to(url: &str) -> Self {
        let head = url.find('@').or(url.find("//").map(|at| at + 1)).unwrap() + 1;
        let path = url[head..].find('/').map_or(url.len(), |at| head + at);
        let server = &url[head..path];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{}{}{}", &url[..head], listener.local_addr().unwrap(), &url[path..]);
        let mode = Arc::new(AtomicU8::new(Mode::Open as u8));
        let (server, shared) = (server.to_owned(), Arc::clone(&mode));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if is(&shared, Mode::Cut) {
                    continue;
                }
                let server = TcpStream::connect(&server).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, mode) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&shared));
                    thread::spawn(move || carry(from, to, &mode));
                }
            }
        });
        Self { url, mode }
    }

    /// From now on it does this.
    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
        // Long enough for every connection to have noticed.
        thread::sleep(10 * LOOK);
    }
}

fn is(shared: &AtomicU8, mode: Mode) -> bool {
    shared.load(Ordering::SeqCst) == mode as u8
}

fn carry(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8) {
    from.set_read_timeout(Some(LOOK)).unwrap();
    let mut buffer = [0; 16 * 1024];
    while !is(mode, Mode::Cut) {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        while is(mode, Mode::Stalled) {
            thread::sleep(LOOK);
        }
        if is(mode, Mode::Cut) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // The other direction ends by itself when its stream is closed.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
