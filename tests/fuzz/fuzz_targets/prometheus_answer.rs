//! [`tests::fuzz::prometheus_answer`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::prometheus_answer(data));
