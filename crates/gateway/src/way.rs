//! Connections to other roles: plain, or with certificates on both sides.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Uri, uri::Scheme};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::net::TcpStream;
use tokio_util::either::Either;
use tower::{BoxError, Service};

/// Connects, and shows a certificate where the address begins with `https`.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) plain: HttpConnector,
    pub(crate) tls: Option<Arc<tls::Mutual>>,
}

/// A connection, as hyper reads and writes it.
pub(crate) type Wire = TokioIo<Either<TcpStream, tls::Connected>>;

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
            Ok(TokioIo::new(wire))
        })
    }
}
