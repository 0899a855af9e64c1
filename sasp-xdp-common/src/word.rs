//! Loads and stores of whole words in byte arrays, in memory order (no byte swap).
//!
//! Headers are byte arrays, so that a reference to one is never misaligned. LLVM's BPF backend then splits every load
//! into bytes, shifts and ors. The kernel's x86 and arm64 verifiers accept unaligned packet access, so on the BPF
//! target one instruction, written as such, does it.

macro_rules! words {
    ($($load:ident $store:ident $int:ty, $insn:literal, $bytes:literal;)*) => {
        $(
            #[doc = concat!("The ", stringify!($int), " at offset `AT`, in memory order.")]
            #[inline(always)]
            pub fn $load<const AT: usize, const N: usize>(bytes: &[u8; N]) -> $int {
                const { assert!(AT + $bytes <= N) };
                #[cfg(not(target_arch = "bpf"))]
                {
                    let mut word = [0; $bytes];
                    word.copy_from_slice(&bytes[AT..AT + $bytes]);
                    <$int>::from_ne_bytes(word)
                }
                #[cfg(target_arch = "bpf")]
                {
                    let word: u64;
                    // SAFETY: `AT + size` is within the array by the assertion above, and the array is readable.
                    unsafe {
                        core::arch::asm!(
                            concat!("{word} = *(", $insn, " *)({base} + {at})"),
                            word = out(reg) word,
                            base = in(reg) bytes.as_ptr(),
                            at = const AT,
                            options(pure, readonly, nostack, preserves_flags),
                        );
                    }
                    word as $int
                }
            }

            #[doc = concat!("Stores a ", stringify!($int), " at offset `AT`, in memory order.")]
            #[inline(always)]
            pub fn $store<const AT: usize, const N: usize>(bytes: &mut [u8; N], word: $int) {
                const { assert!(AT + $bytes <= N) };
                #[cfg(not(target_arch = "bpf"))]
                bytes[AT..AT + $bytes].copy_from_slice(&word.to_ne_bytes());
                #[cfg(target_arch = "bpf")]
                // SAFETY: `AT + size` is within the array by the assertion above, and the array is ours to write.
                unsafe {
                    core::arch::asm!(
                        concat!("*(", $insn, " *)({base} + {at}) = {word}"),
                        word = in(reg) word as u64,
                        base = in(reg) bytes.as_mut_ptr(),
                        at = const AT,
                        options(nostack, preserves_flags),
                    );
                }
            }
        )*
    };
}

words! {
    load_u16 store_u16 u16, "u16", 2;
    load_u32 store_u32 u32, "u32", 4;
    load_u64 store_u64 u64, "u64", 8;
}
