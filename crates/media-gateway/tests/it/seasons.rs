//! Seasons and episodes from a file of an operator's own to what the node answers.

use serde_json::{Value, json};

use crate::{
    app::{Setup, one_line},
    fixtures,
};

const MAPPING: &str = "source = \"festival\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\ntype = \"kind\"\nparent = \"of\"\n\
    number = \"no\"\nepisodes = \"episodes\"\noverview = \"about\"\ndate = \"aired\"\nruntime_minutes = \"minutes\"\n";
const ROWS: &str = "id,name,kind,of,no,episodes,about,aired,minutes\n\
    t1,Harbour Lights,tv_show,,,,A pilot waits.,2004-01-02,\n\
    s1,The First Winter,season,t1,1,8,,2004-01-02,\n\
    s2,,season,t1,2,,,,\n\
    e1,Pilot,episode,s1,1,,A boat.,2004-01-02,51\n\
    e2,Low Tide,episode,s1,2,,,2004-01-09,\n\
    s3,Season 1,season,t9,1,,,,\n";

#[test]
fn a_file_with_a_series_its_seasons_and_episodes_is_answered_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let mapping = fixtures::write(dir.path(), "festival.toml", MAPPING.as_bytes());
    let file = fixtures::write(dir.path(), "series.csv", ROWS.as_bytes());
    let app = Setup::new().start();
    let ingest = || -> Value {
        let output = app.setup.run(&["ingest", &file, "--mapping", &mapping, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let counts = |run: &Value| ["created", "unchanged", "parts", "passed_by", "rejected"].map(|name| run[name].clone());
    assert_eq!(counts(&ingest()), [1, 0, 4, 0, 1].map(|count| json!(count)));

    let title = app.get("/api/v1/content/tv").ok()["items"][0].clone();
    assert_eq!((&title["title"], &title["season_count"]), (&json!("Harbour Lights"), &json!(2)));
    let path = format!("/api/v1/content/{}/seasons", title["id"].as_str().unwrap());
    let first = json!({ "number": 1, "name": "The First Winter", "air_date": "2004-01-02", "air_year": 2004, "episode_count": 8 });
    let seasons = json!({ "content_id": title["id"], "seasons": [first, { "number": 2 }] });
    assert_eq!(app.get(&path).ok(), seasons);
    let episodes = json!([
        { "number": 1, "title": "Pilot", "overview": "A boat.", "air_date": "2004-01-02", "runtime_minutes": 51 },
        { "number": 2, "title": "Low Tide", "air_date": "2004-01-09" },
    ]);
    let season = json!({ "content_id": title["id"], "season": first, "episodes": episodes });
    assert_eq!(app.get(&format!("{path}/1")).ok(), season);
    app.get(&format!("{path}/3")).problem(404, "unknown_season");

    assert_eq!(counts(&ingest()), [0, 1, 4, 0, 1].map(|count| json!(count)), "nothing new");
    assert_eq!((app.get(&path).ok(), app.get(&format!("{path}/1")).ok()), (seasons, season));
    assert_eq!(app.get("/api/v1/content/tv").ok()["items"], json!([title]), "nor was anything written");

    // What the file no longer says goes.
    let shorter: String =
        ROWS.lines().filter(|line| !line.starts_with("e1,")).map(|line| format!("{line}\n")).collect();
    std::fs::write(&file, shorter).unwrap();
    let run = ingest();
    assert_eq!((&run["updated"], &run["parts"]), (&json!(1), &json!(3)));
    assert_eq!(app.get(&format!("{path}/1")).ok()["episodes"], json!([episodes[1]]));
}

#[test]
fn the_episodes_of_imdb_are_answered_and_shown_with_their_series() {
    let dir = tempfile::tempdir().unwrap();
    let basics = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
        tt9900101\ttvSeries\tHarbour Lights\tHarbour Lights\t0\t2004\t2006\t50\tDrama\n\
        tt9900102\ttvEpisode\tLow Tide\tLow Tide\t0\t2004\t\\N\t51\tDrama\n\
        tt9900103\ttvEpisode\tPilot\tPilot\t0\t2004\t\\N\t52\tDrama\n";
    let episodes =
        "tconst\tparentTconst\tseasonNumber\tepisodeNumber\ntt9900102\ttt9900101\t1\t2\ntt9900103\ttt9900101\t1\t1\n";
    fixtures::write(dir.path(), "title.episode.tsv", episodes.as_bytes());
    let file = fixtures::gzip_file(dir.path(), "title.basics.tsv.gz", basics.as_bytes());
    let app = Setup::new().start();
    let output = app.setup.run(&["ingest", &file]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("3 rows: 1 created") && told.contains("2 seasons and episodes"), "{told}");
    let title = app.get("/api/v1/content/tv").ok()["items"][0].clone();
    let id = title["id"].as_str().unwrap();
    let season = app.get(&format!("/api/v1/content/{id}/seasons/1")).ok();
    let episodes = json!([
        { "number": 1, "title": "Pilot", "runtime_minutes": 52 },
        { "number": 2, "title": "Low Tide", "runtime_minutes": 51 },
    ]);
    assert_eq!((&season["season"]["air_year"], &season["episodes"]), (&json!(2004), &episodes));
    let page = app.get(&format!("/title/{id}")).text;
    let told = "[{\"air_year\":2004,\"episode_count\":2,\"number\":1}]";
    assert!(page.contains(told), "the title's page has them too: {page}");
}

#[test]
fn a_file_that_was_named_beside_the_titles_and_is_missing_or_wrong_is_the_one_that_is_told_of() {
    let (setup, dir) = (Setup::new(), tempfile::tempdir().unwrap());
    let basics = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n\
        tt9900101\tmovie\tHarbour Lights\tHarbour Lights\t0\t2004\t\\N\t50\tDrama\n";
    let first = fixtures::write(dir.path(), "title.basics.tsv", basics.as_bytes());
    let ratings = fixtures::write(dir.path(), "title.ratings.tsv", b"averageRating\tnumVotes\n");
    let ingest = || setup.run(&["ingest", &first, &ratings]);
    let told = format!("{ratings}, which lies beside it: not a file of format title.ratings: missing tconst");
    one_line(&ingest(), 2, &told);
    std::fs::remove_file(&ratings).unwrap();
    one_line(&ingest(), 3, &format!("error: {ratings} is not there"));
    assert!(setup.run(&["ingest", &first]).status.success(), "it need not be there where nobody names it");
}
