//! SASP by hand: every length and number written out from RFC 4678 sections 4 to 7.

/// A message with its header.
pub fn message(id: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(13 + body.len()).unwrap();
    let header = [
        &[0x20, 0x10, 0, 13, 1][..],
        &length.to_be_bytes(),
        &id.to_be_bytes(),
    ]
    .concat();
    [&header, body].concat()
}

/// A component: its Length counts type, length and its own fields only.
pub fn tlv(kind: u16, fields: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + fields.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), fields].concat()
}

/// A string behind its length.
pub fn string(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// TCP port 80 of 10.0.0.`last`, without a label.
pub fn member(last: u8) -> Vec<u8> {
    let address = [[0; 4], [0; 4], [0; 4], [10, 0, 0, last]].concat();
    tlv(0x3010, &[&[6, 0, 80][..], &address, &[0]].concat())
}

/// A Group.
pub fn group(uid: &str, name: &str) -> Vec<u8> {
    tlv(0x3011, &[string(uid), string(name)].concat())
}

fn count(items: usize) -> [u8; 2] {
    u16::try_from(items).unwrap().to_be_bytes()
}

/// One group with its items.
pub fn block(kind: u16, uid: &str, name: &str, items: &[Vec<u8>]) -> Vec<u8> {
    [
        tlv(kind, &count(items.len())),
        group(uid, name),
        items.concat(),
    ]
    .concat()
}

/// One group of members.
pub fn members(uid: &str, name: &str, last_bytes: &[u8]) -> Vec<u8> {
    let items: Vec<_> = last_bytes.iter().map(|last| member(*last)).collect();
    block(0x4010, uid, name, &items)
}

/// Registration Request.
pub fn register(flags: u8, blocks: &[Vec<u8>]) -> Vec<u8> {
    let [high, low] = count(blocks.len());
    [tlv(0x1010, &[flags, high, low]), blocks.concat()].concat()
}

/// DeRegistration Request, with reason 1.
pub fn deregister(flags: u8, blocks: &[Vec<u8>]) -> Vec<u8> {
    let [high, low] = count(blocks.len());
    [tlv(0x1020, &[flags, 1, high, low]), blocks.concat()].concat()
}

/// Get Weights Request.
pub fn get_weights(groups: &[Vec<u8>]) -> Vec<u8> {
    [tlv(0x1030, &count(groups.len())), groups.concat()].concat()
}

/// Set LB State Request, of full health.
pub fn set_lb_state(uid: &str, flags: u8) -> Vec<u8> {
    tlv(0x1050, &[string(uid), vec![0x7f, flags]].concat())
}

/// Set Member State Request.
pub fn set_member_state(flags: u8, blocks: &[Vec<u8>]) -> Vec<u8> {
    let [high, low] = count(blocks.len());
    [tlv(0x1060, &[flags, high, low]), blocks.concat()].concat()
}

/// A member and its new state.
pub fn state(last: u8, state: u8, flags: u8) -> Vec<u8> {
    [member(last), tlv(0x3013, &[state, flags])].concat()
}

/// A member and its weight, as the GWM sends it.
pub fn weight(last: u8, state: u8, flags: u8, weight: u16) -> Vec<u8> {
    let [high, low] = weight.to_be_bytes();
    [member(last), tlv(0x3012, &[state, flags, high, low])].concat()
}

/// The body of a Get Weights Reply with code 0.
pub fn weights_reply(interval: u16, blocks: &[Vec<u8>]) -> Vec<u8> {
    let fields = [&[0][..], &interval.to_be_bytes(), &count(blocks.len())].concat();
    [tlv(0x1035, &fields), blocks.concat()].concat()
}

/// The body of Send Weights.
pub fn send_weights(blocks: &[Vec<u8>]) -> Vec<u8> {
    [tlv(0x1040, &count(blocks.len())), blocks.concat()].concat()
}
