//! (pure) Records in portions that a catalogue in another process can take, by what they weigh.

use contracts::{SourceRecord, SourceSeason};
use serde::Serialize;

/// The most bytes that the catalogue is given at once, unless one record has more: half of what a message may hold.
const MAX_PORTION: usize = 8 << 20;

/// Records, and how many bytes the JSON of each has: with its names of fields that is more than the message of its facts.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Weighed {
    records: Vec<SourceRecord>,
    /// One for each record.
    bytes: Vec<usize>,
}

impl Weighed {
    /// Weighs records that nobody has written as JSON yet.
    pub fn new(records: Vec<SourceRecord>) -> Self {
        let bytes = records.iter().map(weight).collect();
        Self { records, bytes }
    }

    /// Adds a record whose JSON has so many bytes.
    pub fn push(&mut self, record: SourceRecord, bytes: usize) {
        self.records.push(record);
        self.bytes.push(bytes);
    }

    /// The records, in order.
    pub fn records(&self) -> &[SourceRecord] {
        &self.records
    }

    /// The records in portions: most are one.
    pub fn portions(&self) -> Vec<&[SourceRecord]> {
        let (mut records, mut weights) = (self.records.as_slice(), self.bytes.as_slice());
        let mut portions = Vec::new();
        while !records.is_empty() {
            let mut bytes = 0;
            let heavier = |weight: &usize| {
                bytes += weight;
                bytes > MAX_PORTION
            };
            let end = weights.iter().position(heavier).unwrap_or(records.len()).max(1);
            let (portion, rest) = records.split_at(end);
            portions.push(portion);
            (records, weights) = (rest, &weights[end..]);
        }
        portions
    }
}

/// What seasons add to the weight of a record that had none when it was weighed.
pub(crate) fn of_seasons(seasons: &[SourceSeason]) -> usize {
    // A record without seasons has no such field.
    if seasons.is_empty() { 0 } else { "\"seasons\":,".len() + weight(seasons) }
}

fn weight<T: Serialize + ?Sized>(plain: &T) -> usize {
    // A record is plain data: it always has a JSON form.
    serde_json::to_vec(plain).map_or(MAX_PORTION, |json| json.len())
}

#[cfg(test)]
mod tests {
    use contracts::{
        AvailabilityType, ContentType, Episode, Image, Locale, MAX_EPISODES, MAX_PART_OVERVIEW, Region, Season,
        SourceOffer, Translation,
    };
    use jiff::Timestamp;

    use super::*;
    use crate::adapters::blank;

    /// How many records each portion has.
    fn lengths(records: &[SourceRecord]) -> Vec<usize> {
        Weighed::new(records.to_vec()).portions().iter().map(|portion| portion.len()).collect()
    }

    #[test]
    fn records_with_long_texts_are_given_in_portions() {
        let told = |number| Episode { number, overview: Some("x".repeat(MAX_PART_OVERVIEW)), ..Episode::default() };
        let episodes: Vec<Episode> = (0..MAX_EPISODES as u16).map(told).collect();
        let light = blank("test", "k".to_owned(), ContentType::TvShow, "Harbour Street".to_owned());
        let season = SourceSeason { season: Season::default(), episodes };
        let heavy = SourceRecord { seasons: vec![season], ..light.clone() };
        let all = [&light, &heavy, &heavy, &heavy, &light].map(Clone::clone);
        assert_eq!(lengths(&all), [3, 2]);
        let told_at_length = SourceRecord { overview: Some("x".repeat(20_000)), ..light.clone() };
        // Each is some 320 bytes beside that.
        assert_eq!(lengths(&vec![told_at_length; 500]), [412, 88]);
        assert_eq!(lengths(&vec![light; 500]), [500]);
        assert_eq!(lengths(&[]), Vec::<usize>::new());
    }

    #[test]
    fn whatever_makes_a_record_long_counts() {
        let light = blank("test", "k".to_owned(), ContentType::Movie, "Harbour".to_owned());
        let long = "x".repeat(20_000);
        let told = Translation { locale: Locale::english(), title: "Harbour".to_owned(), overview: Some(long.clone()) };
        let (kind, url) = ("poster".to_owned(), long.clone());
        let image = Image { kind, url, width: None, height: None, placeholder: None };
        let offer = SourceOffer {
            platform: "netflix".to_owned(),
            region: Region::US,
            availability_type: AvailabilityType::Subscription,
            price: None,
            quality: None,
            deep_link: None,
            web_url: long,
            available_from: None,
            expires_at: None,
            checked_at: Timestamp::UNIX_EPOCH,
            confidence: 1.0,
        };
        for heavy in [
            SourceRecord { translations: vec![told; 50], ..light.clone() },
            SourceRecord { images: vec![image; 50], ..light.clone() },
            SourceRecord { offers: vec![offer; 50], ..light },
        ] {
            // A megabyte each.
            assert_eq!(lengths(&vec![heavy; 17]), [8, 8, 1]);
        }
    }

    #[test]
    fn seasons_that_come_later_weigh_as_if_they_had_been_there() {
        let record = blank("test", "k".to_owned(), ContentType::TvShow, "Harbour Street".to_owned());
        let episodes = vec![Episode { number: 1, title: Some("Pilot".to_owned()), ..Episode::default() }];
        let season = SourceSeason { season: Season { number: 1, ..Season::default() }, episodes };
        for seasons in [Vec::new(), vec![season.clone()], vec![season; 3]] {
            let whole = SourceRecord { seasons: seasons.clone(), ..record.clone() };
            assert_eq!(weight(&record) + of_seasons(&seasons), weight(&whole));
        }
    }
}
