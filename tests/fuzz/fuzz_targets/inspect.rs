//! [`tests::fuzz::inspect`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::inspect(data));
