//! [`tests::fuzz::inspection`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::inspection(data));
