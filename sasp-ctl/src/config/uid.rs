//! The LB UID of a balancer that was not given one: unique by default and the same after every restart.
//!
//! Two balancers with one UID would evict each other from the GWM for ever, so the host name alone is not enough.

use std::path::Path;

use crate::sasp::code::LB_UID_MAX;
use crate::sasp::msg::Name;

/// Host name and a hash of the machine id.
///
/// # Errors
/// One line, if the host has no usable name or no machine id.
pub fn default() -> Result<Name, String> {
    let advice = "give the balancer an id: `uid` under [balancer], or --uid";
    let host = nix::unistd::gethostname()
        .map_err(|error| format!("the host name cannot be read ({error}): {advice}"))?;
    let path = Path::new("/etc/machine-id");
    let machine = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read ({error}): {advice}", path.display()))?;
    Ok(compose(&host.to_string_lossy(), machine.trim()))
}

fn compose(host: &str, machine: &str) -> Name {
    let suffix = format!("-{:016x}", fnv1a(machine.as_bytes()));
    let host: String = host
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '_' })
        .take(LB_UID_MAX - suffix.len())
        .collect();
    Name::new((host + &suffix).into_bytes()).unwrap_or_else(|| unreachable!("at most 64 bytes"))
}

/// FNV-1a, 64 bits. The machine id itself is confidential (machine-id(5)) and does not leave the host.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_uid_fits_and_differs_between_machines() {
        let long = "h".repeat(253);
        let a = compose(&long, "0123456789abcdef0123456789abcdef");
        let b = compose(&long, "0123456789abcdef0123456789abcdee");
        assert_eq!(a.len(), LB_UID_MAX);
        assert!(a.is_text());
        assert_ne!(a, b);
    }

    #[test]
    fn the_hash_is_fnv_1a_for_ever_since_the_uid_must_survive_an_upgrade() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(
            compose("edge", "foobar").to_string(),
            "edge-85944171f73967e8"
        );
    }
}
