//! The file of the configuration: what is wrong with it is said without what it holds, for that may be a secret.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};

use super::Layer;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The layer of the file at `path`, which `named_by` named.
///
/// # Errors
/// When it can't be read, is larger than [`MAX_BYTES`], or is not a configuration: with the line and the column then.
pub(super) fn read(path: &Path, named_by: &str) -> anyhow::Result<Layer> {
    let text = text(path).with_context(|| format!("can't read {}, which {named_by} names", path.display()))?;
    parse(&text).with_context(|| format!("{} is not a valid configuration", path.display()))
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        let told = format!("it is larger than {MAX_BYTES} bytes, the most that is taken");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, told));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not valid UTF-8"))
}

/// The parser's own error shows the line at fault, and goes no further.
fn parse(text: &str) -> anyhow::Result<Layer> {
    toml::from_str(text).map_err(|error| {
        let said = without_value(error.message());
        match error.span() {
            Some(span) => {
                let (line, column) = position(text, span.start);
                anyhow!("line {line}, column {column}: {said}")
            }
            None => anyhow!("{said}"),
        }
    })
}

/// The line and the column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    let line = before.split(|at| *at == b'\n').next_back().unwrap_or_default();
    let lines = before.iter().filter(|at| **at == b'\n').count();
    (lines + 1, String::from_utf8_lossy(line).chars().count() + 1)
}

/// What the parser says of a value, without that value.
fn without_value(message: &str) -> String {
    const OF_A_VALUE: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
    if !OF_A_VALUE.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    // The last, for the value may hold such words as well.
    let (found, expected) = message.split_at(message.rfind(", expected ").unwrap_or(message.len()));
    let kind = found.split(['"', '`']).next().unwrap_or_default();
    format!("{}{expected}", kind.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_without_what_it_holds() {
        let table = [
            ("[redis]\nurl = \"redis://:SuperSecret@host", "line 2, column "),
            ("[redis]\nurl = redis://:SuperSecret@host", "line 2, column "),
            ("[redis]\nurl = [\"SuperSecret\"]", "line 2, column 7: invalid type: sequence, expected a string"),
            ("roles = \"Super, expected Secret\"", "line 1, column 9: invalid type: string, expected "),
            ("[intent]\ntimeout_ms = \"SuperSecret\"", "line 2, column 14: invalid type: string, expected u64"),
            ("profile = \"SuperSecret\"", "unknown variant, expected `embedded` or `production`"),
            ("[redis]\nulr = \"redis://:SuperSecret@host\"", "unknown field `ulr`, expected "),
        ];
        for (text, expected) in table {
            let said = format!("{:#}", parse(text).unwrap_err());
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains("Super") && !said.contains("Secret"), "{said}");
        }
    }

    #[test]
    fn a_file_without_end_is_not_read_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("media-gateway.toml");
        let write = |bytes: u64| std::fs::write(&path, "\n".repeat(usize::try_from(bytes).unwrap())).unwrap();
        write(MAX_BYTES);
        read(&path, "--config").unwrap();
        write(MAX_BYTES + 1);
        let said = format!("{:#}", read(&path, "--config").unwrap_err());
        assert!(said.ends_with("it is larger than 1048576 bytes, the most that is taken"), "{said}");
    }
}
