//! The bounds of a record, checked before anything of its batch is written. (pure)

use contracts::{
    ApiError, MAX_EPISODES, MAX_PART_NAME, MAX_PART_OVERVIEW, MAX_SEASONS, Result, SourceOffer, SourceRecord,
    SourceSeason,
};
use jiff::civil::Date;

/// The first year that has films.
const FIRST_YEAR: u16 = 1870;
/// How far ahead a title may be announced, in years.
const YEARS_AHEAD: u16 = 15;

/// Checks one record of a batch; `index` is its place in the batch, `this_year` the year now.
///
/// # Errors
/// `bad_record`, naming the record's `source_key` and the field at fault.
pub fn check(record: &SourceRecord, index: usize, this_year: u16) -> Result<()> {
    let checks = Checks { record, index };
    checks.texts()?;
    checks.counts()?;
    checks.numbers(this_year)?;
    record.seasons.iter().try_for_each(|told| checks.season(told, this_year))?;
    for offer in &record.offers {
        checks.offer(offer)?;
    }
    Ok(())
}

/// The year of a day; 0 for one before our era.
fn year_of(day: Date) -> u16 {
    u16::try_from(day.year()).unwrap_or_default()
}

struct Checks<'a> {
    record: &'a SourceRecord,
    index: usize,
}

impl Checks<'_> {
    fn fail<T>(&self, field: &str, what: &str) -> Result<T> {
        let key: String = self.record.source_key.chars().take(100).collect();
        let source: String = self.record.source.chars().take(100).collect();
        let detail = format!("record {key:?} of source {source:?}: {field} {what}");
        Err(ApiError::invalid("bad_record", detail).field(format!("records[{}].{field}", self.index), what))
    }

    fn text(&self, field: &str, text: &str, most: usize) -> Result<()> {
        if text.trim().is_empty() {
            return self.fail(field, "must not be empty");
        }
        self.optional(field, Some(text), most)
    }

    fn optional(&self, field: &str, text: Option<&str>, most: usize) -> Result<()> {
        let Some(text) = text else { return Ok(()) };
        // Bytes first: a text of fewer bytes than the bound has fewer characters too.
        if text.len() > most && text.chars().count() > most {
            return self.fail(field, &format!("must have at most {most} characters"));
        }
        if text.contains('\0') { self.fail(field, "must not hold a NUL character") } else { Ok(()) }
    }

    fn texts(&self) -> Result<()> {
        let record = self.record;
        self.text("source", &record.source, 64)?;
        self.text("source_key", &record.source_key, 500)?;
        self.text("title", &record.title, 1_000)?;
        self.optional("original_title", record.original_title.as_deref(), 1_000)?;
        self.optional("overview", record.overview.as_deref(), 20_000)?;
        for told in &record.translations {
            self.text("translations.title", &told.title, 1_000)?;
            self.optional("translations.overview", told.overview.as_deref(), 20_000)?;
        }
        for credit in &record.credits {
            self.text("credits.name", &credit.name, 500)?;
        }
        for id in &record.external_ids {
            self.text("external_ids.id_type", &id.id_type, 50)?;
            self.text("external_ids.id_value", &id.id_value, 255)?;
        }
        for image in &record.images {
            self.text("images.kind", &image.kind, 50)?;
            self.text("images.url", &image.url, 2_000)?;
        }
        for (_, system, certificate) in &record.ratings {
            self.text("ratings.system", system, 50)?;
            self.text("ratings.certificate", certificate, 50)?;
        }
        record.genres.iter().try_for_each(|genre| self.text("genres", genre, 60))
    }

    fn counts(&self) -> Result<()> {
        let record = self.record;
        let table = [
            ("credits", record.credits.len(), 500),
            ("translations", record.translations.len(), 100),
            ("seasons", record.seasons.len(), MAX_SEASONS),
            ("seasons.episodes", record.seasons.iter().map(|told| told.episodes.len()).sum(), MAX_EPISODES),
            ("offers", record.offers.len(), 200),
            ("external_ids", record.external_ids.len(), 50),
            ("images", record.images.len(), 50),
            ("genres", record.genres.len(), 50),
            ("countries", record.countries.len(), 250),
            ("languages", record.languages.len(), 100),
            ("ratings", record.ratings.len(), 250),
        ];
        match table.iter().find(|(_, count, most)| count > most) {
            Some((field, _, most)) => self.fail(field, &format!("must have at most {most} entries")),
            None => Ok(()),
        }
    }

    fn numbers(&self, this_year: u16) -> Result<()> {
        self.year("release_year", self.record.release_year, this_year)?;
        self.year("release_date", self.record.release_date.map(year_of), this_year)?;
        match self.record.rating {
            Some((mean, _)) if !(0.0..=10.0).contains(&mean) => self.fail("rating", "must be from 0 to 10"),
            _ => Ok(()),
        }
    }

    fn year(&self, field: &str, year: Option<u16>, this_year: u16) -> Result<()> {
        let years = FIRST_YEAR..=this_year.saturating_add(YEARS_AHEAD);
        match year {
            Some(year) if !years.contains(&year) => {
                self.fail(field, &format!("must be from {} to {}", years.start(), years.end()))
            }
            _ => Ok(()),
        }
    }

    fn season(&self, told: &SourceSeason, this_year: u16) -> Result<()> {
        let season = &told.season;
        self.optional("seasons.name", season.name.as_deref(), MAX_PART_NAME)?;
        self.optional("seasons.overview", season.overview.as_deref(), MAX_PART_OVERVIEW)?;
        self.year("seasons.air_year", season.air_year, this_year)?;
        self.year("seasons.air_date", season.air_date.map(year_of), this_year)?;
        for episode in &told.episodes {
            self.year("seasons.episodes.air_date", episode.air_date.map(year_of), this_year)?;
            self.optional("seasons.episodes.title", episode.title.as_deref(), MAX_PART_NAME)?;
            self.optional("seasons.episodes.overview", episode.overview.as_deref(), MAX_PART_OVERVIEW)?;
        }
        Ok(())
    }

    fn offer(&self, offer: &SourceOffer) -> Result<()> {
        self.text("offers.platform", &offer.platform, 50)?;
        self.text("offers.web_url", &offer.web_url, 2_000)?;
        self.optional("offers.deep_link", offer.deep_link.as_deref(), 2_000)?;
        if (0.0..=1.0).contains(&offer.confidence) {
            Ok(())
        } else {
            self.fail("offers.confidence", "must be from 0 to 1")
        }
    }
}
