//! Why a member's part of the table is another one than its effective weight asks for.

use super::member::Member;
use super::service::Service;
use crate::balance::move_limit::steps_left;
use crate::balance::slow_start::STEPS;

/// See the module. What comes first here is told first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Applied {
    /// It is not.
    AsWeighed,
    /// The move limit lets so many more steps pass before it is.
    MoveLimit(usize),
    /// It starts slowly, for so many more seconds.
    SlowStart(u64),
    /// The difference is not worth it.
    DeadBand,
}

impl Applied {
    /// `shares` are those of the service, `slots` those of the member.
    pub(super) fn new(
        service: &Service,
        shares: &Shares,
        member: &Member,
        slots: usize,
        now_ns: u64,
    ) -> Self {
        let limit = service.spec.move_limit.as_ref();
        if let Some(limit) = limit.filter(|_| slots != member.goal_slots as usize) {
            return Self::MoveLimit(steps_left(service.left_to_move, limit));
        }
        if member.outcome.weight > 0 && member.steps < STEPS {
            let left = member.ramp.left(service.spec.slow_start, now_ns);
            return Self::SlowStart(left.as_secs_f64().ceil() as u64);
        }
        if shares.differ(member) {
            Self::DeadBand
        } else {
            Self::AsWeighed
        }
    }

    /// Stable name, for machines.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AsWeighed => "as_weighed",
            Self::MoveLimit(_) => "move_limit",
            Self::SlowStart(_) => "slow_start",
            Self::DeadBand => "dead_band",
        }
    }

    /// The same for people.
    pub(super) fn text(self) -> String {
        match self {
            Self::AsWeighed => "as weighed".to_owned(),
            Self::MoveLimit(1) => "held back by move_limit: 1 step left".to_owned(),
            Self::MoveLimit(steps) => format!("held back by move_limit: {steps} steps left"),
            Self::SlowStart(seconds) => format!("slow start: {seconds} s left"),
            Self::DeadBand => "inside dead_band: not worth moving slots".to_owned(),
        }
    }
}

/// What the members of a service share: the weights that the table is made of, and those that count now.
pub(super) struct Shares {
    in_force: u128,
    wanted: u128,
}

impl Shares {
    pub(super) fn new(service: &Service) -> Self {
        let total = |weights: Vec<u32>| weights.into_iter().map(u128::from).sum();
        Self {
            in_force: total(service.table_weights()),
            wanted: total(service.ramped_weights()),
        }
    }

    /// Whether a member has another part of one than of the other.
    fn differ(&self, member: &Member) -> bool {
        let in_force = u128::from(member.table_weight) * self.wanted;
        let wanted = u128::from(member.ramped_weight) * self.in_force;
        in_force != wanted
    }
}
