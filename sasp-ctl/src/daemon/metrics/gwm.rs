//! The sessions with the GWMs: every number has the GWM's address as label `gwm`.

use super::{Counts, Labels, Page, with};
use crate::daemon::stats::Stats;
use crate::daemon::status::{GwmStatus, Status};
use crate::daemon::words::charge::Why;
use crate::sasp::client::Counters;

/// A counter of a session: its name, what it is, and where it stands.
type Oddity = (&'static str, &'static str, fn(&Counters) -> u64);

const ODDITIES: [Oddity; 7] = [
    ("gwm_connects", "Connections that stood", |c| c.connects),
    ("gwm_losses", "Connections lost and attempts failed", |c| {
        c.losses
    }),
    ("sasp_unknown_ids", "Replies to no request of ours", |c| {
        c.unknown_ids
    }),
    (
        "sasp_wrong_types",
        "Replies of another type than asked for",
        |c| c.wrong_types,
    ),
    (
        "sasp_unexpected",
        "Requests, which a GWM does not send",
        |c| c.unexpected,
    ),
    ("sasp_undecodable", "Messages that made no sense", |c| {
        c.undecodable
    }),
    ("sasp_foreign_groups", "Groups of another balancer", |c| {
        c.foreign_groups
    }),
];

impl Page {
    /// About the sessions; nothing without one.
    pub(super) fn gwms(&mut self, status: &Status, stats: &Stats) {
        let gwms = &status.gwms[..];
        if gwms.is_empty() {
            return;
        }
        self.value(
            "health_ratio",
            "How well the balancer is, as it tells the GWMs",
            f64::from(status.health) / f64::from(crate::daemon::health::FULL),
        );
        let states = gwms.iter().map(|gwm| {
            let state = format!("{:?}", gwm.session.state).to_lowercase();
            (with(labels(gwm), "state", &state), 1.0)
        });
        self.gauge("gwm_state", "1 for the state of the session", states);
        self.flag("gwm_in_charge", "1 if its weights count", gwms, |gwm| {
            gwm.in_charge
        });
        self.flag(
            "gwm_duplicate_uid",
            "1 if another balancer seems to use our LB UID",
            gwms,
            |gwm| gwm.session.duplicate_uid,
        );
        let handovers = Why::ALL.map(|why| {
            let count = stats.handovers.get(&why).copied().unwrap_or(0);
            (vec![("reason", why.name().to_owned())], count)
        });
        self.counter(
            "gwm_handovers",
            "Times that another GWM was put in charge, by reason",
            handovers,
        );
        for (name, help, count) in ODDITIES {
            let samples = gwms
                .iter()
                .map(|gwm| (labels(gwm), count(&gwm.session.counters)));
            self.counter(name, help, samples);
        }
        self.messages(gwms);
    }

    fn flag(&mut self, name: &str, help: &str, gwms: &[GwmStatus], is: fn(&GwmStatus) -> bool) {
        let samples = gwms
            .iter()
            .map(|gwm| (labels(gwm), f64::from(u8::from(is(gwm)))));
        self.gauge(name, help, samples);
    }

    fn messages(&mut self, gwms: &[GwmStatus]) {
        let (sent, received, replies) = (Counts::default(), Counts::default(), Counts::default());
        for gwm in gwms {
            let counters = &gwm.session.counters;
            for (family, counts) in [(&sent, &counters.sent), (&received, &counters.received)] {
                for (kind, count) in counts {
                    let labels = with(labels(gwm), "type", &kind.to_string());
                    family.get_or_create(&labels).inc_by(*count);
                }
            }
            for (kind, codes) in &counters.codes {
                for (code, count) in codes {
                    let labels = with(labels(gwm), "type", &kind.to_string());
                    let labels = with(labels, "code", &code.to_string());
                    replies.get_or_create(&labels).inc_by(*count);
                }
            }
        }
        for (name, help, family) in [
            ("sasp_messages_sent", "SASP messages sent, by type", sent),
            (
                "sasp_messages_received",
                "SASP messages received, by type",
                received,
            ),
            (
                "sasp_replies",
                "SASP replies by type and return code",
                replies,
            ),
        ] {
            self.0.register(name, help, family);
        }
    }
}

fn labels(gwm: &GwmStatus) -> Labels {
    vec![("gwm", gwm.address.clone())]
}
