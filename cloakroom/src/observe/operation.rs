//! What a session does with its storage, and the span of each.

use tracing::Span;
use tracing::field::Empty;

/// What an operator tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Load,
    Save,
    ChangeKey,
    Flush,
    Delete,
    Exists,
    ClearExpired,
}

/// The names are for dashboards: they stay. Fields are empty until it is known what they are.
macro_rules! span {
    ($name:literal, $operation:expr, $engine:expr $(, $field:ident)*) => {
        tracing::debug_span!(
            target: "cloakroom",
            $name,
            engine = $engine,
            operation = $operation.as_str(),
            outcome = Empty,
            round_trips = Empty,
            $($field = Empty,)*
        )
    };
}

impl Operation {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Save => "save",
            Self::ChangeKey => "change_key",
            Self::Flush => "flush",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::ClearExpired => "clear_expired",
        }
    }

    /// Neither a key nor anything made of one goes into it: spans are kept for long and seen by many.
    pub(super) fn span(self, engine: &'static str) -> Span {
        match self {
            Self::Load => span!("session.load", self, engine),
            Self::Save => span!("session.save", self, engine, merges),
            Self::ChangeKey => span!("session.change_key", self, engine, merges),
            Self::Flush => span!("session.flush", self, engine),
            Self::Delete => span!("session.delete", self, engine),
            Self::Exists => span!("session.exists", self, engine),
            Self::ClearExpired => span!("session.clear_expired", self, engine, removed),
        }
    }
}
