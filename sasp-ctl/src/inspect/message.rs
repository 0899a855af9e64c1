//! A whole message: its components, its groups, the codec's word on it, and remarks.

use std::fmt;

use serde::Serialize;

use super::component::{self, Component, Fields};
use super::{grammar, sense};
use crate::sasp::code::Type;
use crate::sasp::codec;

/// More remarks on one message are only counted.
const REMARKS_MAX: usize = 50;

/// How bad what a remark says is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Against the RFC, so that a peer may refuse the message.
    Wrong,
    /// Allowed or tolerated, but worth knowing.
    Unusual,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wrong => "wrong",
            Self::Unusual => "unusual",
        })
    }
}

/// Something to be said about a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Remark {
    /// How bad it is.
    pub level: Level,
    /// The byte of the message that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// In words.
    pub text: String,
}

/// Remarks as they are found, so many and no more.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    list: Vec<Remark>,
    left_out: usize,
}

impl Remarks {
    pub(super) fn wrong(&mut self, offset: usize, text: String) {
        self.add(Level::Wrong, Some(offset), text);
    }

    pub(super) fn unusual(&mut self, offset: usize, text: String) {
        self.add(Level::Unusual, Some(offset), text);
    }

    fn add(&mut self, level: Level, offset: Option<usize>, text: String) {
        match self.list.len() < REMARKS_MAX {
            true => self.list.push(Remark {
                level,
                offset,
                text,
            }),
            false => self.left_out += 1,
        }
    }

    fn finish(mut self) -> Vec<Remark> {
        if self.left_out > 0 {
            let text = format!("{} more remarks are left out", self.left_out);
            self.list.push(Remark {
                level: Level::Unusual,
                offset: None,
                text,
            });
        }
        self.list
    }
}

/// A group of a message, by places in [`Inspection::components`].
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Group {
    /// 0x4010, 0x4011 or 0x4012.
    pub head: Option<usize>,
    /// The Group Data.
    pub data: Option<usize>,
    /// Its members, each with the Weight Entry or Member State Instance that follows it.
    pub members: Vec<(usize, Option<usize>)>,
}

/// All that can be told of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inspection {
    /// Size in bytes.
    pub size: usize,
    /// Every component in the order of the wire, the header first.
    pub components: Vec<Component>,
    /// The groups.
    pub groups: Vec<Group>,
    /// Why the codec does not take the message for one; `None` if it does.
    pub cause: Option<String>,
    /// What is wrong or unusual.
    pub remarks: Vec<Remark>,
}

impl Inspection {
    /// Version and id, as far as there is a header.
    pub fn header(&self) -> Option<(u8, u32)> {
        self.components.iter().find_map(|first| match first.fields {
            Fields::Header { version, id, .. } => Some((version, id)),
            _ => None,
        })
    }

    /// The type of the message: that of the first component behind the header.
    pub fn kind(&self) -> Option<Type> {
        self.message().map(|message| message.kind)
    }

    /// The message component.
    pub fn message(&self) -> Option<&Component> {
        self.components.get(1).filter(|_| {
            self.components
                .first()
                .is_some_and(|c| c.kind == Type::HEADER)
        })
    }

    /// Adds what only somebody who sees more than this message can know.
    pub(super) fn remark(&mut self, level: Level, text: String) {
        self.remarks.push(Remark {
            level,
            offset: None,
            text,
        });
    }
}

/// Looks at one frame: a message with its header, as [`super::frames`] cuts them.
pub fn inspect(frame: &[u8]) -> Inspection {
    let cause = codec::decode(frame)
        .err()
        .map(|error| error.cause.to_string());
    let mut remarks = Remarks::default();
    let mut components = component::components(frame, &mut remarks);
    let groups = grammar::groups(&mut components, frame.len(), &mut remarks);
    sense::remarks(&components, &groups, &mut remarks);
    Inspection {
        size: frame.len(),
        components,
        groups,
        cause,
        remarks: remarks.finish(),
    }
}
