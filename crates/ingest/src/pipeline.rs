//! From rows to batches: on a thread of its own, a batch or two ahead of the catalogue.

use contracts::{ContentType, MAX_BATCH};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    Context, InputError, RawRow, RejectReason, Row,
    adapters::{Adapted, mapped},
    formats::Spec,
    portions::{self, Weighed},
    rejects::Reject,
    rows::Rows,
    run::UnreadLanguages,
    seasons::{Gathered, Gathering, Verdict},
    validate::{self, Ids, Parents, Seen},
};

/// Batches that wait for the catalogue.
pub(crate) const AHEAD: usize = 2;

/// Consecutive rows. Where batches end depends on the input alone, so that a run that goes on later gives the catalogue
/// the same batches as one that was never stopped.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    /// The number of the last row.
    pub last_row: u64,
    /// What the catalogue gets, in order.
    pub records: Weighed,
    /// What was turned away.
    pub rejects: Vec<Reject>,
    /// How many rows repeated an earlier one word by word.
    pub repeated: u64,
    /// How many rows are seasons and episodes that come with their series.
    pub parts: u64,
    /// How many rows were passed by on purpose.
    pub passed_by: u64,
    /// The languages of its records that can't be read.
    pub unread_languages: UnreadLanguages,
}

/// The most rows of a batch, when most of them give no record.
const MAX_ROWS: u64 = 20_000;

impl Batch {
    fn is_full(&self) -> bool {
        let taken = self.records.records().len() as u64 + self.rejects.len() as u64 + self.repeated;
        taken >= MAX_BATCH as u64 || taken + self.parts + self.passed_by >= MAX_ROWS
    }
}

/// What is read, and how.
pub(crate) struct Reading {
    pub rows: Rows,
    pub spec: &'static Spec,
    pub context: Context,
    /// The seasons and episodes of the input, where it has any that are kept.
    pub gathered: Option<Gathered>,
    /// So many rows were taken over already. They are read all the same: later rows may repeat their ids.
    pub skip: u64,
}

impl Reading {
    /// Reads to the end, or until nobody listens any more.
    pub fn read(mut self, batches: &mpsc::Sender<Result<Batch, InputError>>) {
        let (mut ids, mut parents) = (Ids::default(), Parents::default());
        let mut batch = Batch::default();
        for row in self.rows.by_ref() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    // What came before it stands; whoever listens may be gone.
                    if batches.blocking_send(Ok(batch)).is_ok() {
                        let _ = batches.blocking_send(Err(error));
                    }
                    return;
                }
            };
            let number = row.number;
            let taken = match &mut self.gathered {
                Some(gathered) => take_or_part(&row, self.spec, &self.context, &mut ids, gathered),
                None => take(&row, self.spec, &self.context, &mut ids, &mut parents),
            };
            if number <= self.skip {
                continue;
            }
            batch.last_row = number;
            match taken {
                Ok(Taken::Record(adapted, bytes)) => {
                    batch.unread_languages.note(&adapted.unread_languages);
                    batch.records.push(adapted.record, bytes);
                }
                Ok(Taken::Part) => batch.parts += 1,
                Ok(Taken::Repeated) => batch.repeated += 1,
                Err(reason) if reason.is_passed_by() => batch.passed_by += 1,
                Err(reason) => batch.rejects.push(reject(&row, &reason)),
            }
            if batch.is_full() && batches.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                return;
            }
        }
        if batch.last_row > 0 {
            let _ = batches.blocking_send(Ok(batch));
        }
    }
}

/// What a row gives.
enum Taken {
    /// A title, and how many bytes its JSON has.
    Record(Box<Adapted>, usize),
    /// A season or an episode, which comes with its series.
    Part,
    /// Nothing: an earlier row said exactly the same.
    Repeated,
}

/// What a row of an input gives whose seasons and episodes, if it has any, are no more than looked at.
fn take(
    row: &Row,
    spec: &Spec,
    context: &Context,
    ids: &mut Ids,
    parents: &mut Parents,
) -> Result<Taken, RejectReason> {
    let content = row.content.as_ref().map_err(Clone::clone)?;
    if let Some((key, parent)) = context.mapping.as_deref().and_then(|mapping| mapped::part_of(content, mapping)) {
        parents.note(&key, &parent)?;
    }
    if spec.is_kept_part.is_some_and(|is_kept_part| is_kept_part(content)) {
        return Ok(Taken::Part);
    }
    title(content, spec, context, ids)
}

/// What a row of an input gives whose seasons and episodes were gathered.
fn take_or_part(
    row: &Row,
    spec: &Spec,
    context: &Context,
    ids: &mut Ids,
    gathered: &mut Gathered,
) -> Result<Taken, RejectReason> {
    let content = row.content.as_ref().map_err(Clone::clone)?;
    if context.mapping.as_deref().is_some_and(|mapping| mapped::is_part(content, mapping)) {
        mapped::part(content, context)?;
        return match gathered.verdict(row.number) {
            Verdict::Kept => Ok(Taken::Part),
            Verdict::Repeated => Ok(Taken::Repeated),
            Verdict::Refused(reason) => Err(reason),
        };
    }
    let mut taken = title(content, spec, context, ids)?;
    if let Taken::Record(adapted, bytes) = &mut taken
        && adapted.record.content_type == ContentType::TvShow
    {
        let record = &mut adapted.record;
        record.seasons = gathered.take(&record.source_key);
        *bytes += portions::of_seasons(&record.seasons);
    }
    Ok(taken)
}

fn title(content: &RawRow, spec: &Spec, context: &Context, ids: &mut Ids) -> Result<Taken, RejectReason> {
    let adapted = (spec.adapt)(content, context)?;
    let record = &adapted.record;
    validate::check(record, context)?;
    let id = spec.id_field.and_then(|field| content.text(field)).unwrap_or_else(|| record.source_key.clone());
    match ids.note(&id, record) {
        (Seen::First, bytes) => Ok(Taken::Record(Box::new(adapted), bytes)),
        (Seen::Again, _) => Ok(Taken::Repeated),
        (Seen::Differently, _) => Err(RejectReason::DuplicateId(id)),
    }
}

/// Reads an operator's own rows for their seasons and episodes. What ends the reading is met again, and told, when the
/// titles are read.
pub(crate) fn gather(rows: Rows, context: &Context, stop: &CancellationToken) -> Result<Gathered, InputError> {
    let mut gathering = Gathering::default();
    let Some(mapping) = context.mapping.as_deref() else { return Ok(Gathered::default()) };
    for row in rows.map_while(Result::ok) {
        if stop.is_cancelled() {
            return Err(InputError::Stopped);
        }
        let Ok(content) = &row.content else { continue };
        if mapped::is_part(content, mapping) {
            // One that is wrong in itself is turned away with its reason in its turn.
            if let Ok(part) = mapped::part(content, context) {
                gathering.add(row.number, part);
            }
            continue;
        }
        if let Some((key, parent)) = mapped::part_of(content, mapping) {
            gathering.above(&key, &parent);
        }
        let taken = mapped::adapt(content, context).map(|adapted| adapted.record);
        if let Ok(record) = taken.and_then(|record| validate::check(&record, context).map(|()| record))
            && record.content_type == ContentType::TvShow
        {
            gathering.series(&record.source_key);
        }
    }
    Ok(gathering.settle())
}

fn reject(row: &Row, reason: &RejectReason) -> Reject {
    match &row.content {
        // Rows of a database or of Parquet have no bytes of their own.
        Ok(RawRow::Fields { columns, values }) if row.raw.is_empty() => {
            let fields: serde_json::Map<_, _> =
                columns.iter().cloned().zip(values.iter().map(|value| serde_json::json!(value))).collect();
            Reject::new(row.number, row.line, reason, serde_json::Value::Object(fields).to_string().as_bytes())
        }
        Ok(RawRow::Json(fields)) if row.raw.is_empty() => {
            let text = serde_json::to_vec(fields).unwrap_or_default();
            Reject::new(row.number, row.line, reason, &text)
        }
        _ => Reject::new(row.number, row.line, reason, &row.raw),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::Region;
    use jiff::civil::date;

    use super::*;
    use crate::{Format, Limits, Mapping};

    const MAPPING: &str = "source = \"festival\"\n[columns]\nkey = \"id\"\ntitle = \"name\"\ntype = \"kind\"\n\
        parent = \"of\"\nnumber = \"no\"\n";
    const ROWS: &str = "id,name,kind,of,no\nt1,Harbour Lights,tv_show,,\ns1,Season 1,season,t1,1\n\
        e1,Pilot,episode,s1,1\nt2,Salt,tv_show,,\nf1,Ember,movie,,\n";

    fn rows(mapping: &Mapping) -> Rows {
        Rows::mapped(mapping, ROWS.as_bytes(), Box::new(ROWS.as_bytes()), "rows", &Limits::default()).unwrap()
    }

    #[test]
    fn a_batch_knows_what_each_of_its_records_weighs() {
        let mapping = Arc::new(Mapping::from_toml(MAPPING).unwrap());
        let (service, region, own) = (None, Region::US, Some(Arc::clone(&mapping)));
        let context = Context { service, region, as_of: date(2024, 5, 1), as_of_stated: true, mapping: own };
        let gathered = Some(gather(rows(&mapping), &context, &CancellationToken::new()).unwrap());
        let reading = Reading { rows: rows(&mapping), spec: Format::Mapped.spec(), context, gathered, skip: 0 };
        let (sender, mut batches) = mpsc::channel(AHEAD);
        reading.read(&sender);
        let batch = batches.try_recv().unwrap().unwrap();
        let titles = batch.records.records();
        assert_eq!(titles.iter().map(|title| title.seasons.len()).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(batch.records, Weighed::new(titles.to_vec()));
    }
}
