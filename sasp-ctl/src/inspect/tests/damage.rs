//! Each kind of damage, what is said of it, and what is still read.

use super::*;

/// What is said of a message given in hex: the codec's word and the remarks.
fn said(hex: &str) -> (Option<String>, Vec<String>) {
    let inspection = inspect(&bytes(hex));
    let remarks = inspection
        .remarks
        .iter()
        .map(|remark| format!("{}: {}", remark.level, remark.text));
    (inspection.cause.clone(), remarks.collect())
}

/// A message with these components behind its header.
fn message(components: &str) -> String {
    let components = components.replace(char::is_whitespace, "");
    let length = 13 + components.len() / 2;
    format!("2010000d01{length:08x}00000001{components}")
}

const GROUP: &str = "3011000801 4c 01 47";
const MEMBER: &str = "3010001806 0050 0000000000000000000000000a000001 00";

#[test]
fn what_is_wrong_is_said_in_words_and_refused_by_the_codec() {
    let weights = |middle: &str| message(&format!("10350009 00 000a 0001 {middle}"));
    for (hex, remark) in [
        (
            message("1015 0006 00 00"),
            "Registration Reply has length 6, its fields take 5",
        ),
        (message("1015 0004"), "the message ends inside its fields"),
        (message("1099 0004"), "unknown type 0x1099"),
        (
            message("3012 0008 00 00 0000"),
            "stands where a message belongs",
        ),
        (message("1015 0005 00 ff"), "1 stray bytes"),
        (
            message("1015 0005 00 ffffffff"),
            "4 bytes that are no component",
        ),
        (
            message("1015 0005 00 1015 0005 00"),
            "a second message, Registration Reply",
        ),
        (
            message("1015 0005 00 2010 000d 01 00000011 00000000"),
            "a second header",
        ),
        (
            message(&format!("1030 0006 0002 {GROUP}")),
            "2 groups are announced, 1 follow",
        ),
        (
            message(&format!("1030 0006 0000 {GROUP}")),
            "0 groups are announced, 1 follow",
        ),
        (
            weights(&format!(
                "4011 0006 0002 {GROUP} {MEMBER} 3012 0008 00 0d 0001"
            )),
            "2 members are announced, 1 follow",
        ),
        (
            weights(&format!("4011 0006 0001 {GROUP} {MEMBER}")),
            "without a Weight Entry behind it",
        ),
        (
            weights(&format!("4011 0006 0001 {GROUP} {MEMBER} 3013 0006 00 00")),
            "Member State Instance does not belong into a Get Weights Reply",
        ),
        (
            weights(&format!("4011 0006 0000 {GROUP} 3012 0008 00 00 0000")),
            "Weight Entry without Member Data",
        ),
        (weights("4011 0006 0000"), "a group without Group Data"),
        (
            weights(&format!("4010 0006 0001 {GROUP} {MEMBER}")),
            "Group of Member Data does not belong into",
        ),
        (
            weights(GROUP),
            "Group Data without the component that starts a group",
        ),
        (
            message(&format!(
                "1010 0007 01 0001 4010 0006 0001 {MEMBER} {GROUP}"
            )),
            "Member Data without Group Data before it",
        ),
        (
            message(&format!("1030 0006 0001 {GROUP} {MEMBER}")),
            "Member Data does not belong into a Get Weights Request",
        ),
    ] {
        let (cause, remarks) = said(&hex);
        assert!(cause.is_some(), "the codec accepts {remark:?}");
        let found = remarks
            .iter()
            .any(|said| said.starts_with("wrong: ") && said.contains(remark));
        assert!(found, "{remark:?} is not among {remarks:?}");
    }
}

#[test]
fn lengths_that_count_what_follows_do_not_hide_it() {
    // As figure 10 draws it: everything is inside the box of 0x1035, and of 0x4011.
    let nested = RFC_SECTION_8
        .replace("10350009", "1035005d")
        .replace("40110006", "40110054");
    let inspection = inspect(&bytes(&nested));
    let proper = inspect(&bytes(RFC_SECTION_8));
    let shape = |inspection: &Inspection| -> Vec<_> {
        let components = inspection.components.iter();
        components
            .map(|component| component.fields.clone())
            .collect()
    };
    assert_eq!(shape(&inspection), shape(&proper));
    assert_eq!(inspection.groups, proper.groups);
    let remarks = inspection
        .remarks
        .iter()
        .filter(|remark| remark.text.contains("counts what follows it"));
    assert_eq!(remarks.count(), 2);
    assert!(inspection.cause.is_some());
}

#[test]
fn a_header_of_odd_length_hides_nothing() {
    for length in ["0004", "0009", "000e", "006a"] {
        let wrong = RFC_SECTION_8.replacen("2010000d", &format!("2010{length}"), 1);
        let inspection = inspect(&bytes(&wrong));
        assert_eq!(inspection.groups, inspect(&bytes(RFC_SECTION_8)).groups);
        assert!(
            inspection.remarks[0]
                .text
                .starts_with("the header has length ")
        );
        assert!(inspection.cause.is_some());
    }
}

#[test]
fn a_length_that_is_too_short_by_one_does_not_lose_the_next_component() {
    let wrong = RFC_SECTION_8.replace("3011000e", "3011000d");
    let inspection = inspect(&bytes(&wrong));
    assert_eq!(inspection.groups, inspect(&bytes(RFC_SECTION_8)).groups);
}

#[test]
fn a_length_that_is_too_long_skips_the_padding() {
    // Two bytes behind the Group Data that its Length counts.
    let wrong = RFC_SECTION_8.replace("0000006a", "0000006c").replace(
        "3011000e 034c4231 054641524d31",
        "30110010 034c4231 054641524d31 0000",
    );
    let inspection = inspect(&bytes(&wrong));
    assert_eq!(inspection.groups, inspect(&bytes(RFC_SECTION_8)).groups);
    assert_eq!(
        inspection.remarks[0].text,
        "Group Data has length 16, its fields take 14"
    );
}

#[test]
fn what_is_unusual_is_said_and_still_accepted() {
    let weight = |entry: &str| {
        message(&format!(
            "10350009 00 000a 0001 4011 0006 0001 {GROUP} {MEMBER} 3012 0008 {entry}"
        ))
    };
    let register = |group: &str, members: &str, count: u8| {
        message(&format!(
            "1010 0007 01 0001 4010 0006 00{count:02x} {group} {members}"
        ))
    };
    let zeros = "0000000000000000000000000000";
    for (hex, remark) in [
        (weight("00 fd 0001"), "reserved flag bits 0xf0"),
        (weight("00 0f 0005"), "weight 5 of a quiesced member"),
        (message("1010 0007 81 0000"), "reserved flag bits 0x80"),
        (message("1020 0008 01 02 0000"), "reason 0x02 is reserved"),
        (message("1020 0008 01 80 0000"), "vendor's own"),
        (message("1050 0008 01 4c 80 08"), "reserved flag bits 0x08"),
        (message("1050 0008 01 4c 80 00"), "health 0x80 is reserved"),
        (message("1050 0007 00 00 00"), "empty LB UID"),
        (
            message(&format!("1050 0048 41 {} 00 00", "4c".repeat(65))),
            "LB UID of 65 bytes",
        ),
        (message("1050 0008 01 07 00 00"), "not plain UTF-8 text"),
        (
            message("1055 0005 43"),
            "lists no code 0x43 for a Set LB State Reply",
        ),
        (
            message("1035 0009 43 000a 0001 4011 0006 0000 3011 0008 01 4c 01 47"),
            "weights beside an error code",
        ),
        (
            message(&format!(
                "1060 0007 01 0001 4011 0006 0001 {GROUP} {MEMBER} 3013 0006 00 01"
            )),
            "figure 11",
        ),
        (
            message(&format!(
                "1060 0007 01 0001 4012 0006 0001 {GROUP} {MEMBER} 3013 0006 00 80"
            )),
            "reserved flag bits 0x80",
        ),
        (
            register(
                GROUP,
                "3010001806 0050 00000000000000000000ffff0a000001 00",
                1,
            ),
            "::ffff:10.0.0.1",
        ),
        (
            register(
                GROUP,
                "3010001806 0000 0000000000000000000000000a000001 00",
                1,
            ),
            "protocol 6 with port 0",
        ),
        (
            register(GROUP, &format!("3010001806 0050 {zeros}0000 00"), 1),
            "no host's address",
        ),
        (
            register(GROUP, &format!("{MEMBER} {MEMBER}"), 2),
            "10.0.0.1:80 stands in this group for the second time",
        ),
        (
            register("3011000701 4c 00", MEMBER, 1),
            "a GWM answers 0x50",
        ),
        (
            message(&format!(
                "1020 0008 01 00 0001 4010 0006 0001 3011000701 4c 00 {MEMBER}"
            )),
            "deregisters everything",
        ),
        (
            message(&format!("1030 0006 0002 {GROUP} {GROUP}")),
            "stands here for the second time",
        ),
        (
            message(&format!("1030 0006 0002 {GROUP} 3011000701 4c 00")),
            "a GWM answers 0x46",
        ),
        (
            message(&format!("1030 0006 0002 {GROUP} 3011000801 4d 01 47")),
            "2 different LB UIDs",
        ),
        (message("1040 0006 0000"), "its id is usually 0"),
    ] {
        let (cause, remarks) = said(&hex);
        assert_eq!(cause, None, "{remark:?}");
        let found = remarks
            .iter()
            .any(|said| said.starts_with("unusual: ") && said.contains(remark));
        assert!(found, "{remark:?} is not among {remarks:?}");
    }
}

#[test]
fn another_version_is_named_and_read_as_far_as_it_looks_like_ours() {
    let mut frame = bytes(RFC_SECTION_8);
    frame[4] = 2;
    let inspection = inspect(&frame);
    assert_eq!(
        inspection.cause.as_deref(),
        Some("version 2 is not spoken here, only 1")
    );
    assert_eq!(inspection.groups.len(), 1);
    assert!(inspection.remarks[0].text.starts_with("version 2;"));
}

#[test]
fn remarks_have_a_limit() {
    let entries = format!("{MEMBER} 3012 0008 00 fd 0001").repeat(500);
    let hex = message(&format!(
        "10350009 00 000a 0001 4011 0006 01f4 {GROUP} {entries}"
    ));
    let remarks = inspect(&bytes(&hex)).remarks;
    assert_eq!(remarks.len(), 51);
    assert!(remarks[50].text.ends_with("more remarks are left out"));
}
