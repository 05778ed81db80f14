//! (pure) From a picture's file to the widths that are given, and to what it looks like from afar (ThumbHash, Wallace
//! 2023).

use std::{io::Cursor, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use contracts::{PICTURE_WIDTHS, Picture, PictureError};
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits, codecs::jpeg::JpegEncoder, imageops::FilterType};

/// The most pixels of a file, and the most of one side: a small file may claim to be a huge picture.
const MAX_PIXELS: u64 = 16_000_000;
const MAX_SIDE: u32 = 8_000;
/// The most memory that reading one may take.
const MAX_MEMORY: u64 = 96 << 20;
/// Of 100: where posters show no blocks.
const QUALITY: u8 = 80;
/// The longest side of what a ThumbHash is made from.
const AFAR: u32 = 100;

/// One picture in every width up to its own.
#[derive(Debug)]
pub struct Ladder {
    /// Width and file, the narrowest first; never none.
    steps: Vec<(u32, Arc<[u8]>)>,
    placeholder: String,
}

impl Ladder {
    /// What it takes in memory, in bytes.
    pub fn bytes(&self) -> u32 {
        u32::try_from(self.steps.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The narrowest that is at least so wide, or else the widest.
    pub fn at(&self, width: u32) -> Picture {
        let step = self.steps.iter().find(|(own, _)| *own >= width).or(self.steps.last());
        let bytes = step.map_or_else(|| Arc::from([]), |(_, bytes)| Arc::clone(bytes));
        Picture { bytes, media_type: "image/jpeg", placeholder: self.placeholder.clone() }
    }
}

/// Reads a JPEG, PNG or WebP file and scales it.
///
/// # Errors
/// `Unusable` with why.
pub fn ladder(file: &[u8]) -> Result<Ladder, PictureError> {
    let image = read(file)?;
    let (width, height) = (image.width(), image.height());
    let widest = PICTURE_WIDTHS.last().copied().unwrap_or(width).min(width);
    let widths = PICTURE_WIDTHS.into_iter().filter(|step| *step < widest).chain([widest]);
    let steps = widths
        .map(|step| {
            let tall = (u64::from(height) * u64::from(step)).div_ceil(u64::from(width));
            let tall = u32::try_from(tall).unwrap_or(u32::MAX).max(1);
            Ok((step, jpeg(&image.resize_exact(step, tall, FilterType::Triangle))?))
        })
        .collect::<Result<_, PictureError>>()?;
    Ok(Ladder { steps, placeholder: placeholder(&image) })
}

fn read(file: &[u8]) -> Result<DynamicImage, PictureError> {
    let broken = |_| PictureError::Unusable("it is broken");
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
    let reader = reader.map_err(|_| PictureError::Unusable("it is broken"))?;
    if reader.format().is_none() {
        return Err(PictureError::Unusable("it is neither JPEG, PNG nor WebP"));
    }
    let mut reader = reader;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| match error {
        image::ImageError::Limits(_) => PictureError::Unusable("it has too many pixels"),
        _ => PictureError::Unusable("it is broken"),
    })?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(PictureError::Unusable("it is empty"));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureError::Unusable("it has too many pixels"));
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(DynamicImage::ImageRgb8(image.into_rgb8()))
}

fn jpeg(image: &DynamicImage) -> Result<Arc<[u8]>, PictureError> {
    let mut bytes = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(image);
    written.map_err(|_| PictureError::Unusable("it can't be written"))?;
    Ok(bytes.into())
}

fn placeholder(image: &DynamicImage) -> String {
    let afar = image.thumbnail(AFAR, AFAR).into_rgba8();
    let (width, height) = (afar.width() as usize, afar.height() as usize);
    BASE64_STANDARD.encode(thumbhash::rgba_to_thumb_hash(width, height, afar.as_raw()))
}

#[cfg(test)]
mod tests;
