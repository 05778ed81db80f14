//! Events: facts that a context states and others follow, in the shape of CloudEvents 1.0.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApiError, ContentId, ErrorKind, EventId, Trace};

/// Partitions of a topic; an event's key decides which (O2: 12 for the catalogue's topics).
pub const PARTITIONS: u32 = 12;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A title was created.
    ContentIngested,
    /// What we know of a title changed.
    ContentUpdated,
    /// Where a title can be watched changed.
    AvailabilityChanged,
    /// An offer of a title ends soon.
    OfferExpiring,
    /// A person is erased: every context that holds something of them forgets it.
    PersonErased,
    /// A context has forgotten a person.
    PersonForgotten,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 6] = [
        Self::ContentIngested,
        Self::ContentUpdated,
        Self::AvailabilityChanged,
        Self::OfferExpiring,
        Self::PersonErased,
        Self::PersonForgotten,
    ];

    /// The topics about titles.
    pub const TITLES: [Self; 4] =
        [Self::ContentIngested, Self::ContentUpdated, Self::AvailabilityChanged, Self::OfferExpiring];

    /// The topic's name, also the CloudEvents `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContentIngested => "content.ingested",
            Self::ContentUpdated => "content.updated",
            Self::AvailabilityChanged => "availability.changed",
            Self::OfferExpiring => "offer.expiring",
            Self::PersonErased => "person.erased",
            Self::PersonForgotten => "person.forgotten",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Topic {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        Self::ALL
            .into_iter()
            .find(|topic| topic.as_str() == text)
            .ok_or_else(|| ApiError::new(ErrorKind::Internal, "unknown_topic", format!("no topic is called {text:?}")))
    }
}

/// One event. Serialised, it is a CloudEvent in JSON structured mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The version of CloudEvents: `1.0`.
    pub specversion: String,
    /// Unique.
    pub id: EventId,
    /// Which context states it: `/catalog`.
    pub source: String,
    /// The topic's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The title it is about, or the person.
    #[serde(rename = "subject")]
    pub key: ContentId,
    /// When it was stated.
    pub time: Timestamp,
    /// The trace it belongs to (CloudEvents distributed tracing extension).
    pub traceparent: String,
    /// The facts.
    pub data: Value,
}

impl Event {
    /// A new event of `topic` about the title `key`.
    pub fn new(
        id: EventId,
        source: &str,
        topic: Topic,
        key: ContentId,
        time: Timestamp,
        trace: Trace,
        data: Value,
    ) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: source.to_owned(),
            kind: topic.as_str().to_owned(),
            key,
            time,
            traceparent: trace.header(),
            data,
        }
    }

    /// The partition of the key: the last bits of a UUIDv7 are random, so they spread evenly.
    pub fn partition(key: ContentId) -> u32 {
        (key.0.as_u128() % u128::from(PARTITIONS)) as u32
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_cloud_event_in_json() {
        let (id, key) = (EventId(uuid::Uuid::from_u128(1)), ContentId(uuid::Uuid::from_u128(2)));
        let trace = Trace { trace_id: 3, span_id: 4 };
        let data = json!({"title": "The Quiet Harbour"});
        let event = Event::new(id, "/catalog", Topic::ContentUpdated, key, Timestamp::UNIX_EPOCH, trace, data);
        let json = serde_json::to_value(&event).unwrap();
        let expected = json!({
            "specversion": "1.0",
            "id": "00000000-0000-0000-0000-000000000001",
            "source": "/catalog",
            "type": "content.updated",
            "subject": "00000000-0000-0000-0000-000000000002",
            "time": "1970-01-01T00:00:00Z",
            "traceparent": "00-00000000000000000000000000000003-0000000000000004-01",
            "data": {"title": "The Quiet Harbour"},
        });
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }

    #[test]
    fn topics_are_read_as_they_are_written() {
        for topic in Topic::ALL {
            assert_eq!(topic.as_str().parse::<Topic>().unwrap(), topic);
        }
        assert_eq!("content.eaten".parse::<Topic>().unwrap_err().code, "unknown_topic");
    }
}
