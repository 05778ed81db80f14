//! Reads the environment and the file of the configuration: what is wrong with them is said without what they hold, for
//! that may be a secret.

use std::{
    error::Error as _,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use confique::Layer as _;
use serde::Deserialize as _;

use super::Layer;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The longest word that is taken for a key, misspelt.
const LONGEST_KEY: usize = 40;
/// What stands around the value that a parser complains of.
const QUOTES: [char; 3] = ['"', '`', '\''];

/// The layer of the environment.
///
/// # Errors
/// When a variable does not hold what its key takes: with both their names.
pub(super) fn environment() -> anyhow::Result<Layer> {
    Layer::from_env().map_err(|error| {
        let why = error.source().map(ToString::to_string);
        anyhow!("a variable of the environment is wrong: {}", of_variable(&error.to_string(), why.as_deref()))
    })
}

/// The layer of the file at `path`, which `named_by` named.
///
/// # Errors
/// When it can't be read, is larger than [`MAX_BYTES`], or is not a configuration: with the line and the column then.
pub(super) fn file(path: &Path, named_by: &str) -> anyhow::Result<Layer> {
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

/// The parser's own error shows the line at fault, and goes no further. What it says of the language holds no value; what
/// is said of a key's value does.
fn parse(text: &str) -> anyhow::Result<Layer> {
    let document = toml::Deserializer::parse(text).map_err(|error| at(text, &error, error.message()))?;
    Layer::deserialize(document).map_err(|error| at(text, &error, &without_value(error.message())))
}

fn at(text: &str, error: &toml::de::Error, said: &str) -> anyhow::Error {
    match error.span() {
        Some(span) => {
            let (line, column) = position(text, span.start);
            anyhow!("line {line}, column {column}: {said}")
        }
        None => anyhow!("{said}"),
    }
}

/// The line and the column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    let line = before.split(|at| *at == b'\n').next_back().unwrap_or_default();
    let lines = before.iter().filter(|at| **at == b'\n').count();
    (lines + 1, String::from_utf8_lossy(line).chars().count() + 1)
}

/// What is wrong with a variable. Its name and that of its key stand in quotes too, before what is said of its value; where
/// our own type refused that, it is said by the cause.
fn of_variable(said: &str, cause: Option<&str>) -> String {
    let (names, why) = said.split_once("`: ").map_or((said, None), |(names, why)| (names, Some(why)));
    let mark = if why.is_some() { "`" } else { "" };
    let why = why.into_iter().chain(cause).map(without_value);
    why.fold(format!("{names}{mark}"), |told, why| format!("{told}: {why}"))
}

/// What a parser says of a value, without that value: it stands in quotes, and may hold quotes and the parser's words. A
/// key that could be one is named.
fn without_value(said: &str) -> String {
    let is_of_key = said.starts_with("unknown field `");
    // The names that are known stand in such quotes as well.
    let named = if is_of_key || said.starts_with("unknown variant `") { said.rfind("`, expected ") } else { None };
    let (Some(first), Some(last)) = (said.find(QUOTES), named.or_else(|| said.rfind(QUOTES))) else {
        return said.to_owned();
    };
    let value = said.get(first + 1..last).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_key = is_of_key && value.len() <= LONGEST_KEY && value.chars().all(plain);
    if value.is_empty() || is_key { said.to_owned() } else { format!("{}…{}", &said[..=first], &said[last..]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_without_what_it_holds() {
        let table = [
            ("[redis]\nurl = \"redis://:SuperSecret@host", "line 2, column "),
            ("[redis]\nurl = redis://:SuperSecret@host", "line 2, column "),
            ("[redis]\nSuperSecret", "line 2, column "),
            ("[redis]\nurl = [\"SuperSecret\"]", "line 2, column 7: invalid type: sequence, expected a string"),
            ("roles = \"Super, expected Secret\"", "line 1, column 9: invalid type: string \"…\", expected "),
            ("roles = \"Super\\\", expected Secret\"", "line 1, column 9: invalid type: string \"…\", expected "),
            ("[intent]\ntimeout_ms = \"SuperSecret\"", "line 2, column 14: invalid type: string \"…\", expected u64"),
            ("[redis]\nurl = 20261122", "line 2, column 7: invalid type: integer `…`, expected a string"),
            ("profile = \"SuperSecret\"", "unknown variant `…`, expected `embedded` or `production`"),
            ("profile = \"Super`, expected Secret\"", "unknown variant `…`, expected `embedded` or `production`"),
            ("[listen]\ngateway = \"SuperSecret\"", "line 2, column 11: "),
            ("[sources.a]\nformat = \"Super\\\" Secret\"", "no format is called \"…\"; known are "),
            ("[sources.a]\nregion = \"SuperSecret\"", "no region is called \"…\""),
            ("[redis]\nulr = \"redis://:SuperSecret@host\"", "unknown field `ulr`, expected "),
            ("[redis]\n\"redis://:SuperSecret@host\" = 1", "unknown field `…`, expected "),
            ("[redis]\n\"Super`, expected Secret\" = 1", "unknown field `…`, expected "),
        ];
        for (text, expected) in table {
            let said = format!("{:#}", parse(text).unwrap_err());
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains("Super") && !said.contains("Secret") && !said.contains("2026"), "{said}");
        }
        let long = format!("[redis]\n{} = 1", "k".repeat(100_000));
        assert!(format!("{:#}", parse(&long).unwrap_err()).len() < 1_000);
    }

    #[test]
    fn a_variable_is_named_and_not_what_it_holds() {
        let of = "failed to deserialize value `a.b` from environment variable `MEDIA_GATEWAY_B`";
        let parsed = "failed to parse environment variable `MEDIA_GATEWAY_B` into field `a.b`";
        let table = [
            (
                format!("{of}: invalid value 'Su`per' for type u64: invalid digit"),
                None,
                "'…' for type u64: invalid digit",
            ),
            (format!("{of}: invalid value for bool: 'Super'"), None, "invalid value for bool: '…'"),
            (
                format!("{of}: unknown variant `Super`, expected `rrf` or `convex`"),
                None,
                "`…`, expected `rrf` or `convex`",
            ),
            (
                parsed.to_owned(),
                Some("no role is called \"Su`: per\"; the roles are search"),
                "\"…\"; the roles are search",
            ),
            (parsed.to_owned(), Some("invalid digit found in string"), "`a.b`: invalid digit found in string"),
        ];
        for (said, cause, expected) in table {
            let told = of_variable(&said, cause);
            assert!(told.starts_with("failed to ") && told.ends_with(expected), "{told}");
            assert!(told.contains("`a.b`") && told.contains("`MEDIA_GATEWAY_B`") && !told.contains("per"), "{told}");
        }
    }

    #[test]
    fn a_file_without_end_is_not_read_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("media-gateway.toml");
        let write = |bytes: u64| std::fs::write(&path, "\n".repeat(usize::try_from(bytes).unwrap())).unwrap();
        write(MAX_BYTES);
        file(&path, "--config").unwrap();
        write(MAX_BYTES + 1);
        let said = format!("{:#}", file(&path, "--config").unwrap_err());
        assert!(said.ends_with("it is larger than 1048576 bytes, the most that is taken"), "{said}");
    }
}
