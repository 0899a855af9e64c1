//! LB UIDs, group names and labels as flags have them: what a GWM would refuse is refused here, with a reason.

use crate::config::name;
use crate::sasp::code::LB_UID_MAX;
use crate::sasp::member::Config;
use crate::sasp::msg::Name;

/// Balancers times groups; each takes two small requests a minute.
const PAIRS_MAX: usize = 1000;

pub(super) fn uid(text: &str) -> Result<Name, String> {
    name::parse(text, LB_UID_MAX)
}

pub(super) fn group(text: &str) -> Result<Name, String> {
    name::parse(text, Name::MAX)
}

/// A label may be empty.
pub(super) fn label(text: &str) -> Result<Name, String> {
    Name::new(text.as_bytes()).ok_or_else(|| format!("is longer than {} bytes", Name::MAX))
}

/// Refuses more than one connection can keep up.
pub(super) fn check_number(member: &Config) -> Result<(), String> {
    match member.uids.len().saturating_mul(member.groups.len()) {
        ..=PAIRS_MAX => Ok(()),
        many => Err(format!(
            "{many} combinations of --uid and --group are more than {PAIRS_MAX}: run several agents"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_gwm_takes_are_refused() {
        assert!(uid("edge-1").is_ok());
        assert!(group(&"g".repeat(255)).is_ok());
        assert!(label("").is_ok());
        for refused in [
            uid(""),
            uid(&"u".repeat(65)),
            uid("a\nb"),
            group(""),
            group(&"g".repeat(256)),
            label(&"l".repeat(256)),
        ] {
            assert!(!refused.unwrap_err().is_empty());
        }
    }

    #[test]
    fn too_many_combinations_are_refused() {
        let names = |count: usize| vec![uid("x").unwrap(); count];
        let key = crate::config::member_key::parse("10.0.0.1:80").unwrap();
        assert!(check_number(&Config::new(names(10), names(100), key)).is_ok());
        assert!(check_number(&Config::new(names(10), names(101), key)).is_err());
    }
}
