//! The stored session: 5 members of about 60 bytes each, or 40 of about 100.

pub(crate) fn name(at: usize) -> String {
    format!("member_{at:02}")
}

pub(crate) fn value(at: usize, members: usize) -> String {
    let length = if members > 5 { 84 } else { 44 };
    format!("{at:02}{}", "v".repeat(length - 2))
}
