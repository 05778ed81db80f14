//! `eval resolve`: links the records of two sources and compares the links with the true ones.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    time::Instant,
};

use catalog::link::{Entity, Kind, Link, link};
use clap::Args;
use contracts::ApiError;
use flate2::bufread::MultiGzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::Global;

/// The most a file may unpack to.
const MAX_BYTES: u64 = 1 << 30;

#[derive(Args, Debug)]
pub struct ResolveEvalArgs {
    /// Records of one source, `|`-separated with a header line, gzipped or not
    #[arg(long, value_name = "FILE")]
    left: PathBuf,
    /// Records of the other source
    #[arg(long, value_name = "FILE")]
    right: PathBuf,
    /// The true matches: two columns, the ids of left and right
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
}

pub fn run(global: &Global, args: &ResolveEvalArgs) -> anyhow::Result<()> {
    let (left, right) = (Source::read(&args.left)?, Source::read(&args.right)?);
    let truth = truth(&args.truth, &left, &right)?;
    let begun = Instant::now();
    let links = link(&left.entities, &right.entities);
    let seconds = begun.elapsed().as_secs_f64();
    let records = left.entities.len() + right.entities.len();
    // Whatever is chosen with the answers in view may only look at the one half.
    let of = |keep: &dyn Fn(usize) -> bool| Score::of(&links, &truth, keep);
    let (whole, held_out) = (of(&|_| true), of(&|at| held_out(&left.ids[at])));
    let train = of(&|at| !self::held_out(&left.ids[at]));
    if global.json {
        let mut report = whole.json();
        report["held_out"] = held_out.json();
        report["train"] = train.json();
        report["records"] = json!(records);
        report["seconds"] = json!(seconds);
        println!("{report}");
        return Ok(());
    }
    println!("{records} records linked in {seconds:.2} s ({:.0}/s)", records as f64 / seconds);
    for (name, score) in [("whole", whole), ("train half", train), ("held-out half", held_out)] {
        println!(
            "{name:13}  precision {:.4}  recall {:.4}  f1 {:.4}  ({} links, {} right, {} true)",
            score.precision(),
            score.recall(),
            score.f1(),
            score.links,
            score.right,
            score.truth,
        );
    }
    Ok(())
}

/// Whether a record belongs to the half that nothing is chosen by: a bit of the hash of the left id.
fn held_out(id: &str) -> bool {
    Sha256::digest(id.as_bytes()).first().is_some_and(|byte| byte % 2 == 1)
}

/// How many links there are, how many are right, and how many should be.
struct Score {
    links: usize,
    right: usize,
    truth: usize,
}

impl Score {
    fn of(links: &[Link], truth: &HashSet<(usize, usize)>, keep: &dyn Fn(usize) -> bool) -> Self {
        let kept = || links.iter().filter(|link| keep(link.left));
        Self {
            links: kept().count(),
            right: kept().filter(|link| truth.contains(&(link.left, link.right))).count(),
            truth: truth.iter().filter(|(left, _)| keep(*left)).count(),
        }
    }

    fn precision(&self) -> f64 {
        part(self.right, self.links)
    }

    fn recall(&self) -> f64 {
        part(self.right, self.truth)
    }

    /// The harmonic mean of precision and recall.
    fn f1(&self) -> f64 {
        part(2 * self.right, self.links + self.truth)
    }

    fn json(&self) -> Value {
        json!({ "precision": self.precision(), "recall": self.recall(), "f1": self.f1(),
            "links": self.links, "right": self.right, "truth": self.truth })
    }
}

fn part(some: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// The records of a source, with the ids it gives them.
struct Source {
    ids: Vec<String>,
    places: HashMap<String, usize>,
    entities: Vec<Entity>,
}

impl Source {
    fn read(path: &Path) -> Result<Self, ApiError> {
        let mut source = Self { ids: Vec::new(), places: HashMap::new(), entities: Vec::new() };
        let table = Table::read(path)?;
        if !table.header.iter().any(|name| name == "title" || name == "name") {
            return Err(bad(path, "has no column `title` or `name`"));
        }
        for row in &table.rows {
            let id = row[0].clone();
            if source.places.insert(id.clone(), source.ids.len()).is_some() {
                return Err(bad(path, &format!("has the id {id:?} twice")));
            }
            source.ids.push(id);
            source.entities.push(entity(&|name| table.field(row, name)));
        }
        Ok(source)
    }
}

fn truth(path: &Path, left: &Source, right: &Source) -> Result<HashSet<(usize, usize)>, ApiError> {
    let find = |source: &Source, id: &String| {
        source.places.get(id).copied().ok_or_else(|| bad(path, &format!("names the record {id:?}, which is not there")))
    };
    let table = Table::read(path)?;
    table.rows.iter().map(|row| Ok((find(left, &row[0])?, find(right, &row[1])?))).collect()
}

/// Lines of fields between bars; a column goes by the last part of its name, which may be an IRI.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: &Path) -> Result<Self, ApiError> {
        let mut bytes = Vec::new();
        unpacked(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(
            |fault| match fault.kind() {
                std::io::ErrorKind::NotFound => {
                    ApiError::not_found("input_not_found", format!("{} is not there", path.display()))
                }
                _ => bad(path, &format!("can't be read: {fault}")),
            },
        )?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(bad(path, &format!("unpacks to more than {MAX_BYTES} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| bad(path, "is not UTF-8"))?;
        let mut lines = text.lines();
        let names = lines.next().unwrap_or_default().split('|');
        let header: Vec<_> = names.map(|name| name.rsplit('/').next().unwrap_or(name).trim().to_owned()).collect();
        if header.len() < 2 {
            return Err(bad(path, "does not begin with a header of columns between `|`"));
        }
        let row = |(at, line): (usize, &str)| {
            let row: Vec<_> = line.split('|').map(str::to_owned).collect();
            let what = format!("has {} columns in line {}, and {} in its header", row.len(), at + 2, header.len());
            if row.len() == header.len() { Ok(row) } else { Err(bad(path, &what)) }
        };
        let rows = lines.enumerate().filter(|(_, line)| !line.is_empty()).map(row).collect::<Result<_, _>>()?;
        Ok(Self { header, rows })
    }

    fn field<'a>(&self, row: &'a [String], name: &str) -> Option<&'a str> {
        let at = self.header.iter().position(|own| own == name)?;
        row.get(at).map(|field| field.trim()).filter(|field| !field.is_empty())
    }
}

fn unpacked(path: &Path) -> std::io::Result<Box<dyn Read>> {
    let mut magic = Vec::new();
    File::open(path)?.take(2).read_to_end(&mut magic)?;
    let file = BufReader::new(File::open(path)?);
    Ok(if magic == [0x1f, 0x8b] { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn bad(path: &Path, what: &str) -> ApiError {
    ApiError::invalid("bad_records", format!("{} {what}", path.display()))
}

/// What a row describes. A title with a number is an episode, one with seasons or an end a series; else it may be either.
fn entity<'a>(field: &dyn Fn(&str) -> Option<&'a str>) -> Entity {
    let number = |name| field(name).and_then(|text| text.split(',').next()?.trim().parse::<u32>().ok());
    let year = |name| field(name).and_then(|text| text.get(..4)?.parse::<u16>().ok());
    let any = |names: &[&str]| names.iter().find_map(|name| field(name));
    let kind = match (field("title"), number("seasonNumber"), number("episodeNumber")) {
        (None, ..) => Kind::Person,
        (_, _, Some(_)) => Kind::Episode,
        (_, Some(_), None) => Kind::Season,
        _ if any(&["endYear", "last_air_date", "numberOfSeasons", "numberOfEpisodes"]).is_some() => Kind::Series,
        _ => Kind::Work,
    };
    let runtime = number("runtimeMinutes").or_else(|| number("runtime"));
    Entity {
        year: ["startYear", "release_year", "releaseDate"].into_iter().find_map(year),
        runtime: runtime.and_then(|minutes| u16::try_from(minutes).ok()),
        season: number("seasonNumber"),
        episode: number("episodeNumber"),
        life: (year("birthYear").or_else(|| year("birthDate")), year("deathYear")),
        roles: any(&["primaryProfessions", "job"]).map(roles).unwrap_or_default(),
        ..Entity::named(kind, any(&["title", "name"]).unwrap_or_default())
    }
}

/// What someone does, in one vocabulary: `actress` and `guestStars` play, `directors` direct.
fn roles(text: &str) -> Vec<String> {
    const WORDS: [(&str, &str); 5] =
        [("act", "actor"), ("guest", "actor"), ("writ", "writer"), ("direct", "director"), ("produc", "producer")];
    let role = |word: &str| {
        let known = WORDS.iter().find(|(start, _)| word.starts_with(start));
        known.map_or(word, |(_, role)| *role).to_owned()
    };
    text.split(',').map(|word| role(word.trim())).collect()
}
