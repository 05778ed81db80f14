//! (pure) Years and running times in a query.

use contracts::{Wording, YearRange};

use super::{
    parser::{NEGATIONS, Parser},
    vocabulary::{decade, year},
};

/// Words between "under" and what it limits.
const LIMITS: &[&str] = &["under", "below", "within", "max", "maximum", "upto"];

impl<'a> Parser<'a> {
    pub(super) fn read_years(&mut self, at: usize) -> usize {
        let Some((years, taken)) = self.years_at(at) else { return 0 };
        let years = match self.parsed.year_range {
            None => years,
            Some(known) => meet(known, years),
        };
        if matches!((years.from, years.to), (Some(from), Some(to)) if from > to) {
            self.contradiction.get_or_insert_with(|| Wording::new("contradiction_years", []));
            // "After 2015" can mean nothing else; a year alone may be a title's.
            return if taken > 1 { self.take(at, taken) } else { 0 };
        }
        self.parsed.year_range = Some(years);
        let lead = self.before(at);
        self.bare_year |= taken == 1 && year(self.at(at), self.this_year).is_some() && !matches!(lead, "in" | "from");
        self.take_before(at, &["the", "early", "late", "in", "from", "of", "year", "years", "released", "made"]);
        self.take(at, taken)
    }

    /// The years that the words from `at` name, and how many words that takes.
    fn years_at(&self, at: usize) -> Option<(YearRange, usize)> {
        let year_at = |index: usize| year(self.at(index), self.this_year);
        if NEGATIONS.contains(&self.at(at)) {
            return self.not_beyond(at + 1).map(|(years, taken)| (years, taken + 1));
        }
        match self.at(at) {
            "between" | "from" => {
                let (from, to) = (year_at(at + 1)?, year_at(at + 3)?);
                let joined = matches!(self.at(at + 2), "and" | "to" | "until" | "till");
                joined.then_some((ordered(from, to), 4))
            }
            "newer" | "older" | "later" | "earlier" if self.at(at + 1) == "than" => {
                let (years, taken) = self.point(at + 2)?;
                let after = matches!(self.at(at), "newer" | "later");
                Some((if after { since(years) } else { before(years) }, taken + 2))
            }
            "after" | "since" | "post" => {
                let (years, taken) = self.point(at + 1)?;
                let from_it = range(years.from, None);
                Some((if self.at(at) == "since" { from_it } else { since(years) }, taken + 1))
            }
            "before" | "until" | "till" | "pre" => {
                let (years, taken) = self.point(at + 1)?;
                let to_it = range(None, years.to);
                Some((if matches!(self.at(at), "until" | "till") { to_it } else { before(years) }, taken + 1))
            }
            _ => self.span(at),
        }
    }

    /// "not before 1990" begins with it, "no older than 1990" as well.
    fn not_beyond(&self, at: usize) -> Option<(YearRange, usize)> {
        let lead = if self.at(at + 1) == "than" { 2 } else { 1 };
        let (years, taken) = self.point(at + lead)?;
        match self.at(at) {
            "before" | "older" | "earlier" => Some((range(years.from, None), taken + lead)),
            "after" | "newer" | "later" => Some((range(None, years.to), taken + lead)),
            _ => None,
        }
    }

    /// A year or a decade, perhaps after an article.
    fn point(&self, at: usize) -> Option<(YearRange, usize)> {
        let skip = usize::from(self.at(at) == "the");
        let word = self.at(at + skip);
        let single = year(word, self.this_year).map(|year| range(Some(year), Some(year)));
        single.or_else(|| decade(word)).map(|years| (years, skip + 1))
    }

    /// `1990-1995`, `1990 to 1995`, `late 90s`, `90s`, `1995`.
    fn span(&self, at: usize) -> Option<(YearRange, usize)> {
        if let Some(from) = year(self.at(at), self.this_year) {
            let (second, taken) = if self.at(at + 1) == "to" { (at + 2, 3) } else { (at + 1, 2) };
            let to = year(self.at(second), self.this_year);
            let joined = taken == 3 || self.gap(at).is_some_and(|gap| gap.contains(['-', '–']));
            return Some(match to {
                Some(to) if joined => (ordered(from, to), taken),
                _ if matches!(self.at(at + 1), "onward" | "onwards") => (range(Some(from), None), 2),
                _ => (range(Some(from), Some(from)), 1),
            });
        }
        let mut years = decade(self.at(at))?;
        match self.before(at) {
            "early" => years.to = years.from.map(|first| first + 4),
            "late" => years.from = years.from.map(|first| first + 5),
            _ => {}
        }
        Some((years, 1))
    }

    /// "under two hours", "less than 90 minutes", "at most 1h30", "90 minutes or less".
    pub(super) fn read_runtime(&mut self, at: usize) -> usize {
        let lead = match (self.at(at), self.at(at + 1)) {
            ("less" | "shorter" | "longer" | "more", "than") => 2,
            ("at", "most") | ("up", "to") => 2,
            (word, _) if LIMITS.contains(&word) => 1,
            _ => 0,
        };
        // "longer than" limits nothing from above, unless it is denied: "no longer than".
        let denied = at.checked_sub(1).is_some_and(|before| NEGATIONS.contains(&self.at(before)));
        if matches!(self.at(at), "longer" | "more") != denied && lead > 0 {
            return 0;
        }
        let Some((minutes, taken)) = self.duration(at + lead) else { return 0 };
        let after = at + lead + taken;
        let limited = matches!((self.at(after), self.at(after + 1)), ("or", "less" | "shorter" | "under"));
        if (lead == 0 && !limited) || minutes == 0 || minutes > crate::conditions::MAX_RUNTIME_MINUTES {
            return 0;
        }
        let most = self.parsed.max_runtime_minutes.map_or(minutes, |known| known.min(minutes));
        self.parsed.max_runtime_minutes = Some(most);
        self.take_before(at, &[NEGATIONS, &["thats", "that", "is", "are", "its"]].concat());
        self.take(at, lead + taken + if limited { 2 } else { 0 })
    }

    /// A duration in minutes from `at`, and how many words it takes.
    fn duration(&self, at: usize) -> Option<(u16, usize)> {
        if let Some(minutes) = compact(self.at(at)) {
            return Some((minutes, 1));
        }
        let first = number(self.at(at))?;
        match (self.at(at + 1), self.at(at + 2), self.at(at + 3), self.at(at + 4)) {
            ("and", "a", "half", "hours") => Some((first.checked_mul(60)? + 30, 5)),
            ("hour" | "hours" | "hrs" | "hr" | "h", "and", "a", "half") => Some((first.checked_mul(60)? + 30, 5)),
            ("hour" | "hours" | "hrs" | "hr" | "h", rest, unit, _) => {
                let more = number(rest).filter(|_| matches!(unit, "minutes" | "minute" | "mins" | "min" | "m"));
                let hours = first.checked_mul(60)?;
                Some(more.map_or((hours, 2), |more| (hours.saturating_add(more), 4)))
            }
            ("minutes" | "minute" | "mins" | "min" | "m", ..) => Some((first, 2)),
            _ => None,
        }
    }
}

/// `2h`, `90min`, `1h30`, `1h30m`.
fn compact(word: &str) -> Option<u16> {
    if let Some((hours, rest)) = word.split_once('h') {
        let minutes: u16 = match rest.trim_end_matches("min").trim_end_matches('m') {
            "" | "r" | "rs" => 0,
            minutes => minutes.parse().ok()?,
        };
        return hours.parse::<u16>().ok()?.checked_mul(60)?.checked_add(minutes);
    }
    let minutes = word.strip_suffix("mins").or_else(|| word.strip_suffix("min")).or_else(|| word.strip_suffix('m'))?;
    minutes.parse().ok()
}

fn number(word: &str) -> Option<u16> {
    const NAMES: &[&str] = &["one", "two", "three", "four", "five", "six"];
    let named = NAMES.iter().position(|name| *name == word).map(|place| place as u16 + 1);
    named.or_else(|| matches!(word, "an" | "a").then_some(1)).or_else(|| word.parse().ok())
}

fn range(from: Option<u16>, to: Option<u16>) -> YearRange {
    YearRange { from, to }
}

fn since(years: YearRange) -> YearRange {
    range(years.to.map(|year| year + 1), None)
}

fn before(years: YearRange) -> YearRange {
    range(None, years.from.map(|year| year - 1))
}

/// The years between two that were said, in whichever order.
fn ordered(one: u16, other: u16) -> YearRange {
    range(Some(one.min(other)), Some(one.max(other)))
}

/// The years that are in both.
fn meet(a: YearRange, b: YearRange) -> YearRange {
    let to = match (a.to, b.to) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    range(a.from.max(b.from), to)
}
