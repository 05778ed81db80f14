//! The languages of the pages that the server writes: the app's own words (Fluent), and how each writes numbers, dates and names.

use std::{borrow::Cow, collections::HashMap};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use http::{HeaderMap, header};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;

/// The cookie in which the app keeps the chosen language.
const COOKIE: &str = "locale";
/// English that shows what is not translated and what does not fit.
const PSEUDO: &str = "en-XA";

/// What the build of the app writes down of a language (`web/scripts/locales.ts`), as a browser has it.
#[derive(Deserialize)]
struct Table {
    tag: String,
    dir: String,
    words: String,
    comma: String,
    regions: HashMap<String, String>,
    languages: HashMap<String, String>,
    /// What stands before and after an amount, and its decimals.
    currencies: HashMap<String, (String, String, usize)>,
    percent: (String, String),
    hours: Vec<String>,
    minutes: Vec<String>,
    /// A date in each month, with `{d}` and `{y}`.
    dates: Vec<String>,
}

/// One language.
pub struct Language {
    /// Its tag, as the page names it.
    pub tag: String,
    /// `ltr` or `rtl`.
    pub dir: String,
    table: Table,
    words: FluentBundle<FluentResource>,
}

/// The languages that the server speaks, English first.
pub struct Languages(Vec<Language>);

impl Languages {
    /// Reads the tables of the build; `None` where the first is missing or one is none.
    pub fn new(tables: &[bytes::Bytes]) -> Option<Self> {
        let mut all = Vec::new();
        for text in tables {
            let table: Table = serde_json::from_slice(text).ok()?;
            if all.is_empty() {
                all.push(Language::new(serde_json::from_slice(text).ok()?, None)?);
                all.push(Language::new(table, Some(PSEUDO))?);
            } else {
                all.push(Language::new(table, None)?);
            }
        }
        (!all.is_empty()).then_some(Self(all))
    }

    /// The reader's: what they chose in the app, or else what their browser asks for, or else English.
    pub fn of(&self, headers: &HeaderMap) -> &Language {
        let named = |tag: &str| self.0.iter().find(|language| language.tag == tag);
        let chosen = cookie(headers, COOKIE).and_then(named);
        chosen.or_else(|| named(self.asked(headers)?)).unwrap_or(&self.0[0])
    }

    fn asked(&self, headers: &HeaderMap) -> Option<&str> {
        let tags: Vec<&str> = self.0.iter().map(|language| language.tag.as_str()).collect();
        let asked = http_api::preferred_of(headers, &tags)?;
        tags.into_iter().find(|tag| asked.as_str().split('-').next() == Some(*tag))
    }
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

impl Language {
    fn new(table: Table, pseudo_tag: Option<&str>) -> Option<Self> {
        let mut words = FluentBundle::new_concurrent(vec![table.tag.parse().ok()?]);
        // Isolation marks keep a Latin title whole inside an Arabic sentence; English needs none.
        words.set_use_isolating(table.dir == "rtl");
        words.set_formatter(Some(|value, _| match value {
            FluentValue::Number(number) => Some(grouped(&number.value.to_string())),
            _ => None,
        }));
        if pseudo_tag.is_some() {
            words.set_transform(Some(pseudo));
        }
        words.add_resource(FluentResource::try_new(table.words.clone()).ok()?).ok()?;
        Some(Self { tag: pseudo_tag.unwrap_or(&table.tag).to_owned(), dir: table.dir.clone(), table, words })
    }

    /// The tag of the language in which titles are wanted: the pseudo-locale is English.
    pub fn content_tag(&self) -> &str {
        &self.table.tag
    }

    /// A sentence of the app; where it has none, the sentence's id.
    pub fn say(&self, id: &str) -> String {
        self.tell(id, &[])
    }

    /// A sentence of the app with something in it.
    pub fn tell(&self, id: &str, values: &[(&str, FluentValue<'_>)]) -> String {
        self.known(id, values).unwrap_or_else(|| id.to_owned())
    }

    fn known(&self, id: &str, values: &[(&str, FluentValue<'_>)]) -> Option<String> {
        let pattern = self.words.get_message(id)?.value()?;
        let args: FluentArgs<'_> = values.iter().map(|(name, value)| (*name, value.clone())).collect();
        Some(self.words.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
    }

    /// A genre by its id.
    pub fn genre(&self, id: &str) -> String {
        self.known(&format!("genre-{}", id.replace('_', "-")), &[]).unwrap_or_else(|| id.replace('_', " "))
    }

    /// A country by its code.
    pub fn region<'a>(&'a self, code: &'a str) -> &'a str {
        self.table.regions.get(code).map_or(code, String::as_str)
    }

    /// What a spoken language is called; in English where browsers have no name for it.
    pub fn language(&self, spoken: contracts::Language) -> &str {
        self.table.languages.get(spoken.as_str()).map_or_else(|| spoken.name(), String::as_str)
    }

    /// What stands between the parts of a list.
    pub fn comma(&self) -> &str {
        &self.table.comma
    }

    /// The parts of a list, one after the other.
    pub fn list(&self, parts: &[String]) -> String {
        parts.join(&self.table.comma)
    }

    /// A length of time: 1 hr 52 min.
    pub fn runtime(&self, minutes: u16) -> String {
        let (hours, rest) = (usize::from(minutes / 60), usize::from(minutes % 60));
        let hour = (hours > 0).then(|| self.table.hours.get(hours)).flatten();
        let minute = (rest > 0 || hours == 0).then(|| self.table.minutes.get(rest)).flatten();
        [hour, minute].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// A whole date.
    pub fn date(&self, date: Date) -> String {
        let month = self.table.dates.get(usize::from(date.month().unsigned_abs()).saturating_sub(1));
        month.map_or_else(
            || date.to_string(),
            |shape| shape.replace("{d}", &date.day().to_string()).replace("{y}", &date.year().to_string()),
        )
    }

    /// An amount of money, in as many decimals as its currency has.
    pub fn money(&self, amount: Decimal, currency: &str) -> String {
        match self.table.currencies.get(currency) {
            Some((before, after, decimals)) => format!("{before}{}{after}", grouped(&format!("{amount:.decimals$}"))),
            None => format!("{amount} {currency}"),
        }
    }

    /// A part of a sentence that keeps its own direction, where the language needs that (Unicode's isolates).
    pub fn apart(&self, part: String) -> String {
        if self.dir == "rtl" { format!("\u{2068}{part}\u{2069}") } else { part }
    }

    /// A share of one, in per cent.
    pub fn percent(&self, share: f64) -> String {
        let (before, after) = &self.table.percent;
        format!("{before}{:.0}{after}", share * 100.0)
    }
}

/// A number with a comma after every third digit: so do all languages here, and the build says when one does not.
pub fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits = whole.chars().rev().enumerate();
    let with = digits.flat_map(|(at, digit)| (at > 0 && at % 3 == 0).then_some(',').into_iter().chain([digit]));
    with.collect::<Vec<_>>().into_iter().rev().chain(rest.chars()).collect()
}

const PLAIN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ACCENTED: &str = "åƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýžÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽ";

/// Accented, and longer by a third; the app does the same.
fn pseudo(text: &str) -> Cow<'_, str> {
    let accent = |letter| PLAIN.chars().position(|plain| plain == letter).and_then(|at| ACCENTED.chars().nth(at));
    let mut said: String = text.chars().map(|letter| accent(letter).unwrap_or(letter)).collect();
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    if letters > 3 {
        said.extend(std::iter::repeat_n('~', letters.div_ceil(3)));
    }
    said.into()
}
