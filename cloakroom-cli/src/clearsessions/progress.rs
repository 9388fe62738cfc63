//! How far the clean-up is.

use std::time::Duration;

use cloakroom::ClearingProgress;
use serde_json::json;

use crate::numbers::{clock, grouped};
use crate::progress::Progress;

impl Progress for ClearingProgress {
    fn elapsed(&self) -> Duration {
        self.elapsed
    }

    fn share(&self) -> Option<f64> {
        let expired = self.expired.filter(|expired| *expired > 0)?;
        Some(self.removed as f64 / expired as f64)
    }

    fn line(&self) -> String {
        let mut line = format!("{} removed", grouped(self.removed));
        if let Some(expired) = self.expired {
            line = format!("{} of {} removed", grouped(self.removed), grouped(expired));
        }
        if self.read > 0 {
            line.push_str(&format!(", {} read", grouped(self.read)));
        }
        line.push_str(&format!(", {} a second", grouped(self.rate() as u64)));
        if let Some(left) = self.left() {
            line.push_str(&format!(", {} left", clock(left)));
        }
        line
    }

    fn object(&self) -> serde_json::Value {
        json!({
            "removed": self.removed,
            "expired": self.expired,
            "read": self.read,
            "rate": self.rate().round(),
            "seconds": self.elapsed.as_secs_f64().round(),
            "left": self.left().map(|left| left.as_secs_f64().round()),
        })
    }
}
