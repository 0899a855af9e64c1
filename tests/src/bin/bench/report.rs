//! The printed table: a figure and its ratio to the reference program.

use std::hint::black_box;
use std::time::Instant;

/// Prints rows.
pub(crate) struct Report {
    reference_ns: f64,
}

impl Report {
    /// Prints the head. `reference_ns` is the net time of the reference program.
    pub(crate) fn start(reference_ns: f64) -> Self {
        println!("reference program (parse nothing, swap MACs, XDP_TX): {reference_ns:.1} ns net");
        println!("{:<44} {:>12} {:>12}", "", "net ns", "× reference");
        Self { reference_ns }
    }

    /// Prints a row whose time has a target, with what was measured beside it.
    pub(crate) fn measured(&self, name: &str, ns: &[f64], target_ns: Option<u32>) {
        let [first, beside @ ..] = ns else {
            return;
        };
        let ratio = first / self.reference_ns;
        print!("{name:<44} {first:>12.1} {ratio:>12.1}");
        if let Some(target) = target_ns {
            let verdict = if *first <= target.into() {
                "ok"
            } else {
                "over"
            };
            print!("   {verdict:<4} (≤ {target})");
        }
        for other in beside {
            print!("   beside {other:.1}");
        }
        println!();
    }

    /// Prints a row.
    pub(crate) fn row(&self, name: &str, ns: f64) {
        println!("{name:<44} {ns:>12.1} {:>12.1}", ns / self.reference_ns);
    }
}

/// Nanoseconds of one call: the least of several rounds of `repeat` calls.
pub(crate) fn best_ns<T>(rounds: u32, repeat: u32, mut call: impl FnMut() -> T) -> f64 {
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..repeat {
                black_box(call());
            }
            start.elapsed().as_nanos() as f64 / f64::from(repeat)
        })
        .fold(f64::INFINITY, f64::min)
}
