//! What Wireshark must read in a message, field by field and byte by byte, by the figures of RFC 4678.
//!
//! Written without the codec, which it is to judge.

use std::net::{IpAddr, Ipv6Addr};

use sasp_ctl::sasp::{
    code::{lb_flags, member_flags, weight_flags},
    msg::{Body, Group, GroupOf, Member, MemberState, Message, Name, WeightEntry},
};

use super::dissector::Field;

/// Where the header has the length of the whole message, which is known last.
const MESSAGE_LEN: &str = "sasp.msg.len";

/// The fields of a message; they leave no byte out.
pub fn fields(message: &Message) -> Vec<Field> {
    let mut layout = Layout::default();
    layout.component(0x2010, "sasp.header.Len", 13);
    layout.number("sasp.version", 1, message.version);
    layout.number(MESSAGE_LEN, 4, 0_u8);
    layout.number("sasp.msg.id", 4, message.id);
    body(&mut layout, &message.body);
    let Layout { at, mut fields } = layout;
    for field in &mut fields {
        if field.name == MESSAGE_LEN {
            field.value = at.to_string();
        }
    }
    fields.sort();
    fields
}

fn body(layout: &mut Layout, body: &Body) {
    match body {
        Body::RegistrationRequest(request) => {
            layout.component(0x1010, "sasp.reg-req.size", 7);
            layout.number("sasp.reg-req.lbflag", 1, request.flags);
            layout.count("sasp.grp-mem-data.count", &request.groups);
            layout.groups_of_members(&request.groups);
        }
        Body::DeregistrationRequest(request) => {
            layout.component(0x1020, "sasp.dereg-req.size", 8);
            layout.number("sasp.dereg-req.lbflag", 1, request.flags);
            layout.number("sasp.flags.reason", 1, request.reason.0);
            layout.count("sasp.grp-mem-data.count", &request.groups);
            layout.groups_of_members(&request.groups);
        }
        Body::GetWeightsRequest(request) => {
            layout.component(0x1030, "sasp.getwt.req.size", 6);
            layout.count("sasp.getwt-req-grpdata.count", &request.groups);
            request.groups.iter().for_each(|group| layout.group(group));
        }
        Body::GetWeightsReply(reply) => {
            layout.component(0x1035, "sasp.getwt.rep.size", 9);
            layout.number("sasp.getwt-rep.retcode", 1, reply.code.0);
            layout.number("sasp.getwt-rep.interval", 2, reply.interval);
            layout.count("sasp.getwt-rep-grpwtentrydata.count", &reply.groups);
            layout.groups_of_weights(&reply.groups);
        }
        Body::SendWeights(weights) => {
            layout.component(0x1040, "sasp.sendwt.size", 6);
            layout.count("sasp.sendwt-grp-wtentrydata.count", &weights.groups);
            layout.groups_of_weights(&weights.groups);
        }
        Body::SetLbStateRequest(request) => {
            let length = 7 + request.lb_uid.len();
            layout.component(0x1050, "sasp.setlbstate-req.size", length);
            layout.string("sasp.setlbstate-req.lbuid", &request.lb_uid);
            layout.number("sasp.setlbstate-req.lbhealth", 1, request.health);
            let bits = [
                ("sasp.flags.push", lb_flags::PUSH),
                ("sasp.flags.trust", lb_flags::TRUST),
                ("sasp.flags.nochange", lb_flags::NO_CHANGE),
            ];
            layout.bits(request.flags, &bits);
        }
        Body::SetMemberStateRequest(request) => {
            layout.component(0x1060, "sasp.setmemstate-req.size", 7);
            layout.number("sasp.setmemstate-req.lbflag", 1, request.flags);
            layout.count("sasp.group-memstate.count", &request.groups);
            layout.groups_of_states(&request.groups);
        }
        Body::RegistrationReply(code) => layout.reply(0x1015, "sasp.reg-rep", code.0),
        Body::DeregistrationReply(code) => layout.reply(0x1025, "sasp.dereg-rep", code.0),
        Body::SetLbStateReply(code) => layout.reply(0x1055, "sasp.setlbstate-rep", code.0),
        Body::SetMemberStateReply(code) => layout.reply(0x1065, "sasp.setmemstate-rep", code.0),
    }
}

#[derive(Default)]
struct Layout {
    /// Bytes so far.
    at: u64,
    fields: Vec<Field>,
}

impl Layout {
    fn put(&mut self, name: &str, length: u64, value: String) {
        self.fields.push(Field {
            at: self.at,
            length,
            name: name.to_owned(),
            value,
        });
        self.at += length;
    }

    fn number(&mut self, name: &str, length: u64, value: impl Into<u32>) {
        self.put(name, length, value.into().to_string());
    }

    /// Several names for one byte.
    fn bits(&mut self, flags: u8, bits: &[(&str, u8)]) {
        let at = self.at;
        for &(name, bit) in bits {
            self.at = at;
            self.number(name, 1, flags & bit != 0);
        }
    }

    /// `length` counts type, Length and the component's own fields, never the components after it.
    fn component(&mut self, kind: u16, size: &str, length: usize) {
        self.number("sasp.msg.type", 2, kind);
        self.put(size, 2, length.to_string());
    }

    fn count<T>(&mut self, name: &str, items: &[T]) {
        self.put(name, 2, items.len().to_string());
    }

    fn string(&mut self, name: &str, text: &Name) {
        self.put(&format!("{name}.len"), 1, text.len().to_string());
        if !text.is_empty() {
            self.put(name, text.len() as u64, as_ascii(text));
        }
    }

    fn reply(&mut self, kind: u16, name: &str, code: u8) {
        self.component(kind, &format!("{name}.size"), 5);
        self.number(&format!("{name}.retcode"), 1, code);
    }

    fn group(&mut self, group: &Group) {
        let length = 6 + group.lb_uid.len() + group.name.len();
        self.component(0x3011, "sasp.grpdatacomp.size", length);
        self.string("sasp.grpdatacomp.label.uid", &group.lb_uid);
        self.string("sasp.grpdatacomp.grpname", &group.name);
    }

    fn member(&mut self, member: &Member) {
        let length = 24 + member.label.len();
        self.component(0x3010, "sasp.memdatacomp.size", length);
        self.number("sasp.memdatacomp.protocol", 1, member.key.protocol);
        self.number("sasp.memdatacomp.port", 2, member.key.port);
        let address = on_the_wire(member.key.address);
        self.put("sasp.memdatacomp.ip", 16, address.to_string());
        self.string("sasp.memdatacomp.label", &member.label);
    }

    fn groups_of_members(&mut self, groups: &[GroupOf<Member>]) {
        for GroupOf { group, items } in groups {
            self.component(0x4010, "sasp.grp-memdatacomp.size", 6);
            self.count("sasp.grp.memdatacomp.count", items);
            self.group(group);
            items.iter().for_each(|member| self.member(member));
        }
    }

    fn groups_of_weights(&mut self, groups: &[GroupOf<WeightEntry>]) {
        for GroupOf { group, items } in groups {
            self.component(0x4011, "sasp.grp-wtentrydata.size", 6);
            self.count("sasp.grp-wtentrydata.count", items);
            self.group(group);
            for entry in items {
                self.member(&entry.member);
                self.component(0x3012, "sasp.wtentry.size", 8);
                self.number("sasp.wtentry.state", 1, entry.state);
                let bits = [
                    ("sasp.flags.contactsuccess", weight_flags::CONTACT),
                    ("sasp.flags.quiesce", weight_flags::QUIESCE),
                    ("sasp.flags.registration", weight_flags::REGISTERED_BY_LB),
                    ("sasp.flags.confident", weight_flags::CONFIDENT),
                ];
                self.bits(entry.flags, &bits);
                self.number("sasp.wtentrydatacomp.weight", 2, entry.weight);
            }
        }
    }

    fn groups_of_states(&mut self, groups: &[GroupOf<MemberState>]) {
        for GroupOf { group, items } in groups {
            self.component(0x4012, "sasp.grp.memstate.size", 6);
            self.count("sasp.grp.memstate.count", items);
            self.group(group);
            for state in items {
                self.member(&state.member);
                self.component(0x3013, "sasp.memstate.size", 6);
                self.number("sasp.memstate.state", 1, state.state);
                self.bits(
                    state.flags,
                    &[("sasp.flags.quiesce", member_flags::QUIESCE)],
                );
            }
        }
    }
}

/// IPv4 stands behind twelve zero bytes (RFC 4678 section 5.1), not as a mapped address.
fn on_the_wire(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv6Addr::from(u128::from(u32::from(address))),
        IpAddr::V6(address) => address,
    }
}

/// Wireshark takes names for ASCII and replaces every other byte.
fn as_ascii(name: &Name) -> String {
    let replaced = |byte: &u8| match byte.is_ascii() {
        true => char::from(*byte),
        false => char::REPLACEMENT_CHARACTER,
    };
    name.as_bytes().iter().map(replaced).collect()
}
