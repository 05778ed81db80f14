//! Rows in the face of what files really hold.

use std::io::Cursor;

use super::*;
use crate::formats::Format;

const HEAD: &str =
    "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description";

const OPEN: &str = "a quote in the row is not closed where its field ends";

fn limits() -> Limits {
    Limits { max_record_bytes: 300, max_wasted_bytes: 3000, ..Limits::default() }
}

fn rows_of(format: Format, bytes: impl Into<Vec<u8>>) -> Result<Rows, InputError> {
    let reader = Box::new(Cursor::new(bytes.into()));
    Rows::text(format.as_str(), &format.spec().shape, reader, "the input", &limits())
}

/// Number, line and the title or the reason of every row; the error that ended it.
fn read(format: Format, bytes: impl Into<Vec<u8>>) -> (Vec<(u64, u64, String)>, Option<InputError>) {
    let mut seen = Vec::new();
    for row in rows_of(format, bytes).unwrap() {
        match row {
            Ok(row) => {
                let said = match row.content {
                    Ok(content) => content.text("title").unwrap_or_default(),
                    Err(reason) => reason.to_string(),
                };
                seen.push((row.number, row.line, said));
            }
            Err(error) => return (seen, Some(error)),
        }
    }
    (seen, None)
}

fn titles(rows: &[(u64, u64, String)]) -> Vec<&str> {
    rows.iter().map(|row| row.2.as_str()).collect()
}

fn csv_row(title: &str) -> String {
    format!("s1,Movie,{title},,,,,2001,,,,\n")
}

#[test]
fn csv_rows_know_their_lines() {
    let text = format!("\u{feff}{HEAD}\r\n{}\n\n{}{}", csv_row("A"), csv_row("\"B, or\nC\""), csv_row("D").trim_end());
    let (rows, error) = read(Format::StreamingCsv, text);
    assert!(error.is_none());
    assert_eq!(rows, [(1, 2, "A".into()), (2, 5, "B, or C".into()), (3, 7, "D".into())]);
}

#[test]
fn columns_may_stand_in_any_order_with_others_beside_them() {
    let reversed: Vec<&str> = HEAD.split(',').rev().chain(["extra"]).collect();
    let (rows, _) = read(Format::StreamingCsv, format!("{}\n,,,,,,,,,A,Movie,s1,x\n", reversed.join(",")));
    assert_eq!(titles(&rows), ["A"]);
}

#[test]
fn a_wrong_header_is_refused_before_any_row() {
    let missing = HEAD.replace("title,", "").replace("rating,", "");
    let semicolons = HEAD.replace(',', ";");
    let table = [
        (
            missing.as_str(),
            "not a file of format streaming_csv: missing title, rating; its columns are show_id, type, ",
        ),
        (semicolons.as_str(), "description; its fields are parted by \";\", not by commas"),
        ("", "missing show_id, type"),
        ("name,\"of\nit\"", "; its columns are name, of it"),
        ("\"show_id,type", "missing show_id, type"),
    ];
    for (header, expected) in table {
        let error = rows_of(Format::StreamingCsv, format!("{header}\ns1,Movie\n")).err().unwrap();
        assert_eq!(error.code(), "wrong_header");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn bad_csv_rows_are_turned_away_alone() {
    let table: &[(&[u8], &str)] = &[
        (b"s1,Movie,\xff\xfe,,,,,2001,,,,\n", "the row is not valid UTF-8"),
        (b"s1;Movie;A\n", "the row has 1 fields, the header 12"),
        (b"s1,Movie,A,,,,,2001,,,,,,\n", "the row has 14 fields, the header 12"),
        (b"s1,Movie,\"A,,,,,2001,,,,\n", "the row is longer than 300 bytes or never ends"),
    ];
    for (bad, reason) in table {
        let after: String = (0..30).map(|n| csv_row(&format!("T{n}"))).collect();
        let bytes = [HEAD.as_bytes(), b"\n", csv_row("first").as_bytes(), bad, after.as_bytes()].concat();
        let (rows, error) = read(Format::StreamingCsv, bytes);
        assert!(error.is_none());
        assert_eq!(&titles(&rows)[..4], ["first", reason, "T0", "T1"]);
        assert_eq!(rows.len(), 32);
        assert_eq!((rows[1].1, rows[2].1), (3, 4), "the lines are right after it");
    }
}

#[test]
fn an_open_quote_that_a_later_row_closes_costs_one_row() {
    let text = format!("{HEAD}\n{}{}{}", csv_row("\"open"), csv_row("\"B, C\""), csv_row("D"));
    let (rows, _) = read(Format::StreamingCsv, text);
    assert_eq!(titles(&rows), [OPEN, "B, C", "D"]);
}

#[test]
fn an_open_quote_takes_no_later_row_in_though_the_fields_come_to_the_right_number() {
    let (open, doubled) = (csv_row("\"open"), csv_row("\"E \"\"or\"\"\nF\""));
    let closing = "s3,Movie,C,,\"Ada, Bo, Cy\",,,2001,,,,\n";
    let text = format!("{HEAD}\n{open}{}{closing}{doubled}", csv_row("B"));
    let first = rows_of(Format::StreamingCsv, text.clone()).unwrap().next().unwrap().unwrap();
    assert_eq!(first.raw, open.trim_end().as_bytes(), "what was turned away, and no more");
    let (rows, error) = read(Format::StreamingCsv, text);
    assert!(error.is_none());
    assert_eq!(titles(&rows), [OPEN, "B", "C", "E \"or\" F"]);
}

#[test]
fn a_table_that_ends_within_quotes_says_so() {
    let tail = "s2,Movie,B,,,,,2001,,,,";
    for cut in ["\"", "\"A plot, in the mid", "\"A plot,\nof two li", "\"Who said \"\"no\"\"", "\"A plot, and\n"] {
        let (rows, error) = read(Format::StreamingCsv, format!("{HEAD}\n{}{tail}{cut}", csv_row("A")));
        assert_eq!(titles(&rows)[..2], ["A", OPEN], "{cut}");
        let error = error.unwrap();
        assert_eq!(error.code(), "input_cut_short", "{cut}");
        assert!(error.to_string().contains("at line 3"), "{error}");
    }
    let (rows, error) = read(Format::StreamingCsv, format!("{HEAD}\n{tail}\"A plot.\""));
    assert_eq!((titles(&rows), error.is_none()), (vec!["B"], true), "a file may end with a quote");
    let (rows, error) = read(Format::StreamingCsv, format!("{HEAD}\n{}{}", csv_row("\"open"), csv_row("B")));
    assert_eq!((titles(&rows), error.is_none()), (vec![OPEN, "B"], true), "a good row follows: it is one bad row");
}

#[test]
fn a_line_longer_than_the_bound_is_stepped_over() {
    let text = format!("{HEAD}\n{}{}", csv_row(&"x".repeat(200_000)), csv_row("B"));
    let (rows, _) = read(Format::StreamingCsv, text);
    assert_eq!(titles(&rows), ["the row is longer than 300 bytes or never ends", "B"]);
}

#[test]
fn a_file_of_nothing_but_open_quotes_is_given_up() {
    let text = format!("{HEAD}\n{}", "a\"b,\"c\n".repeat(2000));
    let (rows, error) = read(Format::StreamingCsv, text);
    assert_eq!(error.unwrap().code(), "input_out_of_step");
    assert!(rows.len() < 20, "soon: {}", rows.len());
}

#[test]
fn json_arrays_and_lines_are_the_same_rows() {
    let array =
        "\u{feff} [ {\"title\": \"A ] } \\\" [\"},\n{\"title\":\"B\",\"cast\":[{\"x\":1}]}\n , {\"title\":\"C\"} ]\n ";
    let (rows, error) = read(Format::WikipediaJson, array);
    assert!(error.is_none());
    assert_eq!(rows, [(1, 1, "A ] } \" [".into()), (2, 2, "B".into()), (3, 3, "C".into())]);
    let (rows, error) = read(Format::WikipediaJson, "{\"title\":\"A\"}\r\n\n{\"title\":\"B\"}\n{\"title\":\"C\"}");
    assert!(error.is_none());
    assert_eq!(rows, [(1, 1, "A".into()), (2, 3, "B".into()), (3, 4, "C".into())]);
    assert_eq!(read(Format::WikipediaJson, "[]").0, []);
}

#[test]
fn broken_elements_are_turned_away_alone() {
    let endless = format!("{{\"title\":\"{}\"}}", "x".repeat(100_000));
    let deep = format!("{{\"title\":{}1{}}}", "[".repeat(140), "]".repeat(140));
    let table: &[(&[u8], &str)] = &[
        (b"{\"title\": \"x, \"year\": 1}", "the row is not valid JSON"),
        (b"{\"title\": \"x\", \"year\": 1", "the row is not valid JSON"),
        (b"{\"title\": \"x\", \"year\": }", "the row is not valid JSON"),
        (b"{\"title\": \"x\", \"cast\": [}", "the row is not valid JSON"),
        (b"{\"title\": \"\xff\"}", "the row is not valid UTF-8"),
        (b"17", "the row is not a JSON object"),
        (b"\"text\"", "the row is not a JSON object"),
        (b"[1, 2]", "the row is not a JSON object"),
        (b"nonsense", "the row is not valid JSON"),
        (endless.as_bytes(), "the row is longer than 300 bytes or never ends"),
        (deep.as_bytes(), "the row is not valid JSON"),
    ];
    for (bad, reason) in table {
        let shown = String::from_utf8_lossy(&bad[..bad.len().min(40)]).into_owned();
        for (open, comma, close) in [("[\n", ",\n", "\n]"), ("", "\n", "\n")] {
            let good = |n: usize| format!("{{\"title\": \"T{n}\"}}");
            let mut parts: Vec<Vec<u8>> = vec![good(0).into(), bad.to_vec()];
            parts.extend((1..20).map(|n| good(n).into_bytes()));
            let bytes = [open.as_bytes(), &parts.join(comma.as_bytes()), close.as_bytes()].concat();
            let (rows, error) = read(Format::WikipediaJson, bytes);
            assert!(error.is_none(), "{shown}: {error:?}");
            assert!(rows[1].2.starts_with(reason), "{shown}: {:?}", rows[1]);
            assert_eq!(rows.len(), 21, "{shown}: nothing else is lost");
            assert_eq!(titles(&rows)[2..4], ["T1", "T2"]);
            assert_eq!(rows[2].1, rows[1].1 + 1, "the lines are right after it");
        }
    }
}

#[test]
fn an_array_that_ends_in_the_middle_says_so() {
    for cut in ["[{\"title\":\"A\"},\n{\"title\":\"B", "[{\"title\":\"A\"},\n", "[{\"title\":\"A\"}"] {
        let (rows, error) = read(Format::WikipediaJson, cut);
        assert_eq!(titles(&rows)[0], "A");
        assert_eq!(error.unwrap().code(), "input_cut_short", "{cut}");
    }
    let (_, error) = read(Format::WikipediaJson, "[{\"title\":\"A\"}] {\"title\":\"B\"}");
    assert_eq!(error.unwrap().code(), "input_out_of_step");
}

#[test]
fn an_array_of_nothing_but_open_brackets_is_given_up() {
    let (rows, error) = read(Format::WikipediaJson, format!("[{}", "{\"title\":\"A\",\n".repeat(2000)));
    assert_eq!(error.unwrap().code(), "input_out_of_step");
    assert!(rows.len() < 20, "soon: {}", rows.len());
}
