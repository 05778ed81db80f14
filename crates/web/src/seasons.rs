//! (pure) The seasons of a series, as text in one language.

use contracts::Season;

use crate::language::Language;

/// A season, ready to be written down.
#[derive(Debug, PartialEq, Eq)]
pub struct SeasonLine {
    /// What it is called, by its source or by its number.
    pub name: String,
    /// Its year and the number of its episodes, without what is not known.
    pub more: Vec<String>,
}

/// A line for each season, in their order.
pub fn lines(seasons: &[Season], language: &Language) -> Vec<SeasonLine> {
    seasons.iter().map(|season| line(season, language)).collect()
}

fn line(season: &Season, language: &Language) -> SeasonLine {
    // Some are numbered by their year: a text, so that nothing groups its digits.
    let numbered = || match season.number {
        0 => language.say("season-specials"),
        number => language.tell("season-number", &[("number", number.to_string().into())]),
    };
    let parts = [
        season.air_year.map(|year| year.to_string()),
        season.episode_count.map(|count| language.tell("episodes", &[("count", count.into())])),
    ];
    SeasonLine { name: season.name.clone().unwrap_or_else(numbered), more: parts.into_iter().flatten().collect() }
}
