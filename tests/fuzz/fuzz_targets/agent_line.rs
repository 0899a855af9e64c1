//! [`tests::fuzz::agent_line`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::agent_line(data));
