use super::*;

/// What every dump below shows.
const SHOWN: &str = "2010000d010000001f000000011030000600013011000c01660541424344450102";

fn shown() -> Vec<u8> {
    hex::decode(SHOWN).unwrap()
}

#[test]
fn every_way_to_print_bytes_is_read() {
    let xxd = "\
00000000: 2010 000d 0100 0000 1f00 0000 0110 3000   .............0.
00000010: 0600 0130 1100 0c01 6605 4142 4344 4501  ...0....f.ABCDE.
00000020: 02                                       .
";
    let xxd_of_eight = "\
00000000: 2010 000d 0100 0000   .......
00000008: 1f00 0000 0110 3000  ......0.
00000010: 0600 0130 1100 0c01  ...0....
00000018: 6605 4142 4344 4501  f.ABCDE.
00000020: 02                   .
";
    let canonical = "\
00000000  20 10 00 0d 01 00 00 00  1f 00 00 00 01 10 30 00  | .............0.|
00000010  06 00 01 30 11 00 0c 01  66 05 41 42 43 44 45 01  |...0....f.ABCDE.|
00000020  02                                                |.|
00000021
";
    let wireshark = "\
0000   20 10 00 0d 01 00 00 00 1f 00 00 00 01 10 30 00    .............0.
0010   06 00 01 30 11 00 0c 01 66 05 41 42 43 44 45 01   ...0....f.ABCDE.
0020   02                                                .
";
    let tshark = "\
0000  20 10 00 0d 01 00 00 00 1f 00 00 00 01 10 30 00    .............0.
0010  06 00 01 30 11 00 0c 01 66 05 41 42 43 44 45 01   ...0....f.ABCDE.
0020  02                                                .
";
    let tcpdump = "\
\t0x0000:  2010 000d 0100 0000 1f00 0000 0110 3000   .............0.
\t0x0010:  0600 0130 1100 0c01 6605 4142 4344 4501  ...0....f.ABCDE.
\t0x0020:  02                                       .
";
    let ours = "\
# sent, 33 bytes: whatever this is
0000  20 10 00 0d 01 00 00 00 1f 00 00 00 01 10 30 00
0010  06 00 01 30 11 00 0c 01 66 05 41 42 43 44 45 01
0020  02
";
    let single_blanks = "\
0000 20 10 00 0d 01 00 00 00 1f 00 00 00 01 10 30 00
0010 06 00 01 30 11 00 0c 01 66 05 41 42 43 44 45 01
0020 02
";
    let words = "\
2010000d 0100 0000 1f000000
0110 3000 0600 01
30 1100 0c01 6605 4142 4344 4501 02
";
    let colons = "20:10:00:0D:01:00:00:00:1F:00:00:00:01:10:30:00:06:00:01:30:11:00:0c:01:66:05:41:42:43:44:45:01:02";
    let array = "{0x20, 0x10, 0x00, 0x0d, 0x01, 0, 0, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00, 0x01, 0x10, 0x30, 0x00,
         0x06, 0x00, 0x01, 0x30, 0x11, 0x00, 0x0c, 0x01, 0x66, 0x05, 0x41, 0x42, 0x43, 0x44, 0x45, 0x01, 0x02};";
    let escaped = r#""\x20\x10\x00\x0d\x01\x00\x00\x00\x1f\x00\x00\x00\x01\x10\x30\x00\x06\x00\x01\x30\x11\x00\x0c\x01\x66\x05\x41\x42\x43\x44\x45\x01\x02""#;
    for text in [
        SHOWN,
        xxd,
        xxd_of_eight,
        canonical,
        wireshark,
        tshark,
        tcpdump,
        ours,
        single_blanks,
        words,
        colons,
        array,
        escaped,
    ] {
        assert_eq!(parse(text).map(hex::encode).as_deref(), Ok(SHOWN), "{text}");
    }
}

#[test]
fn dumps_may_follow_each_other() {
    let dump = "# a\n0000  20 10 00\n\n# b\n0000  0d 01\n0002  02\n";
    assert_eq!(parse(dump), Ok(vec![0x20, 0x10, 0, 0x0d, 1, 2]));
}

#[test]
fn digits_that_look_like_an_offset_are_digits_where_they_are_not_one() {
    let sixteen = "2010000d0100000000000000000000aa";
    let text = format!("{sixteen}\n0010 0035");
    assert_eq!(parse(&text).unwrap()[16..], [0, 0x10, 0, 0x35]);
}

#[test]
fn what_would_be_read_wrongly_is_refused_with_its_line() {
    for (text, reason) in [
        ("", "no hex digits"),
        ("# only words\n", "no hex digits"),
        ("201", "odd number"),
        ("20 10\nT hello", "line 2: 'T' is no hex digit"),
        ("0000  20 10\n*\n0020  00", "line 2: `*`"),
        (
            "00000000: 2010 000d\n00000010: 0102 0304",
            "line 2: offset 0x10 does not follow",
        ),
        ("0000000 1020 0d00 0001", "hexdump -C"),
    ] {
        let refused = parse(text).unwrap_err();
        assert!(refused.contains(reason), "{text:?}: {refused}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-f :|*#x\\n]{0,200}") {
        // What it is matters not; it must not panic.
        let _read = parse(&text);
    }

    #[test]
    fn any_bytes_survive_our_own_dump(bytes in proptest::collection::vec(0..=u8::MAX, 1..100)) {
        let lines = bytes.chunks(16).enumerate().map(|(line, bytes)| {
            let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:04x}  {}\n", line * 16, digits.join(" "))
        });
        let swapped = bytes.starts_with(&[0x10, 0x20, 0x0d, 0x00]);
        proptest::prop_assume!(!swapped);
        proptest::prop_assert_eq!(parse(&lines.collect::<String>()), Ok(bytes));
    }
}

#[test]
fn the_bytes_of_the_tables_are_what_they_say() {
    assert_eq!(shown().len(), 33);
}
