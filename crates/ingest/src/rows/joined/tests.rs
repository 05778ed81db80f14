//! Tables that lie together become rows.

use std::io::Cursor;

use super::*;
use crate::rows::{IMDB, MOVIELENS};

type Text = (&'static str, String);

fn rows(joined: &Joined, first: &str, beside: &[Text]) -> Result<Vec<Row>, InputError> {
    let folder = tempfile::tempdir().unwrap();
    let reader = |text: &str| -> Box<dyn Read + Send> { Box::new(Cursor::new(text.to_owned().into_bytes())) };
    let beside = beside.iter().map(|(stem, text)| (*stem, reader(text), (*stem).to_owned())).collect();
    let as_of = jiff::civil::date(2026, 1, 1);
    let context = Context { service: None, region: contracts::Region::US, as_of, as_of_stated: true, mapping: None };
    joined.open("test", (reader(first), "the input"), beside, (folder.path(), &context), &Limits::default())?.collect()
}

fn table(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{}\n", line.replace('|', "\t"))).collect()
}

const BASICS: &str = "tconst|titleType|primaryTitle|originalTitle|isAdult|startYear|endYear|runtimeMinutes|genres";

fn title(id: &str, kind: &str) -> String {
    format!("{id}|{kind}|\"A\" of {id}|\\N|0|1999|\\N|90|Drama,Sci-Fi")
}

fn said(row: &Row) -> String {
    match &row.content {
        Ok(RawRow::Json(fields)) => serde_json::to_string(fields).unwrap(),
        Ok(RawRow::Fields { .. }) => "fields".to_owned(),
        Err(reason) => reason.to_string(),
    }
}

#[test]
fn imdb_titles_get_what_lies_beside_them() {
    let first = table(&[
        BASICS,
        &title("tt0000001", "movie"),
        &title("tt0000002", "tvEpisode"),
        &title("tt0000004", "tvSeries"),
    ]);
    let ratings = table(&["tconst|averageRating|numVotes", "tt0000002|9.9|9", "tt0000003|1.0|1", "tt0000004|7.5|120"]);
    let principals = table(&[
        "tconst|ordering|nconst|category|job|characters",
        "tt0000001|1|nm0000007|director|\\N|\\N",
        "tt0000001|2|nm0000009|actress|\\N|[\"Mary \"\"Quick\"\"\"]",
        "tt0000001|3|nm0000404|actor|\\N|\\N",
        "tt0000004|1|nm0000007|writer|\\N|\\N",
    ]);
    let names = table(&[
        "nconst|primaryName|birthYear",
        "nm0000009|Cy Day|\\N",
        "nm0000007|Ada Quill|1950",
        "nm0000008|\\N|\\N",
    ]);
    let akas = table(&[
        "titleId|ordering|title|region|language|types|attributes|isOriginalTitle",
        "tt0000004|1|Der Hafen|DE|de|\\N|\\N|1",
    ]);
    let beside =
        [("title.ratings", ratings), ("title.principals", principals), ("name.basics", names), ("title.akas", akas)];
    let rows = rows(&IMDB, &first, &beside).unwrap();
    assert_eq!(rows.iter().map(|row| (row.number, row.line)).collect::<Vec<_>>(), [(1, 2), (2, 3), (3, 4)]);
    let film = said(&rows[0]);
    assert!(film.contains(r#""primaryTitle":"\"A\" of tt0000001""#), "quotes are letters here: {film}");
    assert!(
        film.contains(r#"[{"name":"Ada Quill","category":"director"},{"name":"Cy Day","category":"actress"}]"#)
            || film.contains(r#"[{"category":"director","name":"Ada Quill"},{"category":"actress","name":"Cy Day"}]"#),
        "{film}"
    );
    assert!(!film.contains("averageRating") && !film.contains("originalTitle"), "{film}");
    let series = said(&rows[2]);
    assert!(series.contains(r#""averageRating":"7.5""#) && series.contains("Der Hafen"), "{series}");
}

#[test]
fn imdb_series_get_their_episodes() {
    let lines = [
        BASICS.to_owned(),
        title("tt0000001", "tvSeries"),
        title("tt0000002", "tvEpisode").replace("|1999|", "|2001|"),
        title("tt0000003", "tvEpisode"),
        title("tt0000004", "tvEpisode"),
        title("tt0000005", "tvEpisode"),
        title("tt0000006", "movie"),
        title("tt0000007", "tvEpisode"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let first = table(&lines);
    let episodes = table(&[
        "tconst|parentTconst|seasonNumber|episodeNumber",
        "tt0000002|tt0000001|2|1",
        "tt0000003|tt0000001|1|7",
        "tt0000004|tt0000001|1|7",
        "tt0000005|tt0000001|\\N|\\N",
        "tt0000006|tt0000001|one|1",
        "tt0000007|tt0000006|1|1",
    ]);
    let beside = [("title.episode", episodes), ("title.basics", first.clone())];
    let rows = rows(&IMDB, &first, &beside).unwrap();
    let said: Vec<String> = rows.iter().map(said).collect();
    assert_eq!(said[0], "in title.episode: seasonNumber is \"one\", which is not a number from 0 to 65535");
    assert_eq!((rows[0].line, rows.len()), (6, 8));
    let series: serde_json::Value = serde_json::from_str(&said[1]).unwrap();
    let seasons = serde_json::json!([
        { "season": { "number": 1, "air_year": 1999 },
          "episodes": [{ "number": 7, "title": "\"A\" of tt0000003", "runtime_minutes": 90 }] },
        { "season": { "number": 2, "air_year": 2001 },
          "episodes": [{ "number": 1, "title": "\"A\" of tt0000002", "runtime_minutes": 90 }] },
    ]);
    assert_eq!(series["seasons"], seasons);
    let kept: Vec<_> = [2, 3, 5].map(|at| said[at].contains("\"comesWithSeries\":true")).to_vec();
    assert_eq!(kept, [true, true, false], "without a number it comes with nothing");
    assert_eq!(said[7], "it is an episode of \"tt0000006\", and no such series was taken in", "that is a film");
    assert!(said[4].starts_with("duplicate id \"tt0000004 by its season and number\""), "{}", said[4]);
    assert!(said[6].contains("\"seasons\":[]"), "{}", said[6]);
}

#[test]
fn imdb_episodes_that_are_part_of_no_series_are_turned_away() {
    let kinds = [
        ("tt0000001", "tvSeries"),
        ("tt0000002", "tvEpisode"),
        ("tt0000003", "tvEpisode"),
        ("tt0000004", "tvEpisode"),
        ("tt0000005", "tvEpisode"),
        ("tt0000006", "tvEpisode"),
        ("tt0000007", "tvSeries"),
        ("tt0000008", "tvEpisode"),
        ("tt0000009", "tvEpisode"),
    ];
    let lines: Vec<String> = [BASICS.to_owned()].into_iter().chain(kinds.map(|(id, kind)| title(id, kind))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let first = table(&lines);
    let episodes = table(&[
        "tconst|parentTconst|seasonNumber|episodeNumber",
        "tt0000001|tt0000007|1|1",
        "tt0000002|tt0000003|1|1",
        "tt0000003|tt0000004|1|2",
        "tt0000004|tt0000002|\\N|\\N",
        "tt0000005|tt0000005|1|1",
        "tt0000006|tt0000077|1|1",
        "tt0000007|tt0000001|1|1",
        "tt0000008|tt0000002|1|1",
        "tt0000009|tt0000001|1|1",
        "tt0000099|tt0000098|1|1",
    ]);
    let rows = rows(&IMDB, &first, &[("title.episode", episodes), ("title.basics", first.clone())]).unwrap();
    let turned: Vec<_> = rows
        .iter()
        .filter_map(|row| Some(format!("{}:{} {}", row.number, row.line, row.content.as_ref().err()?)))
        .collect();
    let expected = [
        "1:2 in title.episode: it is a tv_show, and no part of \"tt0000007\": only a season or an episode is part of another",
        "2:8 in title.episode: it is a tv_show, and no part of \"tt0000001\": only a season or an episode is part of another",
        "4:3 \"tt0000002\" is part of \"tt0000003\", which is part of \"tt0000002\": a loop",
        "5:4 \"tt0000003\" is part of \"tt0000004\", which is part of \"tt0000003\": a loop",
        "6:5 \"tt0000004\" is part of \"tt0000002\", which is part of \"tt0000004\": a loop",
        "7:6 \"tt0000005\" is part of \"tt0000005\", which is part of \"tt0000005\": a loop",
        "8:7 it is an episode of \"tt0000077\", and no such series was taken in",
        "10:9 it is an episode of \"tt0000002\", and no such series was taken in",
    ];
    assert_eq!(turned, expected, "of an episode that is no title's, nothing is told");
    let seasons = |row: &Row| serde_json::from_str::<serde_json::Value>(&said(row)).unwrap()["seasons"].clone();
    assert_eq!(seasons(&rows[2])[0]["episodes"].as_array().unwrap().len(), 1, "a series is no episode of another");
    assert_eq!(seasons(&rows[8]), serde_json::json!([]));
}

#[test]
fn a_bad_row_beside_is_turned_away_with_its_own_line() {
    let first = table(&[BASICS, &title("tt0000001", "movie"), &title("tt0000002", "movie")]);
    let ratings = table(&["tconst|averageRating|numVotes", "tt0000001|7.5", "tt0000002|6.5|3"]);
    let names = table(&["nconst|primaryName", "7|Nobody"]);
    let rows = rows(&IMDB, &first, &[("title.ratings", ratings), ("name.basics", names)]).unwrap();
    let said: Vec<_> = rows.iter().map(|row| (row.number, row.line, said(row))).collect();
    assert_eq!((said[0].0, said[0].1), (1, 2));
    assert_eq!(said[0].2, "in name.basics: nconst is missing");
    assert_eq!(said[2], (3, 2, "in title.ratings: the row has 2 fields, the header 3".to_owned()));
    assert!(said[3].2.contains("6.5"), "{}", said[3].2);
    assert_eq!(said.len(), 4);
}

#[test]
fn a_table_out_of_order_is_refused() {
    let ordered = [BASICS.to_owned(), title("tt0000001", "movie"), title("tt0000002", "movie")];
    let lines: Vec<&str> = ordered.iter().map(String::as_str).collect();
    let ratings = table(&["tconst|averageRating|numVotes", "tt0000002|7.5|3", "tt0000001|7.5|3"]);
    let error = rows(&IMDB, &table(&lines), &[("title.ratings", ratings)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "title.ratings is not in the order of its ids at line 3: sort it as text by its first column"
    );
    let error = rows(&IMDB, &table(&[lines[0], lines[2], lines[1]]), &[]).unwrap_err();
    assert_eq!(error.code(), "input_unsorted");
    let error = rows(&IMDB, &table(&lines), &[("title.ratings", "tconst\tx\n".to_owned())]).unwrap_err();
    let told = "title.ratings, which lies beside it: not a file of format title.ratings: missing averageRating, numVotes; \
                its columns are tconst, x";
    assert_eq!(error.to_string(), told);
    let people = [vec!["nconst|primaryName"], vec!["7|Ada Quill"; MAX_FAULTS + 1]].concat();
    let error = rows(&IMDB, &table(&lines), &[("name.basics", table(&people))]).unwrap_err();
    assert_eq!(error.code(), "input_out_of_step");
    assert!(error.to_string().starts_with("name.basics, which lies beside it: "), "{error}");
}

#[test]
fn movielens_films_get_ids_and_their_mean() {
    let first =
        "movieId,title,genres\n1,\"Glass Harbour, The (1999)\",Drama|Sci-Fi\n2,Salt (2001),(no genres listed)\n";
    let links = "movieId,imdbId,tmdbId\n1,0000077,862\n2,0000078,\n".to_owned();
    let ratings = "userId,movieId,rating,timestamp\n9,1,2.5,1\n4,1,5.0,2\n4,2,7,3\n3,x,1,1\n".to_owned();
    let rows = rows(&MOVIELENS, first, &[("links", links), ("ratings", ratings)]).unwrap();
    let said: Vec<_> = rows.iter().map(said).collect();
    assert_eq!(said[0], "in ratings: rating is 7, outside 0.5 to 5");
    assert_eq!(said[1], "in ratings: movieId is \"x\", which is not a film's number");
    assert!(said[2].contains(r#""halfStars":15"#) && said[2].contains(r#""ratings":2"#), "{}", said[2]);
    assert!(said[3].contains(r#""imdbId":"0000078""#) && said[3].contains(r#""tmdbId":null"#), "{}", said[3]);
}
