//! `timestamp with time zone`: a moment, absolute whatever `USE_TZ` and the time zone of a connection are.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

use crate::Timestamp;

/// 1 January 2000, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// A moment for a parameter.
pub(super) struct Moment(pub(super) Timestamp);

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&(self.0.as_micros() - EPOCH).to_be_bytes());
        Ok(IsNull::No)
    }
}

/// What a column of moments holds: `None` for what Python's `datetime` cannot hold, and so Django cannot read either:
/// `infinity`, `-infinity` and years outside 1 to 9999.
pub(super) struct Found(pub(super) Option<Timestamp>);

impl Type<Postgres> for Found {
    fn type_info() -> PgTypeInfo {
        Moment::type_info()
    }

    /// A simple query asks for microseconds since 1970, as text.
    fn compatible(found: &PgTypeInfo) -> bool {
        *found == Self::type_info() || *found == PgTypeInfo::with_name("int8")
    }
}

impl Decode<'_, Postgres> for Found {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = match value.format() {
            // The infinities are the two ends, so the sum may not fit.
            PgValueFormat::Binary => i64::from_be_bytes(value.as_bytes()?.try_into()?).checked_add(EPOCH),
            PgValueFormat::Text => Some(value.as_str()?.parse()?),
        };
        Ok(Self(micros.and_then(Timestamp::from_micros)))
    }
}
