use bytes::Bytes;

use super::*;

#[test]
fn raw_messages_are_comments_and_lines_of_a_dump() {
    let bytes = Bytes::from_static(
        b"\x20\x10\x00\x0d\x01\x00\x00\x00\x12\x00\x00\x00\x01\x10\x15\x00\x05\x00",
    );
    let raw = [Raw { sent: false, bytes }];
    assert_eq!(
        raw_text(&raw, 2),
        "# came, 18 bytes: Registration Reply (0x1015), from the GWM, RFC 4678 section 7.1.2\n\
         0000  20 10 00 0d 01 00 00 00 12 00 00 00 01 10 15 00\n\
         0010  05 00\n\
         # 2 more messages were not kept\n"
    );
    assert_eq!(raw_text(&[], 0), "");
}

#[test]
fn groups_without_members_and_no_groups_are_said() {
    use crate::sasp::msg::{Group, Name};
    assert_eq!(tables(&[]), "no groups\n");
    let name = |text: &str| Name::new(text.as_bytes()).unwrap();
    let group = Group {
        lb_uid: name("L"),
        name: name("A\n"),
    };
    let empty = GroupOf {
        group,
        items: vec![],
    };
    assert_eq!(tables(&[empty]), "group A\\n\n  no members\n");
}

#[test]
fn of_many_large_pushes_json_keeps_some_and_counts_the_others() {
    use crate::sasp::msg::SendWeights;
    let plan = Plan {
        uid: crate::sasp::msg::Name::new(*b"L").unwrap(),
        groups: vec![],
        members: std::collections::BTreeMap::new(),
        settle: Duration::ZERO,
        probes: false,
        push: Some(Duration::ZERO),
    };
    let mut output = Output::new("gwm".to_owned(), &plan, true);
    let push = Heard {
        body: Body::SendWeights(SendWeights { groups: vec![] }),
        frame: Bytes::from(vec![0; PUSHED_BYTES_MAX / 2]),
    };
    for _ in 0..3 {
        output.push(&push, Duration::ZERO).unwrap();
    }
    assert_eq!((output.pushes.len(), output.pushes_left_out), (2, 1));
}
