//! [`tests::fuzz::client_machine`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::client_machine(data));
