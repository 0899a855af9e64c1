//! Whether shares are as asked, as far as chance allows.

use super::http::Tally;

/// Standard deviations that a share may be off: one wrong alarm in some ten thousand runs.
const SIGMAS: f64 = 4.5;
/// What a real system adds to chance: requests that were under way when the weights changed.
const SLACK: f64 = 0.005;

/// What is wrong with the shares of connections, if anything: the member that is farthest off.
pub fn connections(tally: &Tally, asked: &[(String, f64)]) -> Option<String> {
    let total = tally.total();
    if total == 0 {
        return Some("no connection was answered".to_owned());
    }
    asked
        .iter()
        .filter_map(|(name, asked)| {
            let got = tally.share(name);
            let chance = (asked * (1.0 - asked) / total as f64).sqrt();
            let excess = (got - asked).abs() - (SIGMAS * chance + SLACK);
            (excess > 0.0).then(|| {
                let (got, asked) = (got * 100.0, asked * 100.0);
                format!("{name} got {got:.1} % of {total} connections, {asked:.1} % asked")
            })
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(first: u64, second: u64) -> Tally {
        Tally {
            answers: [("a".to_owned(), first), ("b".to_owned(), second)].into(),
            ..Tally::default()
        }
    }

    fn asked(first: f64) -> [(String, f64); 2] {
        [("a".to_owned(), first), ("b".to_owned(), 1.0 - first)]
    }

    #[test]
    fn shares_within_chance_are_right() {
        assert_eq!(connections(&tally(1030, 970), &asked(0.5)), None);
        assert_eq!(connections(&tally(0, 500), &asked(0.0)), None);
    }

    #[test]
    fn shares_beyond_chance_are_wrong() {
        let wrong = connections(&tally(1200, 800), &asked(0.5)).unwrap();
        assert_eq!(wrong, "a got 60.0 % of 2000 connections, 50.0 % asked");
        assert!(connections(&tally(20, 980), &asked(0.0)).is_some());
    }

    #[test]
    fn silence_is_wrong() {
        assert!(connections(&tally(0, 0), &asked(0.5)).is_some());
    }
}
