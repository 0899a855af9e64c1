//! [`tests::fuzz::deframer`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tests::fuzz::deframer(data));
