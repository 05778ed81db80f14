//! Where seasons and episodes come to, in whatever order.

use super::*;

fn season(key: &str, parent: &str, number: u16) -> Part {
    let what = What::Season(Season { number, ..Season::default() });
    Part { key: key.to_owned(), parent: parent.to_owned(), what }
}

fn episode(key: &str, parent: &str, of: Option<u16>, number: u16) -> Part {
    let what = What::Episode(of, Episode { number, title: Some(key.to_owned()), ..Episode::default() });
    Part { key: key.to_owned(), parent: parent.to_owned(), what }
}

/// The rows of two series, numbered from 1.
fn gathered(parts: &[Part]) -> Gathered {
    let mut gathering = Gathering::default();
    (1..).zip(parts).for_each(|(row, part)| gathering.add(row, part.clone()));
    ["t1", "t2"].iter().for_each(|key| gathering.series(key));
    gathering.settle()
}

/// `1: 1 2` for season 1 with two episodes.
fn told(seasons: &[SourceSeason]) -> Vec<String> {
    let numbers = |own: &SourceSeason| own.episodes.iter().map(|own| format!(" {}", own.number)).collect::<String>();
    seasons.iter().map(|own| format!("{}:{}", own.season.number, numbers(own))).collect()
}

#[test]
fn each_comes_to_its_series() {
    let parts = [
        episode("e2", "s1", None, 2),
        season("s2", "t1", 2),
        episode("e1", "s1", Some(1), 1),
        season("s1", "t1", 1),
        episode("x1", "t1", Some(0), 1),
        season("s9", "t2", 1),
    ];
    let mut found = gathered(&parts);
    assert!((1..=6).all(|row| found.verdict(row) == Verdict::Kept));
    assert_eq!(told(&found.take("t1")), ["0: 1", "1: 1 2", "2:"]);
    assert_eq!(told(&found.take("t2")), ["1:"]);
    assert_eq!(told(&found.take("t1")), Vec::<String>::new(), "handed over once");
}

#[test]
fn what_has_no_place_is_refused() {
    let parts = [
        season("s1", "t1", 1),
        season("s1", "t1", 1),
        season("s1", "t1", 2),
        season("s1b", "t1", 1),
        season("s3", "t9", 1),
        episode("e3", "s3", None, 1),
        episode("e4", "t1", None, 1),
        episode("e5", "s1", Some(2), 1),
        episode("e6", "s1", None, 1),
        episode("e7", "t1", Some(1), 1),
        episode("e8", "e6", None, 1),
        season("l1", "l2", 1),
        season("l2", "l1", 1),
        season("l3", "l3", 1),
    ];
    let mut found = gathered(&parts);
    let said: Vec<String> = (1..=parts.len() as u64)
        .map(|row| match found.verdict(row) {
            Verdict::Kept => "kept".to_owned(),
            Verdict::Repeated => "repeated".to_owned(),
            Verdict::Refused(reason) => reason.to_string(),
        })
        .collect();
    let expected = [
        "kept",
        "repeated",
        "duplicate id \"s1\": an earlier row of this input has it with other content",
        "duplicate id \"t1 season 1\": an earlier row of this input has it with other content",
        "it is a season of \"t9\", and no such series was taken in",
        "it is an episode of \"s3\", and no such season or series was taken in",
        "season is missing",
        "season is \"2\", which is not the number of the season that it is part of",
        "kept",
        "duplicate id \"t1 episode 1\": an earlier row of this input has it with other content",
        "it is an episode of \"e6\", and no such season or series was taken in",
        "\"l1\" is part of \"l2\", which is part of \"l1\": a loop",
        "\"l2\" is part of \"l1\", which is part of \"l2\": a loop",
        "\"l3\" is part of \"l3\", which is part of \"l3\": a loop",
    ];
    assert_eq!(said, expected);
    assert_eq!(told(&found.take("t1")), ["1: 1"]);
}

#[test]
fn a_series_has_no_more_than_the_bounds() {
    let (last, first) = (MAX_EPISODES as u16, season("s0", "t1", 0));
    let episodes = (0..=last).map(|number| episode(&format!("e{number}"), "s0", None, number));
    let parts: Vec<Part> = std::iter::once(first).chain(episodes).collect();
    let found = gathered(&parts);
    let rows = parts.len() as u64;
    assert_eq!(found.verdict(rows - 1), Verdict::Kept);
    let Verdict::Refused(reason) = found.verdict(rows) else { panic!("one too many") };
    assert_eq!(reason.to_string(), "episodes has 2001 entries, more than 2000");

    let parts: Vec<Part> = (0..=MAX_SEASONS as u16).map(|n| season(&format!("s{n}"), "t1", n)).collect();
    let Verdict::Refused(reason) = gathered(&parts).verdict(parts.len() as u64) else { panic!("one too many") };
    assert_eq!(reason.to_string(), "seasons has 201 entries, more than 200");
}

#[test]
fn what_there_is_no_room_for_is_refused() {
    let room = BYTES_A_PART + 10;
    let mut gathering = Gathering::with_room(room);
    gathering.series("t1");
    (1..=3).for_each(|row: u16| gathering.add(row.into(), season(&format!("s{row}"), "t1", row)));
    let mut found = gathering.settle();
    let refused = Verdict::Refused(RejectReason::TooManyParts(room));
    assert_eq!([1, 2, 3].map(|row| found.verdict(row)), [Verdict::Kept, refused.clone(), refused]);
    assert_eq!(told(&found.take("t1")), ["1:"], "what is refused is not kept all the same");
}

#[test]
fn the_order_of_rows_makes_no_difference() {
    let parts = [
        season("s1", "t1", 1),
        season("s2", "t1", 2),
        episode("e1", "s1", None, 1),
        episode("e2", "s2", None, 1),
        episode("e3", "t2", Some(4), 9),
        season("s9", "t9", 1),
        season("l1", "l1", 1),
    ];
    for turn in 0..2 * parts.len() {
        let mut turned = parts.to_vec();
        turned.rotate_left(turn % parts.len());
        if turn >= parts.len() {
            turned.reverse();
        }
        let mut found = gathered(&turned);
        assert_eq!(told(&found.take("t1")), ["1: 1", "2: 1"], "{turn}");
        assert_eq!(told(&found.take("t2")), ["4: 9"], "{turn}");
        let refused: Vec<_> = turned.iter().zip(1..).filter(|(_, row)| found.verdict(*row) != Verdict::Kept).collect();
        assert!(refused.len() == 2 && refused.iter().all(|(part, _)| ["s9", "l1"].contains(&part.key.as_str())));
    }
}
