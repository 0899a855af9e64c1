//! [`tests::fuzz::gwm_config`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::gwm_config(data));
