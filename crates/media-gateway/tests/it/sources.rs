//! Generated sources: a streaming service's CSV, films of Wikipedia and series of IMDb with their episodes, the same bytes in every
//! run, half of the films in both and every series in two.

use std::{
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

const HEADER: &str =
    "show_id,type,title,director,cast,country,date_added,release_year,rating,duration,listed_in,description\n";
const FIRST: [&str; 40] = [
    "Amber", "Broken", "Crimson", "Distant", "Empty", "Fallen", "Golden", "Hollow", "Iron", "Jagged", "Kind", "Last",
    "Midnight", "Narrow", "Open", "Paper", "Quiet", "Rusted", "Silent", "Thirsty", "Upper", "Velvet", "Winter",
    "Yellow", "Ancient", "Burning", "Copper", "Drowned", "Electric", "Frozen", "Gentle", "Hidden", "Inner", "Lonely",
    "Marble", "Northern", "Painted", "Restless", "Scarlet", "Twisted",
];
const SECOND: [&str; 40] = [
    "Anchor",
    "Bridge",
    "Canal",
    "Daughter",
    "Engine",
    "Ferry",
    "Garden",
    "Harbour",
    "Island",
    "Journey",
    "Kingdom",
    "Lantern",
    "Mirror",
    "Needle",
    "Orchard",
    "Piano",
    "Quarry",
    "River",
    "Station",
    "Tower",
    "Umbrella",
    "Valley",
    "Window",
    "Zeppelin",
    "Archive",
    "Balcony",
    "Cathedral",
    "Desert",
    "Envelope",
    "Forest",
    "Glacier",
    "Horizon",
    "Inkwell",
    "Junction",
    "Lighthouse",
    "Museum",
    "Nightingale",
    "Observatory",
    "Puppet",
    "Reservoir",
];
const NAMES: [&str; 16] = [
    "Ada", "Bo", "Cy", "Dora", "Eli", "Fay", "Gus", "Hana", "Ivo", "June", "Kit", "Lena", "Milo", "Nora", "Otis", "Pia",
];
const CSV_GENRES: [&str; 6] = ["Dramas", "Comedies", "Thrillers", "Documentaries", "Horror Movies", "Romantic Movies"];
const WIKI_GENRES: [&str; 6] = ["Drama", "Comedy", "Thriller", "Documentary", "Horror", "Romance"];

/// The files.
pub struct Sources {
    pub netflix: PathBuf,
    pub wikipedia: PathBuf,
    /// Read with its `title.episode`, which lies beside it.
    pub imdb: PathBuf,
}

impl Sources {
    /// Writes `rows` rows of each source into `folder`.
    pub fn write(folder: &Path, rows: usize) -> Self {
        let beside = |name: &str| folder.join(name);
        let sources = Self {
            netflix: beside("netflix_titles.csv.gz"),
            wikipedia: beside("films.json.gz"),
            imdb: beside("title.basics.tsv.gz"),
        };
        let (basics, episodes) = imdb(rows);
        pack(&sources.imdb, &basics);
        pack(&beside("title.episode.tsv.gz"), &episodes);
        pack(&sources.netflix, &netflix(rows));
        pack(&sources.wikipedia, &wikipedia(rows));
        sources
    }

    /// The arguments that ingest all, as of a stated day: a test that runs over midnight says the same.
    pub fn ingest(&self) -> [&str; 6] {
        let [netflix, wikipedia, imdb] =
            [&self.netflix, &self.wikipedia, &self.imdb].map(|path| path.to_str().unwrap());
        ["ingest", netflix, wikipedia, imdb, "--as-of", "2026-01-31"]
    }
}

fn pack(path: &Path, text: &str) {
    let mut gzip = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap();
}

/// The title, year, people and genre of the film with this number; numbers from 1 600 on get a second part.
fn film(number: usize) -> (String, usize, [String; 3], usize) {
    let (first, second) = (FIRST[number % 40], SECOND[number / 40 % 40]);
    let part = number / 1_600 + 1;
    let title = if part == 1 { format!("{first} {second}") } else { format!("{first} {second} {part}") };
    let person = |n: usize| format!("{} {}son", NAMES[n % 16], SECOND[n / 16 % 40]);
    (title, 1950 + number * 13 % 70, [person(number * 3), person(number * 5 + 1), person(number * 11 + 2)], number % 6)
}

fn netflix(rows: usize) -> String {
    let mut text = HEADER.to_owned();
    for row in 0..rows {
        // Every tenth row lacks its year, which is fine, and every hundredth its title, which is not.
        let (title, year, [director, one, two], genre) = film(row);
        let title = if row % 100 == 99 { String::new() } else { title };
        let year = if row % 10 == 9 { String::new() } else { year.to_string() };
        let kind = if row % 7 == 6 { "TV Show" } else { "Movie" };
        let genre = CSV_GENRES[genre];
        writeln!(
            text,
            "s{row},{kind},{title},{director},\"{one}, {two}\",France,\"June 1, 2021\",{year},PG-13,{} min,{genre},{}",
            60 + row % 90,
            plot(row)
        )
        .unwrap();
    }
    text
}

fn wikipedia(rows: usize) -> String {
    let films: Vec<_> = (0..rows)
        .map(|row| {
            // The second half of the service's films, then as many that it does not have.
            let (title, year, [_, one, two], genre) = film(rows / 2 + row);
            let href = format!("{}_({year}_film)", title.replace(' ', "_"));
            json!({"title": title, "year": year, "cast": [one, two], "genres": [WIKI_GENRES[genre]], "href": href,
                "extract": plot(row + 7)})
        })
        .collect();
    serde_json::to_string(&films).unwrap()
}

/// The series of the service, each with two seasons of three episodes, as `title.basics` and `title.episode`.
fn imdb(rows: usize) -> (String, String) {
    let mut basics =
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
            .to_owned();
    let mut episodes = "tconst\tparentTconst\tseasonNumber\tepisodeNumber\n".to_owned();
    for row in (6..rows).step_by(7) {
        let ((title, year, ..), own) = (film(row), 1_000_000 + row * 10);
        writeln!(basics, "tt{own}\ttvSeries\t{title}\t{title}\t0\t{year}\t\\N\t50\tDrama").unwrap();
        for part in 1..=6 {
            let (episode, year) = (own + part, year + part / 4);
            writeln!(basics, "tt{episode}\ttvEpisode\tPart {part} of {row}\tx\t0\t{year}\t\\N\t{}\tDrama", 40 + part)
                .unwrap();
            // The later parts are listed first.
            writeln!(episodes, "tt{episode}\ttt{own}\t{}\t{}", 1 + (6 - part) / 3, 1 + (6 - part) % 3).unwrap();
        }
    }
    (basics, episodes)
}

/// Words that no title has.
fn plot(number: usize) -> String {
    let word = |n: usize| if n.is_multiple_of(2) { FIRST[n / 2 % 40] } else { SECOND[n / 2 % 40] };
    let words: Vec<_> = (0..12).map(|place| word(number * 31 + place * place * 17 + number / 80 * place)).collect();
    words.join(" ").to_lowercase().chars().rev().collect()
}
