//! (pure) The addresses of a title's pictures, as the app has them: what one asks for the other finds kept.

use contracts::{Content, picture_version};

/// A picture in every width that makes sense for its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// The address for those who can't choose.
    pub src: String,
    /// Every address with its width.
    pub srcset: String,
}

/// The widths of a kind's places, in pixels (`web/src/lib/pictures.ts`).
const fn widths(kind: &str) -> &'static [u32] {
    match kind.as_bytes() {
        b"poster" => &[120, 240, 360, 500, 780],
        _ => &[360, 780, 1280],
    }
}

impl Picture {
    /// The title's first picture of a kind; none wider than it is, where that is known.
    pub fn of(content: &Content, kind: &str) -> Option<Self> {
        let image = content.images.iter().find(|image| image.kind == kind)?;
        let version = picture_version(&image.url);
        let address = |width: &u32| format!("/api/v1/images/{}/{kind}?width={width}&v={version}", content.id);
        let all = widths(kind);
        let enough = all.iter().position(|width| *width >= image.width.unwrap_or(u32::MAX));
        let fitting = &all[..enough.map_or(all.len(), |at| at + 1)];
        let srcset: Vec<String> = fitting.iter().map(|width| format!("{} {width}w", address(width))).collect();
        Some(Self { src: address(fitting.get(1).unwrap_or(&fitting[0])), srcset: srcset.join(", ") })
    }
}
