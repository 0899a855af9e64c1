//! Services and members.

use crate::control::openmetrics::{Labels, Page, with};
use crate::daemon::status::{MemberStatus, ServiceStatus, TrafficStatus};

/// A figure of a member: its name, what it is, and where it stands, if there is one.
type Field = (&'static str, &'static str, fn(&MemberStatus) -> Option<f64>);

const MEMBER_FIELDS: [Field; 11] = [
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
    (
        "ramped_weight",
        "As much of the effective weight as counts now: less in a slow start",
        |m| Some(m.report.ramped_weight),
    ),
    (
        "applied_weight",
        "Weight that its slots stand for, on the scale of the ramped weight",
        |m| Some(m.report.applied_weight),
    ),
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
    ("translated_flows", "Flows that full-nat translates", |m| {
        Some(m.report.translated_flows as f64)
    }),
    (
        "mtu_bytes",
        "Largest IP packet on the way, headers of tunnels included",
        |m| m.mtu.map(f64::from),
    ),
];

impl Page {
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

    /// About services.
    pub(super) fn services(&mut self, services: &[ServiceStatus]) {
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
        type Field = fn(&ServiceStatus) -> f64;
        let fields: [(&str, &str, Field); 2] = [
            (
                "slots_to_move",
                "Slots that move_limit keeps from their new owners",
                |service| service.slots.to_move as f64,
            ),
            (
                "turned_away_members",
                "Members that have registered themselves in vain",
                |service| service.turned_away_total as f64,
            ),
        ];
        for (name, help, field) in fields {
            let samples = services
                .iter()
                .map(|service| (service_labels(service), field(service)));
            self.gauge(&format!("service_{name}"), help, samples);
        }
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

    /// About members.
    pub(super) fn members(&mut self, services: &[ServiceStatus]) {
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
        let forwards =
            all().map(|(labels, member)| (with(labels, "forward", member.report.forward), 1.0));
        self.gauge(
            "member_forward",
            "1 for the mode by which packets reach the member",
            forwards,
        );
        for (name, help, field) in MEMBER_FIELDS {
            let samples = all().filter_map(|(labels, member)| Some((labels, field(member)?)));
            self.gauge(&format!("member_{name}"), help, samples);
        }
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
