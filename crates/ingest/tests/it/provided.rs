//! What the fakes allow is what the providers' own documents allow: a parameter that is misspelt in an adapter and in its
//! fake alike is found here.
//!
//! The documents are not ours to give away: they lie beside the project (`shared/data/provider-apis`) where it is built,
//! or in the folder that `MEDIA_GATEWAY_PROVIDER_APIS` names. Without them nothing is compared, and the test says so.

use std::{collections::BTreeSet, env, fs, io::Read as _, path::PathBuf};

use flate2::read::GzDecoder;
use rstest::rstest;
use serde_json::Value;

use crate::{documents::STREAMING_AVAILABILITY, fake::Document, tmdb::DOCUMENT as TMDB};

fn folder() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/provider-apis");
    env::var_os("MEDIA_GATEWAY_PROVIDER_APIS").map_or_else(beside, PathBuf::from)
}

fn read(bytes: &[u8], name: &str) -> Value {
    let mut text = String::new();
    if name.ends_with(".gz") {
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes.to_vec()).unwrap();
    }
    if name.contains(".yaml") { serde_saphyr::from_str(&text).unwrap() } else { serde_json::from_str(&text).unwrap() }
}

/// What `node` refers to in `document`, or itself.
fn resolved<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    let place = node["$ref"].as_str().and_then(|place| document.pointer(place.strip_prefix('#')?));
    place.map_or(node, |place| resolved(document, place))
}

/// The path with its parameters left open, as the fakes have it.
fn open(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The parameters of an operation's query as the fakes write them, without their values: required ones with `!`.
fn parameters(document: &Value, path: &Value, operation: &Value) -> Vec<(String, BTreeSet<String>)> {
    let lists = [path, operation].into_iter().filter_map(|node| node["parameters"].as_array());
    let all = lists.flatten().map(|parameter| resolved(document, parameter));
    let asked = all.filter(|parameter| parameter["in"] == "query");
    asked
        .map(|parameter| {
            let required = if parameter["required"] == true { "!" } else { "" };
            let name = format!("{}{required}", parameter["name"].as_str().unwrap());
            let values = resolved(document, &parameter["schema"])["enum"].as_array().cloned().unwrap_or_default();
            (name, values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect())
        })
        .collect()
}

#[rstest]
#[case::streaming_availability("streaming-availability-openapi.yaml", &STREAMING_AVAILABILITY)]
#[case::tmdb("tmdb-openapi.json.gz", &TMDB)]
fn a_fake_allows_what_the_document_allows(#[case] name: &str, #[case] fake: &Document) {
    let file = folder().join(name);
    let Ok(bytes) = fs::read(&file) else {
        eprintln!("not compared: {} is not here", file.display());
        return;
    };
    let document = read(&bytes, name);
    for (method, path, faked) in fake.operations {
        let paths = document["paths"].as_object().unwrap();
        let told = paths.iter().find(|(told, _)| open(told) == *path).unwrap_or_else(|| panic!("no {path}")).1;
        let operation = &told[method.to_lowercase()];
        assert!(operation.is_object(), "no {method} {path}");
        let told = parameters(&document, told, operation);
        for parameter in *faked {
            let (word, values) = parameter.split_once('=').unwrap_or((parameter, ""));
            let found = told.iter().find(|(told, _)| told == word);
            let (_, allowed) = found.unwrap_or_else(|| panic!("{path} has no {word}: {told:?}"));
            let odd = values.split('|').filter(|value| !value.is_empty() && !allowed.contains(*value));
            assert_eq!(odd.collect::<Vec<_>>(), [""; 0], "{path} {word} allows {allowed:?}");
            assert!(!values.is_empty() || allowed.is_empty(), "{path} {word} allows only {allowed:?}");
        }
        for (word, _) in told.iter().filter(|(word, _)| word.ends_with('!')) {
            assert!(faked.iter().any(|parameter| parameter.starts_with(word)), "{path} needs {word}");
        }
    }
}
