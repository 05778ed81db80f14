//! Connections to other roles: plain, or with certificates on both sides.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Uri, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tokio_util::either::Either;
use tower::{BoxError, Service};

/// Connects, and shows a certificate where the address begins with `https`.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) plain: HttpConnector,
    pub(crate) tls: Option<Arc<tls::Mutual>>,
}

/// A connection.
pub(crate) struct Wire(TokioIo<Either<TcpStream, tls::Connected>>);

impl Service<Uri> for Way {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Wire, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.plain.poll_ready(cx).map_err(BoxError::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (host, encrypted) = (uri.host().unwrap_or_default().to_owned(), uri.scheme() == Some(&Scheme::HTTPS));
        let (tls, connecting) = (self.tls.clone(), self.plain.call(uri));
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            let wire = match tls {
                Some(tls) if encrypted => Either::Right(tls.connect(&host, stream).await?),
                None if encrypted => return Err("there are no certificates for https".into()),
                _ => Either::Left(stream),
            };
            Ok(Wire(TokioIo::new(wire)))
        })
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
