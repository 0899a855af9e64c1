//! Bytes as decisions: whatever is asked for comes from the input, and zeros when it is used up.

use std::time::Duration;

use sasp_ctl::sasp::msg::{Group, GroupOf, Member, MemberKey, Name};

pub(super) struct Supply<'a> {
    rest: &'a [u8],
}

impl<'a> Supply<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    /// Up to `most` bytes, as many as the next byte says.
    pub(super) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let size = usize::from(self.u8()).min(most).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(size);
        self.rest = rest;
        bytes
    }

    pub(super) fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[usize::from(self.u8()) % among.len()].clone()
    }

    /// From nothing to an hour and a half, which is thousands of the shortest intervals.
    pub(super) fn time(&mut self) -> Duration {
        let (unit, count) = (self.u8() % 4, u64::from(self.u8()));
        Duration::from_millis(count * [1, 100, 2_000, 20_000][usize::from(unit)])
    }

    pub(super) fn name(&mut self, among: &[&str]) -> Name {
        let text = self.pick(among);
        Name::new(text.as_bytes()).expect("short")
    }

    pub(super) fn key(&mut self) -> MemberKey {
        MemberKey {
            protocol: self.pick(&[6, 6, 6, 17, 0]),
            port: self.pick(&[80, 80, 443, 0]),
            address: [10, 0, 0, self.u8() % 6].into(),
        }
    }

    pub(super) fn group(&mut self, uids: &[&str]) -> Group {
        Group {
            lb_uid: self.name(uids),
            name: self.name(&["G", "H", "G", ""]),
        }
    }

    /// A few groups of a few items.
    pub(super) fn groups<T>(
        &mut self,
        uids: &[&str],
        mut item: impl FnMut(&mut Self, Member) -> T,
    ) -> Vec<GroupOf<T>> {
        let count = self.u8() % 4;
        (0..count)
            .map(|_| {
                let group = self.group(uids);
                let items = (0..self.u8() % 5)
                    .map(|_| {
                        let label = self.name(&["", "label"]);
                        let key = self.key();
                        item(self, Member { key, label })
                    })
                    .collect();
                GroupOf { group, items }
            })
            .collect()
    }
}
