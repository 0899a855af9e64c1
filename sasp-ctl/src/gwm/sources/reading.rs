//! What one rule says of one member, and what several rules say together.

use crate::sasp::gwm::Assessment;

/// The weight of a member to which no rule gives one.
pub const BASE_WEIGHT: u16 = 100;

/// What one rule says of one member.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Reading {
    /// The source has said something of the member since the rule began.
    pub heard: bool,
    /// The source can be asked, and what it said still counts.
    pub confident: bool,
    /// The member can be reached; `None` if the rule does not speak of that.
    pub contact: Option<bool>,
    /// No new flows for the member.
    pub quiesce: bool,
    /// A weight.
    pub weight: Option<u16>,
    /// A share of the member's weight, in percent.
    pub percent: Option<u16>,
}

/// What an operator says of a member, whatever the rules say.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Override {
    /// The member's weight; `None` leaves it to the rules.
    pub weight: Option<u16>,
    /// No new flows for the member; `false` leaves it to the rules.
    pub quiesce: bool,
}

/// What the rules of a member say together; no rules and nothing heard mean [`Assessment::UNKNOWN`].
///
/// The order of the readings is of no importance.
pub fn combine(readings: &[Reading]) -> Assessment {
    if !readings.iter().any(|reading| reading.heard) {
        return Assessment {
            quiesce: readings.iter().any(|reading| reading.quiesce),
            ..Assessment::UNKNOWN
        };
    }
    Assessment {
        // Who gives a weight implies that there is something to weigh.
        contact: readings
            .iter()
            .all(|reading| reading.contact != Some(false)),
        confident: readings.iter().all(|reading| reading.confident),
        quiesce: readings.iter().any(|reading| reading.quiesce),
        weight: weight(readings),
    }
}

/// [`combine`], then what the operator says. A weight by hand takes the place of every other, so the sources that
/// only give weights need not be confident; one for a member without rules is taken as true, as a static one is.
pub fn combine_with(readings: &[Reading], by_hand: Override) -> Assessment {
    let mut assessment = match by_hand.weight {
        None => combine(readings),
        Some(weight) => {
            let of_contact = |reading: &&Reading| reading.contact.is_some();
            let said = readings.iter().filter(of_contact);
            Assessment {
                contact: said.clone().all(|reading| reading.contact == Some(true)),
                confident: said.clone().all(|reading| reading.confident),
                quiesce: readings.iter().any(|reading| reading.quiesce),
                weight,
            }
        }
    };
    assessment.quiesce |= by_hand.quiesce;
    assessment
}

/// The smallest weight times every share. Rounding takes nobody's last share away.
fn weight(readings: &[Reading]) -> u16 {
    let weights = readings.iter().filter_map(|reading| reading.weight);
    let base = weights.min().unwrap_or(BASE_WEIGHT);
    let mut percents: Vec<u16> = readings.iter().filter_map(|r| r.percent).collect();
    // Floating point is not associative: the same order whatever the order of the rules.
    percents.sort_unstable();
    let share: f64 = percents.iter().map(|&p| f64::from(p) / 100.0).product();
    let weight = f64::from(base) * share;
    if weight > 0.0 {
        // `as` saturates.
        (weight.round() as u16).max(1)
    } else {
        0
    }
}

#[cfg(test)]
mod tests;
