//! The small maps that hold what [`Lookups`] says: made equal to it by difference.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use aya::Pod;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::quic::ServerId;
use sasp_xdp_common::abi::service::{Vip4, Vip6};
use sasp_xdp_common::abi::settings::{Settings, WILDCARD};
use sasp_xdp_common::abi::source::{ALLOW, DENY, SERVICE_BITS, Source4, Source6};

use super::error::Error;
use super::map::Map;
use crate::balance::change::Vip;
use crate::balance::lookups::Lookups;

/// The maps, and what they hold: nobody else writes them.
#[derive(Debug)]
pub(super) struct LookupMaps {
    settings: Map<u32, Settings>,
    vips_v4: Held<[u8; 4], u32>,
    vips_v6: Held<[u8; 16], u32>,
    replies_v4: Held<Vip4, Vip4>,
    replies_v6: Held<Vip6, Vip6>,
    sources_v4: Held<Source4, u32>,
    sources_v6: Held<Source6, u32>,
    quic_ids: Held<ServerId, u32>,
}

impl LookupMaps {
    /// Opens those that are pinned in `directory`, and reads them.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        Ok(Self {
            settings: Map::open(directory, names::SETTINGS)?,
            vips_v4: Held::open(directory, names::VIPS_V4)?,
            vips_v6: Held::open(directory, names::VIPS_V6)?,
            replies_v4: Held::open(directory, names::REPLIES_V4)?,
            replies_v6: Held::open(directory, names::REPLIES_V6)?,
            sources_v4: Held::open(directory, names::SOURCES_V4)?,
            sources_v6: Held::open(directory, names::SOURCES_V6)?,
            quic_ids: Held::open(directory, names::QUIC_IDS)?,
        })
    }

    /// What they hold.
    pub(super) fn read(&self) -> Result<Lookups, Error> {
        let settings = self.settings.get(&0);
        let settings = settings.map_err(Error::map_call("read the settings"))?;
        let (vips_v4, vips_v6) = (self.vips_v4.held.iter(), self.vips_v6.held.iter());
        let vips_v4 = vips_v4.map(|(address, value)| (IpAddr::from(*address), *value));
        let vips_v6 = vips_v6.map(|(address, value)| (IpAddr::from(*address), *value));
        let (v4, v6) = (self.replies_v4.held.iter(), self.replies_v6.held.iter());
        let replies_v4 = v4.map(|(member, vip)| (Vip::V4(*member), Vip::V4(*vip)));
        let replies_v6 = v6.map(|(member, vip)| (Vip::V6(*member), Vip::V6(*vip)));
        let sources_v4 = self.sources_v4.held.iter().filter_map(|(rule, verdict)| {
            let net = Ipv4Net::new(rule.client.into(), client_bits(rule.prefix_len)?).ok()?;
            Some((u32::from_be_bytes(rule.service), net.into(), *verdict))
        });
        let sources_v6 = self.sources_v6.held.iter().filter_map(|(rule, verdict)| {
            let net = Ipv6Net::new(rule.client.into(), client_bits(rule.prefix_len)?).ok()?;
            Some((u32::from_be_bytes(rule.service), net.into(), *verdict))
        });
        let sources = sources_v4.chain(sources_v6);
        let quic_ids = self.quic_ids.held.iter();
        Ok(Lookups {
            settings: settings.unwrap_or_default(),
            vips: vips_v4
                .chain(vips_v6)
                .map(|(address, value)| (address, value & WILDCARD != 0))
                .collect(),
            replies: replies_v4.chain(replies_v6).collect(),
            sources: sources
                .map(|(service, net, verdict): (u32, IpNet, u32)| {
                    ((service, net), verdict == ALLOW)
                })
                .collect(),
            quic_ids: quic_ids.map(|(id, index)| (*id, *index as Index)).collect(),
        })
    }

    /// Adds what is missing. The settings come last: they say what there is to look for.
    pub(super) fn add(&mut self, lookups: &Lookups) -> Result<(), Error> {
        let wanted = Wanted::new(lookups);
        if let Err(error) = self.try_add(&wanted) {
            // Old and new together may be too many for a map that holds the new alone.
            if !matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::E2BIG)) {
                return Err(Error::map_call("write what is looked up")(error));
            }
            self.prune(lookups)?;
            self.try_add(&wanted)
                .map_err(Error::map_call("write what is looked up"))?;
        }
        self.write(lookups.settings)
            .map_err(Error::map_call("write the settings"))
    }

    /// Addresses of the pool come before what says how many there are: see [`Settings`].
    fn write(&mut self, settings: Settings) -> io::Result<()> {
        let now = self.settings.get(&0)?.unwrap_or_default();
        let addresses = Settings {
            pool_v4: settings.pool_v4,
            pool_v6: settings.pool_v6,
            ..now
        };
        if addresses != now {
            self.settings.set(&0, addresses)?;
        }
        self.settings.set(&0, settings)
    }

    fn try_add(&mut self, wanted: &Wanted) -> io::Result<()> {
        self.vips_v4.add(&wanted.vips_v4)?;
        self.vips_v6.add(&wanted.vips_v6)?;
        self.replies_v4.add(&wanted.replies_v4)?;
        self.replies_v6.add(&wanted.replies_v6)?;
        self.sources_v4.add(&wanted.sources_v4)?;
        self.sources_v6.add(&wanted.sources_v6)?;
        self.quic_ids.add(&wanted.quic_ids)
    }

    /// Removes what is not wanted.
    pub(super) fn prune(&mut self, lookups: &Lookups) -> Result<(), Error> {
        let wanted = Wanted::new(lookups);
        self.vips_v4
            .prune(&wanted.vips_v4)
            .and_then(|()| self.vips_v6.prune(&wanted.vips_v6))
            .and_then(|()| self.replies_v4.prune(&wanted.replies_v4))
            .and_then(|()| self.replies_v6.prune(&wanted.replies_v6))
            .and_then(|()| self.sources_v4.prune(&wanted.sources_v4))
            .and_then(|()| self.sources_v6.prune(&wanted.sources_v6))
            .and_then(|()| self.quic_ids.prune(&wanted.quic_ids))
            .map_err(Error::map_call("remove what is looked up no longer"))
    }
}

/// A map and what it holds.
#[derive(Debug)]
struct Held<K, V> {
    map: Map<K, V>,
    held: BTreeMap<K, V>,
}

impl<K: Pod + Default + Ord, V: Pod + Default + PartialEq> Held<K, V> {
    fn open(directory: &Path, name: &str) -> Result<Self, Error> {
        let map: Map<K, V> = Map::open(directory, name)?;
        let held = map.read_all();
        let held = held.map_err(Error::map_call(format!("read {name}")))?;
        Ok(Self { map, held })
    }

    fn add(&mut self, wanted: &BTreeMap<K, V>) -> io::Result<()> {
        for (key, value) in wanted {
            if self.held.get(key) != Some(value) {
                self.map.set(key, *value)?;
                self.held.insert(*key, *value);
            }
        }
        Ok(())
    }

    fn prune(&mut self, wanted: &BTreeMap<K, V>) -> io::Result<()> {
        let surplus = self.held.keys().filter(|key| !wanted.contains_key(key));
        for key in surplus.copied().collect::<Vec<_>>() {
            self.map.delete(&key)?;
            self.held.remove(&key);
        }
        Ok(())
    }
}

/// [`Lookups`] as the maps have it.
#[derive(Default)]
struct Wanted {
    vips_v4: BTreeMap<[u8; 4], u32>,
    vips_v6: BTreeMap<[u8; 16], u32>,
    replies_v4: BTreeMap<Vip4, Vip4>,
    replies_v6: BTreeMap<Vip6, Vip6>,
    sources_v4: BTreeMap<Source4, u32>,
    sources_v6: BTreeMap<Source6, u32>,
    quic_ids: BTreeMap<ServerId, u32>,
}

impl Wanted {
    fn new(lookups: &Lookups) -> Self {
        let mut wanted = Self::default();
        for (address, any_port) in &lookups.vips {
            let value = if *any_port { WILDCARD } else { 0 };
            match address {
                IpAddr::V4(v4) => wanted.vips_v4.insert(v4.octets(), value),
                IpAddr::V6(v6) => wanted.vips_v6.insert(v6.octets(), value),
            };
        }
        for (member, vip) in &lookups.replies {
            match (*member, *vip) {
                (Vip::V4(member), Vip::V4(vip)) => {
                    wanted.replies_v4.insert(member, vip);
                }
                (Vip::V6(member), Vip::V6(vip)) => {
                    wanted.replies_v6.insert(member, vip);
                }
                // Nothing translates from one family to the other.
                (Vip::V4(_), Vip::V6(_)) | (Vip::V6(_), Vip::V4(_)) => {}
            }
        }
        for ((service, net), allowed) in &lookups.sources {
            wanted.add_rule(*service, net, if *allowed { ALLOW } else { DENY });
        }
        let quic_ids = lookups.quic_ids.iter();
        wanted.quic_ids = quic_ids.map(|(id, index)| (*id, (*index).into())).collect();
        wanted
    }

    fn add_rule(&mut self, service: u32, net: &IpNet, verdict: u32) {
        let prefix_len = SERVICE_BITS + u32::from(net.prefix_len());
        let service = service.to_be_bytes();
        match net {
            IpNet::V4(net) => self.sources_v4.insert(
                Source4 {
                    prefix_len,
                    service,
                    client: net.network().octets(),
                },
                verdict,
            ),
            IpNet::V6(net) => self.sources_v6.insert(
                Source6 {
                    prefix_len,
                    service,
                    client: net.network().octets(),
                },
                verdict,
            ),
        };
    }
}

/// Bits of a rule's prefix that are the client's.
fn client_bits(prefix_len: u32) -> Option<u8> {
    u8::try_from(prefix_len.checked_sub(SERVICE_BITS)?).ok()
}
