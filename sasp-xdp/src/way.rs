//! The kernel's own way for a translated reply: one look into its routes and neighbours. Packets to members never need
//! it, their next hops stand in the backends' records.

use aya_ebpf::bindings::{
    BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_NEIGH, BPF_FIB_LKUP_RET_NOT_FWDED,
    BPF_FIB_LKUP_RET_SUCCESS, bpf_fib_lookup as Lookup,
};
use aya_ebpf::helpers::bpf_fib_lookup;
use aya_ebpf::programs::XdpContext;
use sasp_xdp_common::family::{V4, V6};
use sasp_xdp_common::maps::{Question, WAY_FOUND, WAY_LOCAL, WAY_NONE, WAY_UNRESOLVED, Way};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// For IPv4. A function of its own: what the helper is asked with is large for the caller's stack.
#[inline(never)]
pub(crate) fn v4(ctx: &XdpContext, question: &Question<V4>) -> Way {
    let mut lookup = lookup(
        AF_INET,
        question.protocol,
        question.length,
        question.ingress,
    );
    lookup.__bindgen_anon_2.tos = question.tos;
    lookup.__bindgen_anon_3.ipv4_src = u32::from_ne_bytes(question.source);
    lookup.__bindgen_anon_4.ipv4_dst = u32::from_ne_bytes(question.destination);
    ask(ctx, &mut lookup)
}

/// For IPv6.
#[inline(never)]
pub(crate) fn v6(ctx: &XdpContext, question: &Question<V6>) -> Way {
    let mut lookup = lookup(
        AF_INET6,
        question.protocol,
        question.length,
        question.ingress,
    );
    lookup.__bindgen_anon_3.ipv6_src = words(&question.source);
    lookup.__bindgen_anon_4.ipv6_dst = words(&question.destination);
    ask(ctx, &mut lookup)
}

#[inline(always)]
fn words(address: &[u8; 16]) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *address;
    [
        u32::from_ne_bytes([a, b, c, d]),
        u32::from_ne_bytes([e, f, g, h]),
        u32::from_ne_bytes([i, j, k, l]),
        u32::from_ne_bytes([m, n, o, p]),
    ]
}

#[inline(always)]
fn lookup(family: u8, protocol: u8, length: u16, ingress: u32) -> Lookup {
    // SAFETY: integers and byte arrays, for which zero is a value.
    let mut lookup: Lookup = unsafe { core::mem::zeroed() };
    lookup.family = family;
    lookup.l4_protocol = protocol;
    lookup.__bindgen_anon_1.tot_len = length;
    lookup.ifindex = ingress;
    lookup
}

#[inline(always)]
fn ask(ctx: &XdpContext, lookup: &mut Lookup) -> Way {
    // SAFETY: the context is the program's own, and the kernel is told how large the question is.
    let answer = unsafe { bpf_fib_lookup(ctx.ctx.cast(), lookup, size_of::<Lookup>() as i32, 0) };
    let mut macs = [0; 12];
    macs[..6].copy_from_slice(&lookup.dmac);
    macs[6..].copy_from_slice(&lookup.smac);
    let answer = match answer as u32 {
        BPF_FIB_LKUP_RET_SUCCESS => WAY_FOUND,
        BPF_FIB_LKUP_RET_NO_NEIGH => WAY_UNRESOLVED,
        // No unicast route (an address of the host, or none at all), or a smaller MTU, of which the stack tells the
        // member.
        BPF_FIB_LKUP_RET_NOT_FWDED | BPF_FIB_LKUP_RET_FRAG_NEEDED => WAY_LOCAL,
        _ => WAY_NONE,
    };
    Way {
        answer,
        ifindex: lookup.ifindex,
        macs,
    }
}
