//! Pictures of titles: the port to whoever fetches and scales them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{ApiError, ErrorKind};

/// The widths that pictures are given in, in pixels. A fixed ladder: what anybody may ask for can be kept.
pub const PICTURE_WIDTHS: [u32; 7] = [92, 120, 240, 360, 500, 780, 1280];

/// What tells a picture apart from the one that takes its place: the 32-bit FNV-1a hash of its address (Fowler, Noll, Vo),
/// as eight hexadecimal digits.
pub fn picture_version(url: &str) -> String {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", url.bytes().fold(0x811c_9dc5, mix))
}

/// A picture as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub bytes: Arc<[u8]>,
    /// Its media type: `image/jpeg`.
    pub media_type: &'static str,
    /// What it looks like before it is there, as a ThumbHash in Base64.
    pub placeholder: String,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It is not at a host from which this node fetches pictures.
    #[error("this node fetches no pictures from there")]
    NotAllowed,
    /// The host has no such picture.
    #[error("its host has no such picture")]
    Gone,
    /// The host is silent, refuses or sends something else; the text says which.
    #[error("its host gave no picture: {0}")]
    Failed(&'static str),
    /// What came is no picture that we take; the text says why.
    #[error("what its host gave is no picture that can be shown: {0}")]
    Unusable(&'static str),
}

impl From<PictureError> for ApiError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::NotAllowed | PictureError::Gone => Self::not_found("no_picture", error.to_string()),
            PictureError::Failed(_) => Self::new(ErrorKind::BadGateway, "picture_not_fetched", error.to_string()),
            PictureError::Unusable(_) => Self::new(ErrorKind::BadGateway, "picture_unusable", error.to_string()),
        }
    }
}

/// Gets pictures, from hosts that the operator named.
#[async_trait]
pub trait Pictures: Send + Sync {
    /// Whether it would fetch the picture at this address.
    fn takes(&self, url: &str) -> bool;

    /// The picture at `url` in the smallest width of [`PICTURE_WIDTHS`] that is at least `width`, never wider than it
    /// is.
    ///
    /// # Errors
    /// See [`PictureError`].
    async fn picture(&self, url: &str, width: u32) -> Result<Picture, PictureError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors() {
        let table = [("", "811c9dc5"), ("a", "e40c292c"), ("foobar", "bf9cf968")];
        table.iter().for_each(|(text, hash)| assert_eq!(picture_version(text), *hash));
    }
}
