//! Widths, placeholders, and files that are not what they claim.

use image::{ImageFormat, Rgb, RgbImage};

use super::*;

fn file(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 90]));
    let mut bytes = Vec::new();
    image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

fn width_of(picture: &Picture) -> u32 {
    image::load_from_memory(&picture.bytes).unwrap().width()
}

#[test]
fn every_width_up_to_its_own() {
    let ladder = ladder(&file(400, 600, ImageFormat::Png)).unwrap();
    assert_eq!(ladder.steps.iter().map(|(width, _)| *width).collect::<Vec<_>>(), [92, 120, 240, 360, 400]);
    let given: Vec<u32> = [1, 120, 121, 360, 500, 1280].map(|width| width_of(&ladder.at(width))).into();
    assert_eq!(given, [92, 120, 240, 360, 400, 400]);
    let small = image::load_from_memory(&ladder.at(120).bytes).unwrap();
    assert_eq!((small.width(), small.height()), (120, 180), "its shape stays");
    assert!(ladder.at(120).bytes.len() < ladder.at(400).bytes.len());
}

#[test]
fn a_tiny_one_is_not_blown_up_and_a_large_one_is_made_smaller() {
    assert_eq!(width_of(&ladder(&file(20, 30, ImageFormat::Jpeg)).unwrap().at(500)), 20);
    assert_eq!(width_of(&ladder(&file(1600, 900, ImageFormat::Jpeg)).unwrap().at(1280)), 1280);
}

#[test]
fn from_afar_it_looks_like_itself() {
    let ladder = ladder(&file(300, 450, ImageFormat::Jpeg)).unwrap();
    let hash = BASE64_STANDARD.decode(&ladder.placeholder).unwrap();
    assert!((5..=25).contains(&hash.len()), "{}", hash.len());
    let shape = thumbhash::thumb_hash_to_approximate_aspect_ratio(&hash).unwrap();
    assert!((0.5..0.85).contains(&shape), "{shape}");
    let (.., blue, _) = thumbhash::thumb_hash_to_average_rgba(&hash).unwrap();
    assert!((0.2..0.6).contains(&blue), "{blue}");
}

/// A PNG that says how large it is, and holds next to nothing.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = file(1, 1, ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// As PNG has it (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 })
    })
}

#[test]
fn what_is_no_picture_is_said() {
    let whole = file(300, 450, ImageFormat::Png);
    let said = |file: &[u8]| match ladder(file) {
        Err(PictureError::Unusable(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(b"<!doctype html><title>busy</title>"), "it is neither JPEG, PNG nor WebP");
    assert_eq!(said(b""), "it is neither JPEG, PNG nor WebP");
    assert_eq!(said(&whole[..whole.len() / 2]), "it is broken");
    assert_eq!(said(&bomb(60_000, 60_000)), "it has too many pixels");
    assert_eq!(said(&bomb(7_999, 7_999)), "it has too many pixels");
}
