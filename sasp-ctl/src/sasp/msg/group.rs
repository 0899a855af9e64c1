//! Group Data (0x3011) and the groups of items: 0x4010, 0x4011, 0x4012.

use super::{Member, MemberState, Name, WeightEntry};
use crate::sasp::{
    code::Type,
    codec::{Cause, EncodeError, Reader, Wire, Writer},
};

/// Group Data (0x3011).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Group {
    /// The LB's unique id.
    pub lb_uid: Name,
    /// The group's name; empty means "all groups" in Get Weights and DeRegistration.
    pub name: Name,
}

/// A group and its items: 0x4010 with [`Member`], 0x4011 with [`WeightEntry`], 0x4012 with [`MemberState`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupOf<T> {
    /// The group.
    pub group: Group,
    /// At most 65,535.
    pub items: Vec<T>,
}

/// What a group can hold: the item decides the type of the component around it.
pub(in crate::sasp) trait Item: Wire {
    /// The component that announces the group.
    const GROUP: Type;
    /// What figure 11 of the RFC prints in its place.
    const GROUP_IN_FIGURE_11: Type = Self::GROUP;
}

impl Item for Member {
    const GROUP: Type = Type::GROUP_OF_MEMBER_DATA;
}

impl Item for WeightEntry {
    const GROUP: Type = Type::GROUP_OF_WEIGHT_ENTRY_DATA;
}

impl Item for MemberState {
    const GROUP: Type = Type::GROUP_OF_MEMBER_STATE_DATA;
    const GROUP_IN_FIGURE_11: Type = Type::GROUP_OF_WEIGHT_ENTRY_DATA;
}

impl Wire for Group {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        to.component(Type::GROUP_DATA, |fields| {
            fields.string(&self.lb_uid);
            fields.string(&self.name);
        })
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        from.component(Type::GROUP_DATA, |fields| {
            Ok(Self {
                lb_uid: fields.string()?,
                name: fields.string()?,
            })
        })
    }
}

impl<T: Item> Wire for GroupOf<T> {
    fn write(&self, to: &mut Writer) -> Result<(), EncodeError> {
        to.counted(T::GROUP, self.items.len())?;
        self.group.write(to)?;
        to.list(&self.items)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Cause> {
        let as_in_figure =
            T::GROUP != T::GROUP_IN_FIGURE_11 && from.peek_type() == Some(T::GROUP_IN_FIGURE_11);
        from.quirks.figure_11 |= as_in_figure;
        let count = from.counted(if as_in_figure {
            T::GROUP_IN_FIGURE_11
        } else {
            T::GROUP
        })?;
        Ok(Self {
            group: Group::read(from)?,
            items: from.list(count)?,
        })
    }
}
