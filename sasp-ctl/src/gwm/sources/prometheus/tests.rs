//! Answers as Prometheus gives them, and all that can be wrong with them.

use proptest::prelude::*;

use super::*;
use crate::config::member_key;
use crate::gwm::sources::rule::{Auth, Finite, Pace};

const NOW: u64 = 1_700_000_000;

fn rule() -> Prometheus {
    let second = Duration::from_secs(1);
    Prometheus {
        url: "http://prometheus:9090".into(),
        query: "load".into(),
        label: "instance".into(),
        matching: Matching::AddressAndPort,
        scale: Finite::new(1.0).unwrap(),
        offset: Finite::new(0.0).unwrap(),
        bounds: (0, u16::MAX),
        pace: Pace {
            interval: 10 * second,
            timeout: 5 * second,
        },
        stale: 60 * second,
        auth: Auth::Nobody,
    }
}

/// An answer with these label values and values, all of one time.
fn answer(series: &[(&str, &str)], time: f64) -> String {
    let series: Vec<_> = series
        .iter()
        .map(|(label, value)| {
            format!(
                r#"{{"metric":{{"__name__":"load","instance":"{label}","job":"x"}},"value":[{time},"{value}"]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
        series.join(",")
    )
}

fn weigh(
    rule: &Prometheus,
    series: &[(&str, &str)],
    time: f64,
    member: &str,
) -> Result<u16, String> {
    let samples = parse(answer(series, time).as_bytes(), &rule.label).unwrap();
    let found = Found::new(&samples, UNIX_EPOCH + Duration::from_secs(NOW));
    let member = member_key::parse(member).unwrap();
    found.weight(rule, &member).map(|weighed| weighed.weight)
}

fn weigh_now(rule: &Prometheus, series: &[(&str, &str)], member: &str) -> Result<u16, String> {
    weigh(rule, series, NOW as f64, member)
}

#[test]
#[rustfmt::skip] // One case a line.
fn members_are_found_by_address_and_port_or_by_address() {
    let series = [("10.0.0.1:80", "1"), ("10.0.0.1:9100", "2"), ("[2001:db8::1]:80", "3"), ("10.0.0.2", "4"), ("web:80", "5")];
    let by_address = Prometheus { matching: Matching::Address, ..rule() };
    for (rule, member, expected) in [
        (&rule(), "10.0.0.1:80", Ok(1)),
        (&rule(), "10.0.0.1:80/udp", Ok(1)),
        (&rule(), "[2001:db8::1]:80", Ok(3)),
        (&rule(), "10.0.0.2:80", Err("no sample has instance=\"10.0.0.2:80\"")),
        (&by_address, "10.0.0.2:80", Ok(4)),
        (&by_address, "10.0.0.2", Ok(4)),
        (&by_address, "[2001:db8::1]:443", Ok(3)),
        (&by_address, "10.0.0.1:80", Err("2 samples have instance=\"10.0.0.1\": aggregate them in the query")),
    ] {
        assert_eq!(weigh_now(rule, &series, member), expected.map_err(str::to_owned), "{member}");
    }
}

#[test]
fn values_become_weights_by_scale_offset_and_bounds() {
    let load = Prometheus {
        scale: Finite::new(-0.64).unwrap(),
        offset: Finite::new(64.0).unwrap(),
        ..rule()
    };
    let bounded = Prometheus {
        bounds: (1, 100),
        ..rule()
    };
    for (rule, value, expected) in [
        (&rule(), "40.4", Ok(40)),
        (&rule(), "40.5", Ok(41)),
        (&rule(), "-3", Ok(0)),
        (&rule(), "1e9", Ok(65535)),
        (&load, "0", Ok(64)),
        (&load, "50", Ok(32)),
        (&load, "100", Ok(0)),
        (&load, "250", Ok(0)),
        (&bounded, "0.2", Ok(1)),
        (&bounded, "5000", Ok(100)),
        (
            &rule(),
            "NaN",
            Err("the value with instance=\"10.0.0.1:80\" is NaN"),
        ),
        (
            &rule(),
            "+Inf",
            Err("the value with instance=\"10.0.0.1:80\" is inf"),
        ),
    ] {
        let weight = weigh_now(rule, &[("10.0.0.1:80", value)], "10.0.0.1:80");
        assert_eq!(weight, expected.map_err(str::to_owned), "{value}");
    }
}

#[test]
fn a_sample_may_be_so_old_and_so_far_ahead() {
    for (age, good) in [
        (0.0, true),
        (60.0, true),
        (60.5, false),
        (-30.0, true),
        (-61.0, false),
    ] {
        let weight = weigh(
            &rule(),
            &[("10.0.0.1:80", "7")],
            NOW as f64 - age,
            "10.0.0.1:80",
        );
        assert_eq!(weight.is_ok(), good, "{age}: {weight:?}");
    }
}

#[test]
#[rustfmt::skip] // One case a line.
fn other_answers_are_refused_with_a_reason() {
    for (body, expected) in [
        ("", "the answer is no Prometheus answer"),
        ("<html>", "the answer is no Prometheus answer"),
        ("{}", "the query failed: "),
        (r#"{"status":"error","errorType":"bad_data","error":"1:3: parse\nerror"}"#, "the query failed: 1:3: parse error"),
        (r#"{"status":"success"}"#, "the answer has no data"),
        (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#, "the result is a scalar and not a vector"),
        (r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1]}]}}"#, "the result is no vector"),
        (r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}"#, "the value \"x\" is no number"),
    ] {
        let refused = parse(body.as_bytes(), "instance").unwrap_err();
        assert!(refused.starts_with(expected), "{body}: {refused}");
        assert!(!refused.contains('\n'), "{refused}");
    }
}

#[test]
fn a_series_without_the_label_is_nobodys() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"2"]}]}}"#;
    let samples = parse(body.as_bytes(), "instance").unwrap();
    assert_eq!(samples.len(), 1);
    let found = Found::new(&samples, UNIX_EPOCH + Duration::from_secs(NOW));
    let member = member_key::parse("10.0.0.1:80").unwrap();
    assert!(found.weight(&rule(), &member).is_err());
}

proptest! {
    #[test]
    fn no_body_is_too_odd(body: Vec<u8>, label: String, value: f64, time: f64) {
        let _refused = parse(&body, &label);
        let sample = Sample { label: Some(label), value, time };
        let member = member_key::parse("10.0.0.1:80").unwrap();
        let samples = [Sample { label: Some("10.0.0.1:80".into()), ..sample.clone() }, sample];
        let found = Found::new(&samples, UNIX_EPOCH);
        let _weight = found.weight(&rule(), &member);
    }
}
