//! The status as Prometheus sees it.

mod gwm;
mod services;

use super::flow_room::FlowRoom;
use super::stats::Stats;
use super::status::Status;
use super::translations::Translations;
use crate::control::openmetrics::Page;

/// Everything, in one page. A fresh registry each time: what has gone must not linger.
pub(super) fn render(status: &Status, stats: &Stats) -> Result<String, std::fmt::Error> {
    let mut page = Page::new("sasp_ctl");
    page.process(status, stats);
    page.services(&status.services);
    page.members(&status.services);
    page.reasons(status);
    page.flows(&stats.flows);
    page.translations(&stats.translations);
    page.gwms(status, stats);
    page.render()
}

impl Page {
    fn flows(&mut self, flows: &FlowRoom) {
        let families = [("ipv4", flows.v4), ("ipv6", flows.v6)];
        self.gauge(
            "remembered_flows",
            "Live flows remembered, by address family",
            families.map(|(family, count)| (vec![("family", family.to_owned())], count as f64)),
        );
        self.value(
            "remembered_flows_limit",
            "Flows of a family that can be remembered; beyond it, the flow that was silent for longest is forgotten",
            flows.limit as f64,
        );
    }

    fn translations(&mut self, translations: &Translations) {
        let families = [("ipv4", translations.v4), ("ipv6", translations.v6)];
        self.gauge(
            "translations",
            "Entries of full-nat, two for each flow, by address family",
            families.map(|(family, count)| (vec![("family", family.to_owned())], count as f64)),
        );
        self.value(
            "translations_limit",
            "Entries of a family that fit; beyond it, new flows are dropped as nat_exhausted",
            translations.limit as f64,
        );
    }

    fn process(&mut self, status: &Status, stats: &Stats) {
        let process = &status.process;
        let about = vec![
            ("version", process.version.to_owned()),
            ("instance_name", process.instance.clone()),
            ("lb_uid", process.lb_uid.clone()),
        ];
        self.gauge("build_info", "Always 1", [(about, 1.0)]);
        self.value(
            "uptime_seconds",
            "Since the daemon started",
            process.uptime_seconds,
        );
        let modes = status.interfaces.iter().map(|interface| {
            let labels = vec![
                ("interface", interface.name.clone()),
                ("mode", interface.mode.clone()),
            ];
            (labels, 1.0)
        });
        self.gauge("interface_attached", "1 for each interface", modes);
        self.count(
            "tables_published",
            "Slot tables written to the data path",
            status.tables.published,
        );
        self.count(
            "failed_writes",
            "Map writes that the kernel refused; each is tried again",
            stats.failed_writes,
        );
        let outcomes = [("done", stats.reloads.0), ("refused", stats.reloads.1)];
        self.counter(
            "reloads",
            "Reloads of the configuration",
            outcomes.map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], count)),
        );
        let good = status
            .reload
            .as_ref()
            .is_none_or(|reload| reload.error.is_none());
        self.value(
            "last_reload_successful",
            "0 if the configuration file is not what is in effect",
            f64::from(u8::from(good)),
        );
        for (name, help, histogram) in [
            (
                "weights_to_table",
                "From a message of the GWM to the published table, where it changed one",
                &stats.weights_to_table,
            ),
            ("build", "Computing what to write", &stats.build),
            ("publish", "Writing to the data path", &stats.publish),
        ] {
            self.seconds(name, help, histogram.clone());
        }
    }

    fn reasons(&mut self, status: &Status) {
        let reasons = &status.reasons;
        for (name, help, counts) in [
            (
                "passed_packets",
                "Packets left to the host, by reason",
                &reasons.pass,
            ),
            (
                "dropped_packets",
                "Packets dropped, by reason",
                &reasons.drop,
            ),
            (
                "noted_packets",
                "Packets with something worth a number",
                &reasons.note,
            ),
        ] {
            let samples = counts
                .iter()
                .map(|(reason, count)| (vec![("reason", (*reason).to_owned())], *count));
            self.counter(name, help, samples);
        }
    }
}

#[cfg(test)]
mod tests;
