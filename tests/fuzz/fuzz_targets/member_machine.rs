//! [`tests::fuzz::member_machine`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::member_machine(data));
