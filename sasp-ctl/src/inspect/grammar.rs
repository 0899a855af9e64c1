//! Which component may follow which, and whether the counts are true (RFC 4678 sections 6 and 7).

use super::component::{Component, Fields};
use super::message::{Group, Remarks};
use crate::sasp::code::Type;
use crate::sasp::frame::HEADER_LEN;

/// What a message holds behind its own component.
struct Plan {
    /// The component that starts a group; none if the message has no groups.
    head: Option<Type>,
    /// What follows each member.
    entry: Option<Type>,
}

fn plan(message: Type) -> Plan {
    let (head, entry) = match message {
        Type::REGISTRATION_REQUEST | Type::DEREGISTRATION_REQUEST => {
            (Some(Type::GROUP_OF_MEMBER_DATA), None)
        }
        Type::GET_WEIGHTS_REQUEST => (Some(Type::GROUP_DATA), None),
        Type::GET_WEIGHTS_REPLY | Type::SEND_WEIGHTS => (
            Some(Type::GROUP_OF_WEIGHT_ENTRY_DATA),
            Some(Type::WEIGHT_ENTRY),
        ),
        Type::SET_MEMBER_STATE_REQUEST => (
            Some(Type::GROUP_OF_MEMBER_STATE_DATA),
            Some(Type::MEMBER_STATE_INSTANCE),
        ),
        _ => (None, None),
    };
    Plan { head, entry }
}

/// Sorts the components behind the message's own into groups and sets how deep each is nested.
pub(super) fn groups(
    components: &mut [Component],
    size: usize,
    remarks: &mut Remarks,
) -> Vec<Group> {
    let Some(message) = components.get(1).map(|component| component.kind) else {
        // Of fewer bytes than a header, something else was said.
        if !components.is_empty() {
            remarks.wrong(size, "no message follows the header".to_owned());
        }
        return Vec::new();
    };
    if !is_message(message) {
        remarks.wrong(
            HEADER_LEN,
            format!("{message} stands where a message belongs"),
        );
    }
    let mut sorter = Sorter {
        message,
        plan: plan(message),
        groups: Vec::new(),
        remarks,
    };
    for index in 2..components.len() {
        let depth = sorter.sort(components, index);
        if let Some(component) = components.get_mut(index) {
            component.depth = depth;
        }
    }
    sorter.check_counts(components, size);
    sorter.groups
}

fn is_message(kind: Type) -> bool {
    super::explain::role(kind).is_some()
}

struct Sorter<'a> {
    message: Type,
    plan: Plan,
    groups: Vec<Group>,
    remarks: &'a mut Remarks,
}

impl Sorter<'_> {
    /// Finds the place of a component; returns its depth.
    fn sort(&mut self, components: &[Component], index: usize) -> u8 {
        let Some(Component { offset, kind, .. }) = components.get(index) else {
            return 0;
        };
        let (offset, kind) = (*offset, *kind);
        match kind {
            Type::GROUP_OF_MEMBER_DATA
            | Type::GROUP_OF_WEIGHT_ENTRY_DATA
            | Type::GROUP_OF_MEMBER_STATE_DATA => {
                self.start_group(kind, offset);
                self.groups.push(Group {
                    head: Some(index),
                    ..Group::default()
                });
                1
            }
            Type::GROUP_DATA => self.group_data(offset, index),
            Type::MEMBER_DATA => {
                if self.plan.head == Some(Type::GROUP_DATA) || self.plan.head.is_none() {
                    self.misplaced(kind, offset);
                }
                if self.groups.last().is_none_or(|group| group.data.is_none()) {
                    self.remarks.wrong(
                        offset,
                        "Member Data without Group Data before it".to_owned(),
                    );
                }
                if self.groups.is_empty() {
                    self.groups.push(Group::default());
                }
                if let Some(group) = self.groups.last_mut() {
                    group.members.push((index, None));
                }
                2
            }
            Type::WEIGHT_ENTRY | Type::MEMBER_STATE_INSTANCE => {
                self.entry(kind, offset, index);
                2
            }
            _ if is_message(kind) => {
                let text = format!(
                    "a second message, {kind}, follows the first: what that means is not defined (RFC 4678 section 7)"
                );
                self.remarks.wrong(offset, text);
                0
            }
            Type::HEADER => {
                self.remarks
                    .wrong(offset, "a second header inside the message".to_owned());
                0
            }
            // Unknown: remarked on where it was read.
            _ => 1,
        }
    }

    fn misplaced(&mut self, kind: Type, offset: usize) {
        let text = format!("{kind} does not belong into a {}", self.message);
        self.remarks.wrong(offset, text);
    }

    fn start_group(&mut self, kind: Type, offset: usize) {
        let figure_11 = self.message == Type::SET_MEMBER_STATE_REQUEST
            && kind == Type::GROUP_OF_WEIGHT_ENTRY_DATA;
        if figure_11 {
            self.remarks.unusual(
                offset,
                "type 0x4011 as figure 11 of the RFC prints it; section 4.2 says 0x4012".to_owned(),
            );
        } else if self.plan.head != Some(kind) {
            self.misplaced(kind, offset);
        }
    }

    fn group_data(&mut self, offset: usize, index: usize) -> u8 {
        let alone = self.plan.head == Some(Type::GROUP_DATA);
        if let Some(group) = self.groups.last_mut()
            && group.head.is_some()
            && group.data.is_none()
            && group.members.is_empty()
        {
            group.data = Some(index);
            return 2;
        }
        if !alone {
            let text = "Group Data without the component that starts a group".to_owned();
            self.remarks.wrong(offset, text);
        }
        self.groups.push(Group {
            data: Some(index),
            ..Group::default()
        });
        1
    }

    fn entry(&mut self, kind: Type, offset: usize, index: usize) {
        let expected = self.plan.entry;
        match self
            .groups
            .last_mut()
            .and_then(|group| group.members.last_mut())
        {
            Some((_, entry @ None)) => *entry = Some(index),
            _ => self
                .remarks
                .wrong(offset, format!("{kind} without Member Data before it")),
        }
        if expected != Some(kind) {
            self.misplaced(kind, offset);
        }
    }

    fn check_counts(&mut self, components: &[Component], size: usize) {
        let at = |index: Option<usize>| index.and_then(|index| components.get(index));
        if let Some(told) = at(Some(1)).and_then(|message| count(&message.fields)) {
            let found = self.groups.len();
            if usize::from(told) != found {
                self.remarks.wrong(
                    HEADER_LEN,
                    format!("{told} groups are announced, {found} follow"),
                );
            }
        }
        for group in &self.groups {
            let first = at(group.head.or(group.data)).map_or(size, |first| first.offset);
            if let Some(told) = at(group.head).and_then(|head| count(&head.fields)) {
                let found = group.members.len();
                if usize::from(told) != found {
                    self.remarks.wrong(
                        first,
                        format!("{told} members are announced, {found} follow"),
                    );
                }
                if group.data.is_none() {
                    self.remarks
                        .wrong(first, "a group without Group Data".to_owned());
                }
            }
            let Some(entry) = self.plan.entry else {
                continue;
            };
            for (member, _) in group.members.iter().filter(|(_, entry)| entry.is_none()) {
                let offset = at(Some(*member)).map_or(size, |member| member.offset);
                self.remarks
                    .wrong(offset, format!("Member Data without a {entry} behind it"));
            }
        }
    }
}

/// How many groups or members a component announces.
fn count(fields: &Fields) -> Option<u16> {
    match fields {
        Fields::Groups { count, .. }
        | Fields::Deregistration { count, .. }
        | Fields::Weights { count, .. }
        | Fields::Count(count) => Some(*count),
        _ => None,
    }
}
