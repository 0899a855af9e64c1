//! A page of metrics in the OpenMetrics text format.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// What the text is, for the HTTP header.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values of a sample's labels.
pub(crate) type Labels = Vec<(&'static str, String)>;
type Counts = Family<Labels, Counter>;
type Values = Family<Labels, Gauge<f64, AtomicU64>>;

/// Everything on one page. Made anew each time: what has gone must not linger.
pub(crate) struct Page(Registry);

impl Page {
    /// An empty page; every name will begin with `prefix`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self(Registry::with_prefix(prefix))
    }

    /// The page as text.
    pub(crate) fn render(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.0)?;
        Ok(out)
    }

    /// A counter with labels.
    pub(crate) fn counter(
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

    /// A gauge with labels.
    pub(crate) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let family = Values::default();
        for (labels, value) in samples {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }

    /// A counter without labels.
    pub(crate) fn count(&mut self, name: &str, help: &str, count: u64) {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        self.0.register(name, help, counter);
    }

    /// A gauge without labels.
    pub(crate) fn value(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    /// Times that were measured.
    pub(crate) fn seconds(&mut self, name: &str, help: &str, histogram: Histogram) {
        self.0
            .register_with_unit(name, help, Unit::Seconds, histogram);
    }
}

/// The labels and one more.
pub(crate) fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}
