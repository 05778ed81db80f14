//! What a connection speaks: TLS with certificates on both sides, where the listener has them.

use std::{io, net::SocketAddr};

use tls::{Accepted, Mutual};
use tokio::net::TcpStream;
use tokio_util::either::Either;

/// The first byte of TLS (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// A connection as it is read and written.
pub(super) type Wire = Either<TcpStream, Accepted>;

/// The connection, once its other end has shown a certificate. From this machine itself it may be without TLS: its
/// operator's commands come that way.
///
/// # Errors
/// When it shows none, or breaks off.
pub(super) async fn wire(tls: Option<&Mutual>, stream: TcpStream, peer: SocketAddr) -> io::Result<Wire> {
    let Some(tls) = tls else { return Ok(Either::Left(stream)) };
    let mut first = [0];
    let none = stream.peek(&mut first).await? == 0;
    if peer.ip().to_canonical().is_loopback() && (none || first[0] != HANDSHAKE) {
        return Ok(Either::Left(stream));
    }
    tls.accept(stream).await.map(Either::Right)
}
