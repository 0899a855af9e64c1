//! The session with the GWM.

use crate::control::openmetrics::Page;
use crate::daemon::status::GwmStatus;
use crate::sasp::client::Counters;

impl Page {
    /// About the session.
    pub(super) fn gwm(&mut self, gwm: &GwmStatus) {
        let session = &gwm.session;
        let state = format!("{:?}", session.state).to_lowercase();
        let labels = vec![("gwm", gwm.address.clone()), ("state", state)];
        self.gauge(
            "gwm_state",
            "1 for the state of the session",
            [(labels, 1.0)],
        );
        self.value(
            "gwm_duplicate_uid",
            "1 if another balancer seems to use our LB UID",
            f64::from(u8::from(session.duplicate_uid)),
        );
        self.oddities(&session.counters);
        self.messages(&session.counters);
    }

    fn oddities(&mut self, counters: &Counters) {
        for (name, help, count) in [
            ("gwm_connects", "Connections that stood", counters.connects),
            (
                "gwm_losses",
                "Connections lost and attempts failed",
                counters.losses,
            ),
            (
                "sasp_unknown_ids",
                "Replies to no request of ours",
                counters.unknown_ids,
            ),
            (
                "sasp_wrong_types",
                "Replies of another type than asked for",
                counters.wrong_types,
            ),
            (
                "sasp_unexpected",
                "Requests, which a GWM does not send",
                counters.unexpected,
            ),
            (
                "sasp_undecodable",
                "Messages that made no sense",
                counters.undecodable,
            ),
            (
                "sasp_foreign_groups",
                "Groups of another balancer",
                counters.foreign_groups,
            ),
        ] {
            self.count(name, help, count);
        }
    }

    fn messages(&mut self, counters: &Counters) {
        for (name, help, counts) in [
            (
                "sasp_messages_sent",
                "SASP messages sent, by type",
                &counters.sent,
            ),
            (
                "sasp_messages_received",
                "SASP messages received, by type",
                &counters.received,
            ),
        ] {
            let samples = counts
                .iter()
                .map(|(kind, count)| (vec![("type", kind.to_string())], *count));
            self.counter(name, help, samples);
        }
        let codes = counters.codes.iter().flat_map(|(kind, codes)| {
            codes.iter().map(move |(code, count)| {
                let labels = vec![("type", kind.to_string()), ("code", code.to_string())];
                (labels, *count)
            })
        });
        self.counter(
            "sasp_replies",
            "SASP replies by type and return code",
            codes,
        );
    }
}
