//! The first minute: a file goes in, a search finds it.

use crate::app::App;

#[test]
fn a_file_that_was_ingested_is_found() {
    let app = App::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("netflix_titles.csv");
    let rows = "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description\n\
                s1,Movie,The Paper Lighthouse,Ada Wren,\"Bo Finch, Cy Dove\",France,\"June 1, 2021\",2019,PG-13,101 min,\
                \"Dramas, Thrillers\",A keeper folds letters into boats until one of them comes back.\n";
    std::fs::write(&file, rows).unwrap();
    app.ingest(&[file.to_str().unwrap()]);
    let found = app.get("/api/v1/search?q=paper+lighthouse").ok();
    assert_eq!(found["results"][0]["content"]["title"], "The Paper Lighthouse");
    assert_eq!(found["results"][0]["content"]["availability"][0]["platform"], "netflix");
    let id = found["results"][0]["content"]["id"].as_str().unwrap();
    let title = app.get(&format!("/api/v1/content/{id}")).ok();
    assert_eq!(title["release_year"], 2019);
}
