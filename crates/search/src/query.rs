//! (pure) The intent parser: from what a person typed to a plan of what to ask each source.
//!
//! Years, kinds, platforms, lengths and what is not wanted become conditions: a person who says "on Netflix after 2015"
//! wants nothing else, and every title has them or not. So do languages and countries, except for titles of which
//! neither is known. Genres, moods and people only raise what has them: sources disagree on genres and leave people
//! out, so that "heist films with Al Pacino" must still answer where a genre is missing. Filters given in the request
//! win over what the words say, and an edited intent over the words. The parser only reads the words and an immutable snapshot of the index, which knows the
//! titles and names there are.

mod believed;
mod confidence;
mod names;
mod parser;
mod spelling;
mod vocabulary;
mod years;

use contracts::{
    ApiError, Call, CreditRole, Degraded, Exclusions, ParsedBy, ParsedIntent, Region, SearchFilters, SearchRequest,
    YearRange, genres,
};
use stores::vectors::VectorFilter;

use crate::{
    SearchError,
    conditions::{Conditions, ORIGIN_UNKNOWN, Refused, conditions, country_tag, credit, language_tag, origin_tags},
    keyword::{Demand, KeywordQuery, Raised, Snapshot, TitleDoc},
    languages,
    rank::story::Story,
    text::{Word, fold, join, words},
};
use parser::{Intent, Parser};
use spelling::Spelling;
pub(crate) use vocabulary::{countries_of, country_name, genre_of_country, genres_of_mood, is_platform, synonyms};

/// A longer question tells a story ("in 1995 I saw …"): its years and kinds are words, not conditions.
const MAX_COMMAND_WORDS: usize = 14;
/// The most people whose titles are compared.
const MAX_NAMED: usize = 4;
/// How much a genre that is asked for, a mood's genre, and a language or country add to a BM25 score.
const GENRE_SCORE: f32 = 2.0;
const MOOD_SCORE: f32 = 1.5;
const ORIGIN_SCORE: f32 = 3.0;

/// What kind of query it is: the label of `search_queries_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryKind {
    /// Only conditions: the popular come first.
    Browse,
    /// Words to look for.
    Text,
    /// Titles like others.
    Like,
    /// Titles with people.
    People,
}

impl QueryKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Text => "text",
            Self::Like => "like",
            Self::People => "people",
        }
    }
}

/// Someone a query names, folded, and what they did in the titles that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub name: String,
    pub role: Option<CreditRole>,
}

/// What to ask the sources.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub kind: QueryKind,
    /// What the words say.
    pub said: ParsedIntent,
    /// What the reply says we understood: the same, as far as no filter of the request wins over it.
    pub parsed: ParsedIntent,
    /// Who understood it.
    pub parsed_by: ParsedBy,
    /// Why a model's reading was not taken.
    pub doubt: Option<&'static str>,
    /// What the words were read without: a model that should have read them, or the index that knows names.
    pub lacking: Vec<Degraded>,
    /// What every result must be.
    pub filter: Conditions,
    /// The same without the filters of the request, where it has any: they narrow what is found, and bring in nothing
    /// that is not found without them.
    pub scope: Option<Conditions>,
    /// What the keyword index is asked.
    pub keyword: KeywordQuery,
    /// Each person and the genres that are named, as conditions: what fulfils all of them comes first.
    pub named: Vec<Conditions>,
    /// The same for a sorted list, which has nothing else: each person in the part that the words give them, each genre
    /// and each mood.
    pub demands: Vec<Conditions>,
    /// The whole query, folded: a title that is called exactly this comes first.
    pub name: String,
    /// Titles that the query names as examples.
    pub like: Vec<TitleDoc>,
    /// The text to embed; `None` when there is none, or the examples' own vectors say it all.
    pub meaning: Option<String>,
}

impl Plan {
    /// A plan of nothing but what was said.
    pub(crate) fn of(kind: QueryKind, said: ParsedIntent) -> Self {
        Self {
            kind,
            parsed: said.clone(),
            said,
            parsed_by: ParsedBy::Offline,
            doubt: None,
            lacking: Vec::new(),
            filter: Conditions::default(),
            scope: None,
            keyword: KeywordQuery::default(),
            named: Vec::new(),
            demands: Vec::new(),
            name: String::new(),
            like: Vec::new(),
            meaning: None,
        }
    }

    /// The same words with these filters, in place of any others, and for nobody in particular ([`Plan::suiting`]).
    pub(crate) fn narrowed(mut self, filters: &SearchFilters, region: Option<Region>) -> Self {
        let none = SearchFilters::default();
        let unfiltered = as_far_as(self.said.clone(), filters);
        self.scope = (*filters != none).then(|| self.bounds(&none, &unfiltered, region));
        self.parsed = with_filters(self.said.clone(), filters);
        self.filter = self.bounds(filters, &self.parsed, region);
        self
    }

    /// The same, for whoever calls: as [`Conditions::suiting`].
    pub(crate) fn suiting(mut self, call: &Call) -> Self {
        self.filter = self.filter.suiting(call);
        self.scope = self.scope.map(|scope| scope.suiting(call));
        self
    }

    /// The conditions of these filters and of what is said.
    fn bounds(&self, filters: &SearchFilters, said: &ParsedIntent, region: Option<Region>) -> Conditions {
        let mut filters = filters.clone();
        filters.content_types.extend(&said.content_types);
        filters.platforms.extend(said.platforms.iter().cloned());
        filters.year_range = filters.year_range.or(said.year_range);
        filters.max_runtime_minutes = filters.max_runtime_minutes.or(said.max_runtime_minutes);
        let mut bounds = conditions(&filters, region);
        let mut origins = origin_tags(&said.languages, &said.countries);
        if !origins.is_empty() {
            origins.push(ORIGIN_UNKNOWN.to_owned());
            bounds.filter.any_of.push(origins);
        }
        if self.kind == QueryKind::Like && !said.genres.is_empty() {
            // "like The Matrix but funny": what is not funny is like it in vain.
            bounds.filter.any_of.push(said.genres.iter().map(|genre| format!("genre:{genre}")).collect());
        }
        // No filter says anything of quotes, nor refuses anything.
        Conditions { phrases: self.filter.phrases.clone(), none: self.filter.none.clone(), ..bounds }
    }

    /// What every title of a sorted list has.
    pub(crate) fn demand(&self) -> Demand {
        let conditions = std::iter::once(&self.filter).chain(&self.demands).cloned().collect();
        Demand { conditions, words: self.keyword.words.clone(), ids: Vec::new() }
    }
}

/// Plans a search. `heard` is what a model made of the query; `this_year` bounds which numbers are years.
///
/// # Errors
/// When the index behind the snapshot can't be read; `InvalidArgument` for an edited intent that names an unknown title.
pub(crate) fn plan(
    request: &SearchRequest,
    heard: Option<&ParsedIntent>,
    snapshot: &Snapshot,
    this_year: u16,
) -> Result<Plan, SearchError> {
    let Understood { spelling, mut intent, parsed_by, doubt } = understand(request, heard, snapshot, this_year)?;
    let long = request.intent.is_none() && spelling.words.len() > MAX_COMMAND_WORDS;
    let story = intent.question || long;
    if long {
        only_tell(&mut intent);
    }
    let said = intent.parsed;
    // "films" stays a list to look around in when films are ticked.
    let kind = kind_of(&said, &intent.like, &spelling.query);
    let phrases = if long { Vec::new() } else { phrases(&spelling) };
    let none = refused(request, &said, snapshot)?;
    let text = if request.intent.is_some() || intent.question { &said.text } else { &spelling.query };
    let plan = Plan {
        parsed_by,
        doubt,
        filter: Conditions { phrases: phrases.clone(), none, ..Conditions::default() },
        meaning: meaning(text, request.intent.is_some(), &spelling.words, kind, &said),
        name: join(&spelling.words),
        named: if long { Vec::new() } else { named(&said) },
        demands: demands(&intent.named, &said),
        keyword: KeywordQuery {
            told: long.then(|| Story::of(&request.query)),
            words: intent.text_words,
            light_words: intent.light_words,
            story,
            phrases,
            people: with_roles(intent.named, &said, snapshot)?,
            raised: raised(&said),
        },
        like: intent.like,
        ..Plan::of(kind, said)
    };
    Ok(plan.narrowed(&request.filters, request.region))
}

/// The plan of a query that the index of the words can't help to read: its words and its meaning as they are written, and
/// the filters of the request. `None` where there are no words, or an edited intent, which names what has to be looked up.
pub(crate) fn unread(request: &SearchRequest) -> Option<Plan> {
    let spelling = Spelling::as_written(&request.query);
    if spelling.words.is_empty() || request.intent.is_some() {
        return None;
    }
    let words = spelling.words.iter().map(|word| word.text.clone()).collect();
    let said = ParsedIntent { text: request.query.clone(), ..ParsedIntent::default() };
    let plan = Plan {
        keyword: KeywordQuery { words, ..KeywordQuery::default() },
        name: join(&spelling.words),
        meaning: Some(request.query.clone()),
        ..Plan::of(QueryKind::Text, said)
    };
    Some(plan.narrowed(&request.filters, request.region))
}

/// A query as it was understood, and by whom.
struct Understood {
    spelling: Spelling,
    intent: Intent,
    parsed_by: ParsedBy,
    doubt: Option<&'static str>,
}

/// Takes the intent of the request, else the model's where it can be believed, else reads the words.
fn understand(
    request: &SearchRequest,
    heard: Option<&ParsedIntent>,
    snapshot: &Snapshot,
    this_year: u16,
) -> Result<Understood, SearchError> {
    if let Some(edited) = &request.intent {
        let (spelling, intent) = given(edited, snapshot, this_year)?;
        return Ok(Understood { spelling, intent, parsed_by: ParsedBy::Request, doubt: None });
    }
    let believed = heard.map(|said| believed::believed(&request.query, said, snapshot, this_year)).transpose()?;
    let doubt = match believed {
        Some(Ok(intent)) => {
            let spelling = Spelling::as_written(&request.query);
            return Ok(Understood { spelling, intent, parsed_by: ParsedBy::Model, doubt: None });
        }
        Some(Err(doubt)) => Some(doubt),
        None => None,
    };
    let (spelling, intent) = read(&request.query, snapshot, this_year)?;
    Ok(Understood { spelling, intent, parsed_by: ParsedBy::Offline, doubt })
}

/// Who tells a story compares it with other titles, says what it was not and where they saw it, and quotes what somebody
/// said in it: none of that is a condition.
fn only_tell(intent: &mut Intent) {
    intent.like.clear();
    intent.parsed = ParsedIntent {
        text: std::mem::take(&mut intent.parsed.text),
        people: std::mem::take(&mut intent.parsed.people),
        genres: std::mem::take(&mut intent.parsed.genres),
        confidence: intent.parsed.confidence,
        clarification: intent.parsed.clarification.take(),
        question: intent.parsed.question.take(),
        ..ParsedIntent::default()
    };
}

/// Reads the words of a query.
fn read(query: &str, snapshot: &Snapshot, this_year: u16) -> Result<(Spelling, Intent), SearchError> {
    let query: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let query = query.trim();
    let command = words(query).len() <= MAX_COMMAND_WORDS;
    let spelling = if command { Spelling::corrected(query, snapshot)? } else { Spelling::as_written(query) };
    let mut parser = Parser::new(&spelling, snapshot, this_year, command);
    parser.read()?;
    let mut intent = parser.finish()?;
    if query.is_empty() {
        intent.parsed.confidence = 1.0;
    } else {
        confidence::judge(&mut intent, &spelling, snapshot)?;
    }
    Ok((spelling, intent))
}

/// Takes an edited intent as it is, with languages as tags. Its titles must be there, because nothing else says which are meant.
fn given(edited: &ParsedIntent, snapshot: &Snapshot, this_year: u16) -> Result<(Spelling, Intent), SearchError> {
    let spelling = Spelling::as_written(&edited.text);
    let mut like = Vec::new();
    for (place, name) in edited.like.iter().enumerate() {
        let field = format!("intent.like[{place}]");
        like.push(title_called(name, snapshot, this_year)?.ok_or_else(|| unknown_title(name, &field))?);
    }
    let tags = |words: &[String]| -> Vec<String> { words.iter().map(|word| languages::code(word)).collect() };
    let parsed = ParsedIntent {
        languages: tags(&edited.languages),
        exclude: Exclusions { languages: tags(&edited.exclude.languages), ..edited.exclude.clone() },
        confidence: 1.0,
        clarification: None,
        question: None,
        corrections: Vec::new(),
        ..edited.clone()
    };
    let intent = Intent {
        like,
        named: edited.people.iter().map(|name| Named { name: fold(name), role: None }).collect(),
        text_words: spelling.words.iter().map(|word| word.text.clone()).collect(),
        light_words: Vec::new(),
        contradiction: None,
        vague_example: None,
        question: false,
        parsed,
    };
    Ok((spelling, intent))
}

/// The title that has this name, perhaps with its year in brackets.
fn title_called(name: &str, snapshot: &Snapshot, this_year: u16) -> Result<Option<TitleDoc>, SearchError> {
    let spelling = Spelling::as_written(name);
    let parser = Parser::new(&spelling, snapshot, this_year, true);
    let found = parser.whole_title(0)?.filter(|(_, count)| *count == spelling.words.len());
    match found {
        Some((title, _)) => Ok(Some(title)),
        None => Ok(snapshot.titles(&fold(name))?.into_iter().next()),
    }
}

fn unknown_title(name: &str, field: &str) -> ApiError {
    let shown: String = name.chars().take(40).collect();
    ApiError::invalid("unknown_title", format!("no title is called {shown:?}"))
        .field(field, "must be a title that is here")
}

/// The phrases between quotes, as folded words.
fn phrases(spelling: &Spelling) -> Vec<Vec<String>> {
    let phrase = |quote: &std::ops::Range<usize>| {
        let inside = |word: &&Word| quote.contains(&word.from);
        spelling.words.iter().filter(inside).map(|word| word.text.clone()).collect()
    };
    spelling.quotes.iter().map(phrase).collect()
}

/// What each person did in the titles that are meant: what the words say, else what they did most.
fn with_roles(named: Vec<Named>, parsed: &ParsedIntent, snapshot: &Snapshot) -> Result<Vec<Named>, SearchError> {
    let kept = named.into_iter().filter(|named| parsed.people.iter().any(|name| fold(name) == named.name));
    kept.map(|named| match named.role {
        Some(_) => Ok(named),
        None => Ok(Named { role: snapshot.role_of(&named.name)?, ..named }),
    })
    .collect()
}

/// Each thing that the query names, as a condition of its own.
fn named(parsed: &ParsedIntent) -> Vec<Conditions> {
    let person = |name: &String| Conditions { people: vec![fold(name)], ..Conditions::default() };
    let mut named: Vec<Conditions> = parsed.people.iter().take(MAX_NAMED).map(person).collect();
    if !parsed.genres.is_empty() && !named.is_empty() {
        named.push(conditions(&SearchFilters { genres: parsed.genres.clone(), ..SearchFilters::default() }, None));
    }
    named
}

/// The same, as strict as the words are: whoever "directed" is no actor.
fn demands(people: &[Named], parsed: &ParsedIntent) -> Vec<Conditions> {
    let tags = |tags: Vec<String>| Conditions {
        filter: VectorFilter { any_of: vec![tags], years: None },
        ..Conditions::default()
    };
    let genre = |id: &str| format!("genre:{id}");
    let named = people.iter().filter(|named| parsed.people.iter().any(|name| fold(name) == named.name));
    let credited = named.map(|Named { name, role }| match role {
        Some(role) => credit(*role, name),
        None => name.clone(),
    });
    let credited = credited.map(|name| Conditions { people: vec![name], ..Conditions::default() });
    let genres = parsed.genres.iter().map(|id| tags(vec![genre(id)]));
    let moods = parsed.moods.iter().filter_map(|mood| genres_of_mood(mood));
    credited.chain(genres).chain(moods.map(|genres| tags(genres.iter().map(|id| genre(id)).collect()))).collect()
}

/// What brings a title forward without being demanded.
fn raised(parsed: &ParsedIntent) -> Vec<Raised> {
    let genre = |id: &str| format!("genre:{id}");
    let mut raised: Vec<Raised> =
        parsed.genres.iter().map(|id| Raised { tags: vec![genre(id)], score: GENRE_SCORE }).collect();
    for genres in parsed.moods.iter().filter_map(|mood| genres_of_mood(mood)) {
        raised.push(Raised { tags: genres.iter().map(|id| genre(id)).collect(), score: MOOD_SCORE });
    }
    let tags = origin_tags(&parsed.languages, &parsed.countries);
    if !tags.is_empty() {
        raised.push(Raised { tags, score: ORIGIN_SCORE });
    }
    raised
}

/// Of what can hold only once, a filter of the request wins over what the words say. Genres, people and origins of the
/// words bring titles forward, and go on doing so among those that the filters let through.
fn with_filters(mut parsed: ParsedIntent, filters: &SearchFilters) -> ParsedIntent {
    if !filters.content_types.is_empty() {
        parsed.content_types.clear();
    }
    if filters.year_range.is_some_and(|years| years != YearRange::default()) {
        parsed.year_range = None;
    }
    if !filters.platforms.is_empty() {
        parsed.platforms.clear();
    }
    if filters.max_runtime_minutes.is_some() {
        parsed.max_runtime_minutes = None;
    }
    parsed
}

/// What the words say, without that which a filter of the request asks beyond it: one that asks for a part of it, such
/// as films of "films like The Matrix", narrows.
fn as_far_as(mut parsed: ParsedIntent, filters: &SearchFilters) -> ParsedIntent {
    if filters.content_types.iter().any(|kind| !parsed.content_types.contains(kind)) {
        parsed.content_types.clear();
    }
    if filters.platforms.iter().any(|platform| !parsed.platforms.contains(platform)) {
        parsed.platforms.clear();
    }
    let asked = filters.year_range.filter(|years| *years != YearRange::default());
    if let (Some(asked), Some(said)) = (asked, parsed.year_range) {
        let from = said.from.is_none_or(|least| asked.from.is_some_and(|from| from >= least));
        let to = said.to.is_none_or(|most| asked.to.is_some_and(|to| to <= most));
        parsed.year_range = Some(said).filter(|_| from && to);
    }
    let longer = |said: &u16| filters.max_runtime_minutes.is_some_and(|asked| asked > *said);
    parsed.max_runtime_minutes = parsed.max_runtime_minutes.filter(|said| !longer(said));
    parsed
}

fn kind_of(parsed: &ParsedIntent, like: &[TitleDoc], query: &str) -> QueryKind {
    let conditions = !parsed.content_types.is_empty()
        || parsed.year_range.is_some()
        || !parsed.platforms.is_empty()
        || parsed.max_runtime_minutes.is_some()
        || parsed.exclude != contracts::Exclusions::default();
    let raises = !(parsed.genres.is_empty()
        && parsed.moods.is_empty()
        && parsed.languages.is_empty()
        && parsed.countries.is_empty());
    if !like.is_empty() {
        QueryKind::Like
    } else if !parsed.people.is_empty() {
        QueryKind::People
    } else if parsed.text.is_empty() && !raises && (query.is_empty() || conditions) {
        QueryKind::Browse
    } else {
        QueryKind::Text
    }
}

/// What to embed: what was said, since a model reads sentences; with examples only what is said beside them, and of an
/// edited intent what it holds. What is not wanted is left out, as a model hears "not horror" as horror.
fn meaning(said: &str, edited: bool, words: &[Word], kind: QueryKind, parsed: &ParsedIntent) -> Option<String> {
    let denies = parsed.exclude != contracts::Exclusions::default();
    match kind {
        QueryKind::Browse => None,
        QueryKind::Text | QueryKind::People if !edited && !denies => (!words.is_empty()).then(|| said.to_owned()),
        _ => {
            let people = if kind == QueryKind::Like { &[][..] } else { parsed.people.as_slice() };
            let genres = parsed.genres.iter().filter_map(|genre| genres::name(genre));
            let said: Vec<&str> = std::iter::once(parsed.text.as_str())
                .chain(genres)
                .chain(parsed.moods.iter().map(String::as_str))
                .chain(people.iter().map(String::as_str))
                .filter(|part| !part.is_empty())
                .collect();
            Some(said.join(" ")).filter(|said| !said.is_empty())
        }
    }
}

fn refused(request: &SearchRequest, parsed: &ParsedIntent, snapshot: &Snapshot) -> Result<Refused, SearchError> {
    let exclude = &parsed.exclude;
    let mut tags: Vec<String> = exclude.genres.iter().map(|genre| format!("genre:{genre}")).collect();
    tags.extend(exclude.platforms.iter().map(|platform| match request.region {
        Some(region) => format!("offer:{platform}:{region}"),
        None => format!("platform:{platform}"),
    }));
    tags.extend(exclude.languages.iter().map(|language| language_tag(language)));
    tags.extend(exclude.countries.iter().map(country_tag));
    let mut ids = Vec::new();
    for name in &exclude.like {
        ids.extend(title_called(name, snapshot, u16::MAX - 2)?.map(|title| title.id.to_string()));
    }
    let phrase = |text: &String| words(text).into_iter().map(|word| word.text).collect::<Vec<_>>();
    Ok(Refused {
        tags,
        people: exclude.people.iter().map(|name| fold(name)).collect(),
        ids,
        phrases: exclude.text.iter().map(phrase).filter(|words| !words.is_empty()).collect(),
    })
}

#[cfg(test)]
mod tests;
