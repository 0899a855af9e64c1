//! The status as Prometheus sees it (OpenMetrics text).

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::stats::Stats;
use super::status::{GwmStatus, MemberStatus, ServiceStatus, Status, TrafficStatus};

/// What the text is, for the HTTP header.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Counts = Family<Labels, Counter>;
type Values = Family<Labels, Gauge<f64, AtomicU64>>;

/// Everything, in one page. A fresh registry each time: what has gone must not linger.
pub(super) fn render(status: &Status, stats: &Stats) -> Result<String, std::fmt::Error> {
    let mut page = Page(Registry::with_prefix("sasp_ctl"));
    page.process(status, stats);
    page.services(&status.services);
    page.members(&status.services);
    page.reasons(status);
    if let Some(gwm) = &status.gwm {
        page.gwm(gwm);
    }
    let mut out = String::new();
    text::encode(&mut out, &page.0)?;
    Ok(out)
}

struct Page(Registry);

impl Page {
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let family = Counts::default();
        for (labels, count) in samples {
            family.get_or_create(&labels).inc_by(count);
        }
        self.0.register(name, help, family);
    }

    fn gauge(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Values::default();
        for (labels, value) in samples {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }

    fn count(&mut self, name: &str, help: &str, count: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        self.0.register(name, help, counter);
    }

    fn value(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
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
            self.0
                .register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
    }

    fn traffic(&mut self, what: &str, samples: &[(Labels, TrafficStatus)]) {
        for (name, help, field) in [
            (
                "packets",
                "Packets forwarded",
                (|t| t.packets) as fn(&TrafficStatus) -> u64,
            ),
            ("bytes", "Bytes forwarded, Ethernet headers included", |t| {
                t.bytes
            }),
            ("opened_flows", "Packets that open a flow", |t| t.opened),
        ] {
            let samples = samples
                .iter()
                .map(|(labels, traffic)| (labels.clone(), field(traffic)));
            self.counter(&format!("{what}_{name}"), help, samples);
        }
    }

    fn services(&mut self, services: &[ServiceStatus]) {
        let traffic: Vec<_> = services
            .iter()
            .map(|service| (service_labels(service), service.traffic))
            .collect();
        self.traffic("service", &traffic);
        let slots = services.iter().flat_map(|service| {
            let slots = service.slots;
            [
                ("tracked", slots.tracked),
                ("fresh", slots.fresh),
                ("settled", slots.settled),
                ("unowned", slots.unowned),
            ]
            .map(|(phase, count)| (with(service_labels(service), "phase", phase), count as f64))
        });
        self.gauge(
            "service_slots",
            "Slots by phase; tracked = fresh + settled",
            slots,
        );
        let remembered = services
            .iter()
            .map(|service| (service_labels(service), service.remembered_flows as f64));
        self.gauge(
            "service_remembered_flows",
            "Live flows remembered",
            remembered,
        );
        let sources = services.iter().map(|service| {
            (
                with(service_labels(service), "source", service.weights),
                1.0,
            )
        });
        self.gauge(
            "service_weights_source",
            "Where the weights come from: gwm, converging, held or static",
            sources,
        );
    }

    fn members(&mut self, services: &[ServiceStatus]) {
        let all = || {
            services.iter().flat_map(|service| {
                let members = service.members.iter();
                members.map(move |member| (member_labels(service, member), member))
            })
        };
        let traffic: Vec<_> = all()
            .map(|(labels, member)| (labels, member.traffic))
            .collect();
        self.traffic("member", &traffic);
        let states =
            all().map(|(labels, member)| (with(labels, "state", member.report.state), 1.0));
        self.gauge(
            "member_state",
            "1 for the state that the member is in: active, draining, down or unresolved",
            states,
        );
        type Field = fn(&MemberStatus) -> Option<f64>;
        let fields: [(&str, &str, Field); 7] = [
            ("slots", "Slots owned", |m| Some(m.report.slots as f64)),
            ("share_ratio", "Part of new flows that it gets", |m| {
                Some(m.report.share)
            }),
            (
                "wanted_share_ratio",
                "Part of new flows that it ought to get",
                |m| Some(m.report.share_wanted),
            ),
            ("effective_weight", "Weight after all rules", |m| {
                Some(f64::from(m.report.effective_weight))
            }),
            ("static_weight", "Weight in the configuration", |m| {
                Some(f64::from(m.report.static_weight))
            }),
            (
                "gwm_weight",
                "Weight that the GWM sent, while it counts",
                |m| m.report.gwm.map(|word| f64::from(word.weight)),
            ),
            ("remembered_flows", "Live flows remembered", |m| {
                Some(m.report.remembered_flows as f64)
            }),
        ];
        for (name, help, field) in fields {
            let samples = all().filter_map(|(labels, member)| Some((labels, field(member)?)));
            self.gauge(&format!("member_{name}"), help, samples);
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

    fn gwm(&mut self, gwm: &GwmStatus) {
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
        let counters = &session.counters;
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

fn service_labels(service: &ServiceStatus) -> Labels {
    vec![
        ("vip", service.vip.clone()),
        ("protocol", service.protocol.to_owned()),
        ("group", service.group.clone()),
    ]
}

fn member_labels(service: &ServiceStatus, member: &MemberStatus) -> Labels {
    with(service_labels(service), "member", &member.report.address)
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}

#[cfg(test)]
mod tests;
