//! How session keys are spread: evenly, being random, so that some of them in their order tell how many there are.

use crate::key::SessionKey;

/// More digits than a float holds say nothing.
const DIGITS: usize = 12;
/// How far random keys stray from an even spread, in units of one through the square root of their number, less often
/// than once in ten thousand times: Kolmogorov's distribution.
const STRAY: f64 = 2.23;

/// Where a key stands among all keys, 0 for the first and 1 for the last.
pub(super) fn position(key: &SessionKey) -> f64 {
    let mut unit = 1.0;
    let digits = key.as_str().bytes().take(DIGITS).map(|byte| {
        unit /= 36.0;
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            byte => byte.saturating_sub(b'a') + 10,
        };
        f64::from(digit) * unit
    });
    digits.sum()
}

/// How many sessions there are, by the positions of the first ones in the order of their keys. Nothing where those are
/// not spread as random keys are: somebody else makes the keys.
pub(super) fn estimate(positions: &[f64]) -> Option<f64> {
    let (last, before) = positions.split_last()?;
    let count = before.len() as f64;
    let stray = before.iter().zip(1_u32..).map(|(position, rank)| {
        let (share, rank) = (position / last, f64::from(rank));
        (share - (rank - 1.0) / count).abs().max((share - rank / count).abs())
    });
    let stray = stray.fold(0.0, f64::max);
    let is_even = *last > 0.0 && before.is_sorted() && stray * count.sqrt() <= STRAY;
    is_even.then(|| count / last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(count: usize, key: impl Fn(usize) -> SessionKey) -> Vec<f64> {
        let mut keys: Vec<SessionKey> = (0..count).map(key).collect();
        keys.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        keys.iter().map(position).collect()
    }

    #[test]
    fn positions_follow_the_order_of_the_keys() {
        assert!(sorted(1_000, |_| SessionKey::generate()).is_sorted());
        let of = |key: &str| position(&SessionKey::parse(key).unwrap());
        assert_eq!(of("00000000"), 0.0);
        assert_eq!(of("i0000000"), 0.5);
        assert!(of("zzzzzzzzzzzzzzzz") > 0.999_999 && of("zzzzzzzzzzzzzzzz") <= 1.0);
    }

    #[test]
    fn a_part_of_random_keys_tells_how_many_there_are() {
        let keys = sorted(20_000, |_| SessionKey::generate());
        let told = estimate(&keys[..2_000]).unwrap();
        // Five times what one in three goes beyond.
        assert!((told / 20_000.0 - 1.0).abs() < 5.0 / 2_000_f64.sqrt(), "{told}");
    }

    #[test]
    fn keys_that_are_not_random_tell_nothing() {
        let numbered = sorted(2_000, |number| SessionKey::parse(&format!("session{number:08}")).unwrap());
        assert_eq!(estimate(&numbered), None);
        let mut mixed = sorted(1_000, |_| SessionKey::generate());
        mixed.extend(&numbered[..1_000]);
        mixed.sort_by(f64::total_cmp);
        assert_eq!(estimate(&mixed), None);
        assert_eq!(estimate(&[]), None);
    }
}
