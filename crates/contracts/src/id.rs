//! Identifiers: UUIDs of version 7, so that they sort by the time they were made.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Clock, Rng};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id! {
    /// One title of the catalogue, whatever the number of sources that know it.
    ContentId
}
id! {
    /// An organisation (tenant).
    OrgId
}
id! {
    /// One event of the log.
    EventId
}
id! {
    /// One run of an ingest.
    RunId
}
id! {
    /// A person with an account.
    UserId
}

/// Makes ids from an injected clock and source of randomness, so that a run can be replayed.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    rng: Rng,
}

impl Ids {
    /// Ids that follow `clock` and `rng`.
    pub fn new(clock: Clock, rng: Rng) -> Self {
        Self { clock, rng }
    }

    /// The next UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits.
    pub fn next(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.rng.bytes()).into_uuid()
    }
}
