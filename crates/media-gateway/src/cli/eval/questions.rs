//! A file of questions with their answers: JSON lines, gzipped or not.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use contracts::{ApiError, ExternalId, MAX_QUERY_CHARS};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// The longest line, in bytes: a question of some pages.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// The most questions of one file.
const MAX_QUESTIONS: usize = 1_000_000;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What someone asked, and the title they meant. Fields beside these are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Question {
    /// What they typed first: a search, or the title of their post.
    pub query: String,
    /// What they told besides; may be empty.
    pub text: Option<String>,
    /// The answer's title, for people who read the file.
    pub title: Option<String>,
    /// The answer's year.
    pub year: Option<u16>,
    /// The answer's IMDb id, such as `tt0133093`.
    pub imdb_id: Option<String>,
    /// The answer's page on the English Wikipedia, such as `The_Matrix`.
    pub wikipedia_href: Option<String>,
}

impl Question {
    /// What is searched for: query and text, each on its own line, cut to the longest query that search takes.
    pub fn words(&self) -> String {
        let text = self.text.as_deref().unwrap_or_default();
        format!("{}\n{text}", self.query).trim().chars().take(MAX_QUERY_CHARS).collect()
    }

    /// The ids under which the catalogue may know the answer, the surest first.
    pub fn answers(&self) -> Vec<ExternalId> {
        let ids = [("imdb", &self.imdb_id), ("wikipedia", &self.wikipedia_href)];
        let known = ids.into_iter().filter_map(|(id_type, id)| {
            let id_value = id.as_deref().map(str::trim).filter(|id| !id.is_empty())?;
            Some(ExternalId { id_type: id_type.to_owned(), id_value: id_value.to_owned() })
        });
        known.collect()
    }
}

/// Reads the questions of a file.
///
/// # Errors
/// `NotFound` when it is not there; `InvalidArgument` names the line that is no question, or says that there is none.
pub fn read(path: &Path) -> Result<Vec<Question>, ApiError> {
    let name = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ApiError::not_found("input_not_found", format!("{name} is not there")),
        _ => ApiError::invalid("bad_questions", format!("{name} can't be read: {error}")),
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    file.by_ref().take(2).read_to_end(&mut head).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let reader: Box<dyn Read> = if head == GZIP { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    parse(BufReader::new(reader)).map_err(|why| ApiError::invalid("bad_questions", format!("{name}: {why}")))
}

fn parse(mut reader: impl BufRead) -> Result<Vec<Question>, String> {
    let mut questions = Vec::new();
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        if read.map_err(|error| format!("line {number} can't be read: {error}"))? == 0 {
            break;
        }
        if line.len() as u64 == MAX_LINE_BYTES {
            return Err(format!("line {number} has more than {MAX_LINE_BYTES} bytes"));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let question: Question =
            serde_json::from_slice(&line).map_err(|error| format!("line {number} is no question: {error}"))?;
        if question.words().is_empty() {
            return Err(format!("line {number} asks nothing: it needs a query or a text"));
        }
        if questions.len() == MAX_QUESTIONS {
            return Err(format!("there are more than {MAX_QUESTIONS} questions"));
        }
        questions.push(question);
    }
    if questions.is_empty() { Err("there is no question in it".to_owned()) } else { Ok(questions) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_and_passes_over_what_it_does_not_know() {
        let file = r#"{"id":"a","query":"blue pill","text":"or red","title":"The Matrix","year":1999,"imdb_id":"tt0133093","wikipedia_href":"The_Matrix"}

{"query":"heat","wikipedia_href":null,"in_wikidata_catalogue":true}"#;
        let questions = parse(file.as_bytes()).unwrap();
        assert_eq!(questions.len(), 2);
        assert_eq!(questions[0].words(), "blue pill\nor red");
        let ids: Vec<_> = questions[0].answers().into_iter().map(|id| (id.id_type, id.id_value)).collect();
        assert_eq!(ids, [("imdb".into(), "tt0133093".into()), ("wikipedia".into(), "The_Matrix".into())]);
        assert_eq!((questions[1].words().as_str(), questions[1].answers().len()), ("heat", 0));
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        let table = [
            ("", "there is no question in it"),
            ("{\"query\":\"a\"}\n[1]", "line 2 is no question"),
            ("{\"query\":\" \",\"text\":null}", "line 1 asks nothing"),
            ("{\"query\":\"a\",\"year\":\"then\"}", "line 1 is no question"),
        ];
        for (file, error) in table {
            assert!(parse(file.as_bytes()).unwrap_err().starts_with(error), "{file}");
        }
        let long = format!("{{\"query\":\"{}\"}}", "a".repeat(MAX_LINE_BYTES as usize));
        assert!(parse(long.as_bytes()).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_long_question_is_cut_to_what_search_takes() {
        let question = Question { query: "é".repeat(3 * MAX_QUERY_CHARS), ..Question::default() };
        assert_eq!(question.words().chars().count(), MAX_QUERY_CHARS);
    }
}
