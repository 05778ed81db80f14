//! A title's pictures: which one is meant, and what it looks like before it is there.

use std::{collections::BTreeSet, sync::Arc};

use contracts::{ApiError, Call, CatalogApi as _, ContentId, Image, Picture, Pictures, Result, picture_version};
use stores::args;

use crate::Catalog;

impl Catalog {
    /// The same catalogue, which gives pictures too.
    #[must_use]
    pub fn with_pictures(mut self, pictures: Arc<dyn Pictures>) -> Self {
        self.pictures = Some(pictures);
        self
    }

    /// A title's picture of a kind, and its address at its source. The first time a picture is seen, what it looks like
    /// from afar becomes part of the title.
    ///
    /// # Errors
    /// `no_picture` where there is none that this node may fetch; see [`contracts::PictureError`].
    pub(crate) async fn picture(
        &self,
        call: &Call,
        id: ContentId,
        kind: &str,
        version: Option<&str>,
        width: u32,
    ) -> Result<(String, Picture)> {
        let none = || ApiError::not_found("no_picture", format!("title {id} has no picture of this kind here"));
        let pictures = self.pictures.as_ref().ok_or_else(none)?;
        let title = self.titles(call, &[id]).await?.pop().ok_or_else(none)?;
        let image = meant(&title.images, kind, version, |url| pictures.takes(url)).ok_or_else(none)?;
        let picture = pictures.picture(&image.url, width).await?;
        if image.placeholder.is_none() {
            self.remember(id, &image.url, &picture.placeholder).await?;
        }
        Ok((image.url.clone(), picture))
    }

    async fn remember(&self, id: ContentId, url: &str, placeholder: &str) -> Result<()> {
        let sql = "INSERT INTO image_placeholders (content_id, url, placeholder) VALUES ($1, $2, $3)
            ON CONFLICT (content_id, url) DO NOTHING";
        self.db.execute(sql, args![id, url, placeholder]).await?;
        Ok(self.forget(&[id], &BTreeSet::new()).await?)
    }
}

/// The picture of a kind with this version, or else the first; of those that may be fetched.
fn meant<'a>(
    images: &'a [Image],
    kind: &str,
    version_of: Option<&str>,
    takes: impl Fn(&str) -> bool,
) -> Option<&'a Image> {
    let all = || images.iter().filter(|image| image.kind == kind && takes(&image.url));
    let named = |wanted: &str| all().find(|image| picture_version(&image.url) == wanted);
    version_of.and_then(named).or_else(|| all().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_that_is_meant() {
        let image = |kind: &str, url: &str| Image {
            kind: kind.to_owned(),
            url: url.to_owned(),
            width: None,
            height: None,
            placeholder: None,
        };
        let images = [image("poster", "no"), image("poster", "a"), image("poster", "b"), image("backdrop", "c")];
        let found = |kind: &str, version: Option<&str>| {
            meant(&images, kind, version, |url| url != "no").map(|image| image.url.as_str())
        };
        assert_eq!(found("poster", None), Some("a"));
        assert_eq!(found("poster", Some(&picture_version("b"))), Some("b"));
        assert_eq!(found("poster", Some(&picture_version("no"))), Some("a"), "one that may not be fetched");
        assert_eq!(found("backdrop", Some("x")), Some("c"));
        assert_eq!(found("logo", None), None);
    }
}
