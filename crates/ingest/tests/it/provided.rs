//! What the fakes allow is what the providers' own documents allow: a parameter that is misspelt in an adapter and in its
//! fake alike is found here. `operations.json` is made of the documents by `operations.py` beside it.

use std::collections::BTreeMap;

use rstest::rstest;
use serde::Deserialize;

use crate::{
    documents::{STREAMING_AVAILABILITY, YOUTUBE},
    fake::Document,
    tmdb::DOCUMENT as TMDB,
};

/// The parameters of one operation's query, by name.
type Parameters = BTreeMap<String, Parameter>;

#[derive(Debug, Deserialize)]
struct Provider {
    /// By path, with its parameters in braces; all are asked by GET.
    operations: BTreeMap<String, Parameters>,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    required: bool,
    /// None for any.
    values: Vec<String>,
}

/// The path with its parameters left open, as the fakes have it.
fn open(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[rstest]
#[case("streaming_availability", &STREAMING_AVAILABILITY)]
#[case("tmdb", &TMDB)]
#[case("youtube", &YOUTUBE)]
fn a_fake_allows_what_the_document_allows(#[case] name: &str, #[case] fake: &Document) {
    let mut providers: BTreeMap<String, Provider> =
        serde_json::from_str(include_str!("provided/operations.json")).unwrap();
    let operations = providers.remove(name).unwrap().operations;
    for (method, path, faked) in fake.operations {
        let told = operations.iter().find(|(told, _)| open(told) == *path);
        let (_, told) = told.filter(|_| *method == "GET").unwrap_or_else(|| panic!("no {method} {path}"));
        for parameter in *faked {
            let (word, values) = parameter.split_once('=').unwrap_or((parameter, ""));
            let allowed =
                &told.get(word.trim_end_matches('!')).unwrap_or_else(|| panic!("{path} has no {word}")).values;
            let mut values = values.split('|').filter(|value| !value.is_empty());
            let odd = values.clone().find(|value| !allowed.iter().any(|allowed| allowed == value));
            assert_eq!(odd, None, "{path} {word} may be {allowed:?}");
            assert!(allowed.is_empty() || values.next().is_some(), "{path} {word} may only be {allowed:?}");
        }
        for (name, _) in told.iter().filter(|(_, parameter)| parameter.required) {
            let needed = |parameter: &&str| parameter.split(['!', '=']).next() == Some(name) && parameter.contains('!');
            assert!(faked.iter().any(needed), "{path} needs {name}");
        }
    }
}
