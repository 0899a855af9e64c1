//! SASP as others see it: our messages through Wireshark's dissector, which shares no line with our codec.
//!
//! # Layout
//! * [`samples`]: every message, in many shapes.
//! * [`capture`]: a conversation as a capture file.
//! * [`dissector`]: what tshark reads in a capture.
//! * [`expected`]: what it must read, if RFC 4678 is followed.

pub mod capture;
pub mod dissector;
pub mod expected;
pub mod samples;
