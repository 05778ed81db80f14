//! The three files of a model, and the name that tells its vectors from those of any other.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use contracts::EmbedError;
use sha2::{Digest, Sha256};

/// Where the files are that an embedder needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    /// What a person calls the model: the first part of the name of its vectors.
    pub name: String,
    /// The ONNX Runtime library: `libonnxruntime.so…`, `libonnxruntime….dylib` or `onnxruntime.dll`, from version 1.17.
    pub library: PathBuf,
    /// The model: `model.onnx`.
    pub model: PathBuf,
    /// Its tokenizer: `tokenizer.json`.
    pub tokenizer: PathBuf,
}

impl ModelFiles {
    /// The files in the folder `dir`, under the names that the fields of [`ModelFiles`] give.
    ///
    /// # Errors
    /// [`EmbedError`] names the file that is missing.
    pub fn find(dir: &Path) -> Result<Self, EmbedError> {
        let entries = fs::read_dir(dir).map_err(|error| failed("the model's folder can't be read", dir, &error))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // With several, such as a link and what it points to, the shortest is the one meant for loading.
        let library = names.filter(|name| is_library(name)).min_by_key(|name| (name.len(), name.clone()));
        let library = library.ok_or_else(|| {
            EmbedError(format!("{} has no ONNX Runtime library (libonnxruntime.so or the like)", dir.display()))
        })?;
        let files = Self {
            name: "onnx".to_owned(),
            library: dir.join(library),
            model: dir.join("model.onnx"),
            tokenizer: dir.join("tokenizer.json"),
        };
        if let Some(missing) = [&files.model, &files.tokenizer].into_iter().find(|file| !file.is_file()) {
            return Err(EmbedError(format!("{} is missing", missing.display())));
        }
        Ok(files)
    }

    /// The name of the vectors these files make: [`ModelFiles::name`] and the first 12 hexadecimal digits of the
    /// SHA-256 of model and tokenizer, as either changes the vectors.
    ///
    /// # Errors
    /// [`EmbedError`] names the file that can't be read.
    pub fn vectors_name(&self) -> Result<String, EmbedError> {
        let mut hash = Sha256::new();
        for path in [&self.model, &self.tokenizer] {
            feed(&mut hash, path).map_err(|error| failed("a file of the model can't be read", path, &error))?;
        }
        let digits: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{}-{digits}", self.name))
    }
}

fn feed(hash: &mut Sha256, path: &Path) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// Whether a file of this name is the runtime itself, not one of the provider libraries beside it.
fn is_library(name: &str) -> bool {
    let stem = name.strip_prefix("lib").unwrap_or(name);
    let Some(rest) = stem.strip_prefix("onnxruntime") else { return false };
    let version = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    rest == ".dll" || rest.strip_prefix(".so").is_some_and(version) || rest.strip_suffix(".dylib").is_some_and(version)
}

/// A failure to read `path`, as a sentence.
pub(crate) fn failed(what: &str, path: &Path, error: &dyn std::fmt::Display) -> EmbedError {
    EmbedError(format!("{what}: {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn finds_the_library_under_any_platforms_name() {
        for name in ["libonnxruntime.so", "libonnxruntime.so.1.31.1", "libonnxruntime.1.31.1.dylib", "onnxruntime.dll"]
        {
            let others = [("libonnxruntime_providers_shared.so", ""), ("libonnxruntime.so.debug", "")];
            let folder = folder(&[(name, ""), ("model.onnx", ""), ("tokenizer.json", ""), others[0], others[1]]);
            let files = ModelFiles::find(folder.path()).unwrap();
            assert_eq!(files.library, folder.path().join(name));
        }
    }

    #[test]
    fn names_what_is_missing() {
        let all = [("libonnxruntime.so", ""), ("model.onnx", ""), ("tokenizer.json", "")];
        for (missing, _) in all {
            let rest: Vec<_> = all.into_iter().filter(|(name, _)| *name != missing).collect();
            let sentence = ModelFiles::find(folder(&rest).path()).unwrap_err().to_string();
            assert!(sentence.contains(missing), "{sentence}");
        }
        let sentence = ModelFiles::find(Path::new("/no/such/folder")).unwrap_err().to_string();
        assert!(sentence.contains("/no/such/folder"), "{sentence}");
    }

    #[test]
    fn the_name_follows_model_and_tokenizer() {
        let name = |model, tokenizer| {
            let folder = folder(&[("libonnxruntime.so", ""), ("model.onnx", model), ("tokenizer.json", tokenizer)]);
            ModelFiles::find(folder.path()).unwrap().vectors_name().unwrap()
        };
        // SHA-256 of "abc", from FIPS 180-2.
        assert_eq!(name("a", "bc"), "onnx-ba7816bf8f01");
        assert_eq!(name("a", "b").len(), "onnx-ba7816bf8f01".len());
        assert_ne!(name("a", "b"), name("x", "b"));
        assert_ne!(name("a", "b"), name("a", "x"));
    }
}
