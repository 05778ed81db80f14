//! The real catalogues: which files, how many records, and what people would ask about them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use contracts::MAX_QUERY_CHARS;
use flate2::read::MultiGzDecoder;
use serde_json::Value;

/// Films in the sample database, which is pinned by hash.
const SAMPLE_FILMS: usize = 17_472;

/// Source files and what is in them.
pub struct Data {
    /// What is ingested.
    pub files: Vec<PathBuf>,
    /// Records in them.
    pub records: usize,
    /// Films of the Wikipedia set, as they are there.
    pub films: Vec<Value>,
    /// Titles, far apart in the set.
    pub titles: Vec<String>,
    /// Distinct questions, in a fixed order that jumps between decades.
    pub queries: Vec<String>,
    /// Long questions that people asked, cut to the longest query that search takes.
    pub questions: Vec<String>,
}

impl Data {
    /// Reads the folder and takes the sample films beside it.
    ///
    /// # Errors
    /// Names the folder that is absent.
    pub fn open(folder: &Path) -> Result<Self> {
        let json = files(&folder.join("wikipedia-movies"), ".json.gz")?;
        let csv = files(&folder.join("streaming-catalogues"), ".csv.gz")?;
        let mut films = Vec::new();
        for file in &json {
            match serde_json::from_str(&unpacked(file)?)? {
                Value::Array(items) => films.extend(items),
                _ => bail!("{} is not a JSON array", file.display()),
            }
        }
        let mut records = films.len() + SAMPLE_FILMS;
        for file in &csv {
            records += csv::Reader::from_reader(unpacked(file)?.as_bytes()).into_byte_records().count();
        }
        let sample = assets::films(&assets::cache_folder()?, &mut |_| {})?;
        let titles = films.iter().step_by(7).filter_map(|film| film["title"].as_str().map(str::to_owned)).collect();
        let (files, queries) = ([json, csv, vec![sample]].concat(), queries(&films));
        let questions = questions(&folder.join("tip-of-the-tongue/train.jsonl.gz"))?;
        Ok(Self { files, records, films, titles, queries, questions })
    }

    /// Short searches for a load that must never ask one twice: each of the queries with each word of a title before it,
    /// millions of them, made as they are asked.
    pub fn unasked(&self) -> impl ExactSizeIterator<Item = String> + use<> {
        let words = self.titles.iter().flat_map(|title| title.split(|c: char| !c.is_alphabetic()));
        let words: BTreeSet<String> = words.filter(|word| word.len() > 3).map(str::to_lowercase).collect();
        paired(self.queries.clone(), words.into_iter().collect())
    }
}

/// Each query behind each word, no two the same; neighbours differ in both.
fn paired(queries: Vec<String>, words: Vec<String>) -> impl ExactSizeIterator<Item = String> {
    (0..queries.len() * words.len()).map(move |at| {
        let (query, round) = (at % queries.len(), at / queries.len());
        format!("{} {}", words[(query + round) % words.len()], queries[query])
    })
}

fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let advice = || format!("{} is needed — name the folder of the real data in BENCH_DATA", folder.display());
    let entries = std::fs::read_dir(folder).with_context(advice)?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    if files.is_empty() {
        bail!("{} holds no file *{ending}", folder.display())
    }
    Ok(files)
}

fn unpacked(file: &Path) -> Result<String> {
    let mut text = String::new();
    let source = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    MultiGzDecoder::new(source).read_to_string(&mut text)?;
    Ok(text)
}

/// What people told of films they half remember, as `eval search` asks it: each question once, in the file's order.
fn questions(file: &Path) -> Result<Vec<String>> {
    let mut questions = Vec::new();
    for line in unpacked(file)?.lines().filter(|line| !line.is_empty()) {
        let question: Value = serde_json::from_str(line)?;
        let part = |key: &str| question[key].as_str().unwrap_or_default();
        let words = format!("{}\n{}", part("query"), part("text"));
        questions.push(words.trim().chars().take(MAX_QUERY_CHARS).collect());
    }
    let mut seen = std::collections::HashSet::new();
    questions.retain(|question: &String| !question.is_empty() && seen.insert(question.clone()));
    Ok(questions)
}

/// Titles, people, genres with a decade, and "like": a few thousand, so that no cache answers a run.
fn queries(films: &[Value]) -> Vec<String> {
    // A stride without a common divisor visits every film once, far apart.
    let stride = 7_919;
    let film = |index: usize| &films[index * stride % films.len()];
    let first = |film: &Value, key: &str| film[key][0].as_str().map(str::to_owned);
    let query = |index: usize| {
        let film = film(index);
        let title = film["title"].as_str()?;
        match index % 4 {
            0 => Some(title.to_owned()),
            1 => first(film, "cast").map(|name| format!("films with {name}")),
            2 => {
                Some(format!("{} of the {}s", first(film, "genres")?.to_lowercase(), film["year"].as_u64()? / 10 * 10))
            }
            _ => Some(format!("something like {title}")),
        }
    };
    let mut queries: Vec<String> = (0..films.len().min(8_000)).filter_map(query).collect();
    let mut seen = std::collections::HashSet::new();
    queries.retain(|query| seen.insert(query.clone()));
    queries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_of_a_word_and_a_query_comes_twice() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for queries in [list(&["heat", "films with ada", "heat wave"]), list(&["heat", "ada"])] {
            let asked: Vec<String> = paired(queries.clone(), list(&["blue", "night", "storm"])).collect();
            let distinct: BTreeSet<&String> = asked.iter().collect();
            assert_eq!((asked.len(), distinct.len()), (queries.len() * 3, queries.len() * 3), "{asked:?}");
        }
        assert_eq!(paired(Vec::new(), list(&["blue"])).len(), 0);
    }
}
