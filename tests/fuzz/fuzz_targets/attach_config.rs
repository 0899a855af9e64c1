//! [`tests::fuzz::attach_config`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::attach_config(data));
