//! What the keyword index finds, and what it survives.

use std::fs;

use contracts::YearRange;
use stores::vectors::VectorFilter;
use tempfile::TempDir;

use super::*;
use crate::conditions::Conditions;
use crate::fixtures::{self, film, id};

fn find(snapshot: &Snapshot, text: &str) -> Vec<u128> {
    let words = crate::text::words(text).into_iter().map(|word| word.text).collect();
    let query = KeywordQuery { words, ..KeywordQuery::default() };
    numbers(&snapshot.search(&query, &Conditions::default(), 10).unwrap())
}

fn numbers(hits: &[contracts::Scored]) -> Vec<u128> {
    hits.iter().map(|hit| hit.content_id.0.as_u128()).collect()
}

#[test]
fn words_find_titles_people_and_overviews() {
    let (_folder, snapshot) = fixtures::snapshot();
    let table = [
        ("matrix", 1),
        ("the matrix reloaded", 2),
        ("AMELIE", 8),
        ("amélie", 8),
        ("pacino robbers", 3),
        ("simulations", 1),
        ("vacances hulot", 14),
        ("hulots holiday", 14),
        ("scarfase", 9),
        ("skarsgard", 10),
        ("batmn", 11),
        ("matrx", 1),
        ("trumanshow", 6),
        ("odys", 5),
        ("it", 10),
        ("hacker simulation world", 1),
    ];
    for (text, first) in table {
        assert_eq!(find(&snapshot, text).first(), Some(&first), "{text}");
    }
    assert!(find(&snapshot, "qqqqqq").is_empty());
    assert!(find(&snapshot, "").is_empty());
}

/// An index of titles that tell these stories, numbered from 1, and have nothing else to be found by.
fn of_stories(stories: &[&str]) -> (TempDir, KeywordIndex) {
    let folder = TempDir::new().unwrap();
    let index = KeywordIndex::open(folder.path()).unwrap();
    let films: Vec<Content> =
        (1..).zip(stories).map(|(number, story)| film(number, "Untitled", 2000, &[], &[], story)).collect();
    index.apply(&films, &[], 1).unwrap();
    (folder, index)
}

#[test]
fn a_rare_word_a_short_text_and_a_word_said_twice_count_more() {
    let table = [
        ("harbour lighthouse", ["A harbour at dawn.", "A lighthouse at dawn.", "A harbour at noon."]),
        ("lighthouse harbour", ["A harbour at dawn.", "A lighthouse at dawn.", "A harbour at noon."]),
        (
            "submarine",
            [
                "A submarine dives below the ice while its crew mutinies.",
                "A submarine dives.",
                "A submarine surfaces after a year of drifting in the dark.",
            ],
        ),
        ("wolves", ["Wolves chase sheep at dusk.", "Wolves chase wolves at dusk.", "Wolves chase deer at dusk."]),
    ];
    for (words, stories) in table {
        let (_folder, index) = of_stories(&stories);
        let found = find(&index.snapshot(), words);
        // Equals come in the order of their numbers.
        assert_eq!((found.len(), found[0]), (3, 2), "{words}: {found:?}");
    }
}

#[test]
fn what_else_is_written_for_a_word_is_found_after_the_word_itself() {
    let (_folder, index) = of_stories(&[
        "An extraterrestrial is left behind.",
        "An alien is left behind.",
        "Three brothers come home from the second world war.",
        "A second chance in a world at war.",
        "A policeman retires.",
        "A flying saucer lands.",
    ]);
    index.apply(&[film(7, "The Robbery", 2000, &[], &[], "")], &[], 2).unwrap();
    // None of these is a slip of the pen away from what it finds.
    let table: [(&str, &[u128]); 9] = [
        ("alien", &[2, 1]),
        ("extraterrestrial", &[1, 2]),
        ("wwii", &[3]),
        ("ww2", &[3]),
        ("cop", &[5]),
        ("ufo", &[6]),
        ("heist", &[7]),
        ("martian", &[]),
        ("burglary", &[]),
    ];
    for (word, found) in table {
        assert_eq!(find(&index.snapshot(), word), found, "{word}");
    }
}

#[test]
fn two_letters_find_what_begins_so() {
    let (_folder, snapshot) = fixtures::snapshot();
    for (text, found) in [("sc", vec![9]), ("od", vec![5]), ("wes", vec![12]), ("the ma", vec![1, 2]), ("zq", vec![])] {
        assert_eq!(find(&snapshot, text), found, "{text}");
    }
    assert_eq!(find(&snapshot, "ma"), [1, 2], "the popular first, and no overview with a man");
    assert_eq!(find(&snapshot, "it")[0], 10, "a whole word of a title is one");
    assert_eq!(find(&snapshot, "sc heat")[..2], [3, 4], "only the last word may be unfinished");
    assert!(snapshot.known_word("sc").unwrap() && !snapshot.known_word("zq").unwrap());
}

#[test]
fn a_list_has_all_that_is_demanded_in_the_order_that_is_asked_for() {
    let (_folder, snapshot) = fixtures::snapshot();
    let list = |demand: &Demand, rank: Rank, most: usize| {
        let list = snapshot.ordered(demand, rank, most).unwrap();
        let ids: Vec<u128> = list.hits.iter().map(|hit| hit.content_id.0.as_u128()).collect();
        (ids, list.total)
    };
    let words = |text: &str| Demand {
        words: crate::text::words(text).into_iter().map(|word| word.text).collect(),
        ..Demand::default()
    };
    let tag = |tag: &str| only(VectorFilter { any_of: vec![vec![tag.to_owned()]], years: None });
    assert_eq!(list(&words("the matrix"), Rank::Newest, 9), (vec![2, 1], 2));
    assert_eq!(list(&words("matrix"), Rank::Popular, 9), (vec![1, 2], 2));
    assert_eq!(list(&words("detective matrix"), Rank::Popular, 9), (vec![], 0), "no title has both");
    assert_eq!(list(&words("matrx"), Rank::Newest, 1), (vec![2], 2), "misspelt, and cut");
    let pacino = Conditions { people: vec!["al pacino".to_owned()], ..Conditions::default() };
    let crime = Demand { conditions: vec![tag("genre:crime"), pacino.clone()], ..Demand::default() };
    assert_eq!(list(&crime, Rank::Newest, 9), (vec![3, 9], 2));
    assert_eq!(snapshot.counts_of_all(&crime, &[Conditions::default()]).unwrap()[0].tags["genre:crime"], 2);
    let directed = Conditions { people: vec!["director:al pacino".to_owned()], ..Conditions::default() };
    assert_eq!(list(&Demand { conditions: vec![directed], ..Demand::default() }, Rank::Popular, 9).1, 0);
    let these = Demand { ids: vec![id(7), id(5), id(99)], ..Demand::default() };
    assert_eq!(list(&these, Rank::Newest, 9), (vec![7, 5], 2));
    let by = Rank::By(std::sync::Arc::new(|id| u64::from(id.0.as_u128() == 12)));
    assert_eq!(list(&Demand::default(), by, 3), (vec![12, 1, 3], 14), "then the popular");
    let scores: Vec<f64> =
        snapshot.ordered(&crime, Rank::Newest, 9).unwrap().hits.iter().map(|hit| hit.keyword).collect();
    assert_eq!(scores, [0.0, 0.0], "conditions are no words");
    assert!(snapshot.ordered(&words("matrix"), Rank::Newest, 9).unwrap().hits.iter().all(|hit| hit.keyword > 0.0));
}

fn only(filter: VectorFilter) -> Conditions {
    Conditions { filter, ..Conditions::default() }
}

#[test]
fn filters_hold() {
    let (_folder, snapshot) = fixtures::snapshot();
    let words = vec!["heat".to_owned()];
    let query = KeywordQuery { words, ..KeywordQuery::default() };
    let years = only(VectorFilter { years: Some(YearRange { from: None, to: Some(1990) }), ..VectorFilter::default() });
    assert_eq!(numbers(&snapshot.search(&query, &years, 10).unwrap()), [4]);
    let genre = |genre: &str| only(VectorFilter { any_of: vec![vec![format!("genre:{genre}")]], years: None });
    assert_eq!(numbers(&snapshot.search(&query, &genre("crime"), 10).unwrap()), [3]);
    assert!(snapshot.search(&query, &genre("unheard_of"), 10).unwrap().is_empty());
    let having = |conditions| snapshot.having(&Demand { conditions, ..Demand::default() }).unwrap();
    assert_eq!(having(vec![genre("horror")]), [id(10)].into());
    assert_eq!(having(vec![genre("crime"), years.clone()]), [id(9)].into(), "both at once");
    assert_eq!(having(Vec::new()).len(), 14);
    let popular = snapshot.popular(&Conditions::default(), 2).unwrap();
    assert_eq!((numbers(&popular.hits), popular.total), (vec![1, 3], 14));
    assert_eq!(numbers(&snapshot.called("heat", &years).unwrap()), [4]);
    for name in ["matrix", "the matrix"] {
        assert_eq!(numbers(&snapshot.called(name, &Conditions::default()).unwrap()), [1]);
    }
}

#[test]
fn the_vocabulary_knows_names_and_titles() {
    let (_folder, snapshot) = fixtures::snapshot();
    assert_eq!(snapshot.person("al pacino").unwrap().as_deref(), Some("Al Pacino"));
    assert_eq!(snapshot.person("pacino").unwrap(), None);
    let titles = snapshot.titles("heat").unwrap();
    assert_eq!(titles.iter().map(|title| title.year.unwrap()).collect::<Vec<_>>(), [1995, 1986], "the popular first");
    let mut count = 0;
    snapshot.for_each(|_| count += 1).unwrap();
    assert_eq!(count, 14);
}

#[test]
fn a_title_is_replaced_and_forgotten_with_the_cursor() {
    let (folder, index) = fixtures::index();
    let before = index.snapshot();
    index.apply(&[film(1, "La Matrice", 1999, &[], &[], "")], &[id(3)], 8).unwrap();
    let after = index.snapshot();
    assert_eq!(find(&after, "matrice"), [1]);
    assert_eq!(find(&after, "hacker"), Vec::<u128>::new());
    assert_eq!(after.len(), 13);
    assert_eq!(find(&before, "hacker"), [1], "a snapshot stays as it was");
    drop((index, before, after));
    let index = KeywordIndex::open(folder.path()).unwrap();
    assert_eq!(index.cursor().unwrap(), Some(8));
    assert_eq!(find(&index.snapshot(), "matrice"), [1]);
}

#[test]
fn a_rebuild_answers_until_it_ends_and_a_cut_one_changes_nothing() {
    let (folder, index) = fixtures::index();
    index.clear().unwrap();
    index.add(&[film(50, "Solaris", 1972, &[], &[], "")]).unwrap();
    assert_eq!(index.snapshot().len(), 14);
    drop(index);
    let index = KeywordIndex::open(folder.path()).unwrap();
    assert_eq!((index.snapshot().len(), index.cursor().unwrap()), (14, Some(7)));
    index.clear().unwrap();
    index.add(&[film(50, "Solaris", 1972, &[], &[], "")]).unwrap();
    index.apply(&[], &[], 9).unwrap();
    assert_eq!((index.snapshot().len(), index.cursor().unwrap()), (1, Some(9)));
}

#[test]
fn damage_is_noticed_and_moved_aside() {
    let damages: [fn(&std::path::Path); 3] = [
        |folder| fs::write(folder.join("meta.json"), "{").unwrap(),
        |folder| {
            let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let file = files.find(|path| path.extension().is_some_and(|e| e == "store")).unwrap();
            let mut bytes = fs::read(&file).unwrap();
            bytes[10] ^= 0xff;
            fs::write(&file, bytes).unwrap();
        },
        |folder| {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "term") {
                    fs::remove_file(path).unwrap();
                }
            }
        },
    ];
    for damage in damages {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("keyword");
        let index = KeywordIndex::open(&folder).unwrap();
        index.apply(&fixtures::films(), &[], 7).unwrap();
        drop(index);
        damage(&folder);
        let index = KeywordIndex::open(&folder).unwrap();
        assert_eq!((index.cursor().unwrap(), index.snapshot().len()), (None, 0));
        assert!(parent.path().join("keyword.aside").exists());
    }
}

/// Makes the index in `folder` say that it is of another format.
fn reformat(folder: &Path, format: u32) {
    let meta = folder.join("meta.json");
    let written = fs::read_to_string(&meta).unwrap();
    let place = written.find("\\\"format\\\":").unwrap() + "\\\"format\\\":".len();
    let digits = written[place..].chars().take_while(char::is_ascii_digit).count();
    fs::write(&meta, format!("{}{format}{}", &written[..place], &written[place + digits..])).unwrap();
}

#[test]
fn another_format_answers_until_it_is_rebuilt_or_is_refused() {
    let parent = TempDir::new().unwrap();
    let (folder, former) = (parent.path().join("keyword"), parent.path().join("keyword.former"));
    let index = KeywordIndex::open(&folder).unwrap();
    index.apply(&fixtures::films(), &[], 7).unwrap();
    drop(index);
    reformat(&folder, 99);
    assert!(matches!(KeywordIndex::open(&folder), Err(SearchError::Newer { found: 99, known: FORMAT })));
    reformat(&folder, 0);
    // Cut off three times: before anything was filled, half-way, and after the last commit.
    for _ in 0..2 {
        let index = KeywordIndex::open(&folder).unwrap();
        assert!(index.is_former() && index.is_filled());
        assert_eq!((index.cursor().unwrap(), find(&index.snapshot(), "heat")), (None, vec![3, 4]));
        index.clear().unwrap();
        index.add(&[film(50, "Solaris", 1972, &[], &[], "")]).unwrap();
        assert_eq!((index.snapshot().len(), former.exists()), (14, true));
    }
    let index = KeywordIndex::open(&folder).unwrap();
    let before = index.snapshot();
    index.apply(&[film(50, "Solaris", 1972, &[], &[], "")], &[], 9).unwrap();
    assert_eq!((index.snapshot().len(), index.is_former(), former.exists()), (1, false, false));
    assert_eq!(find(&before, "heat"), [3, 4], "a search that is under way ends as it began");
    drop((index, before));
    fs::create_dir(&former).unwrap();
    let index = KeywordIndex::open(&folder).unwrap();
    assert_eq!((index.cursor().unwrap(), index.is_former(), former.exists()), (Some(9), false, false));
}

#[test]
fn an_older_format_that_can_not_be_read_is_not_asked() {
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("keyword");
    let mut schema = tantivy::schema::Schema::builder();
    let title = schema.add_text_field("title", tantivy::schema::TEXT);
    fs::create_dir(&folder).unwrap();
    let index = Index::create_in_dir(&folder, schema.build()).unwrap();
    let mut writer = index.writer_with_num_threads(1, WRITER_BYTES).unwrap();
    writer.add_document(tantivy::doc!(title => "Heat")).unwrap();
    commit(&mut writer, 7).unwrap();
    drop((writer, index));
    reformat(&folder, 1);
    let index = KeywordIndex::open(&folder).unwrap();
    assert_eq!((index.snapshot().len(), index.is_former(), index.is_filled()), (0, false, false));
    index.apply(&fixtures::films(), &[], 8).unwrap();
    assert!(index.is_filled() && !parent.path().join("keyword.former").exists());
}

#[test]
fn a_second_opener_is_told() {
    let (folder, _index) = fixtures::index();
    assert!(matches!(KeywordIndex::open(folder.path()), Err(SearchError::Locked)));
}
