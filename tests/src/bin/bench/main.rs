//! `cargo xtask bench`: what a packet, a table and a message cost. Prints, never asserts: absolute times are noisy, so
//! each stands beside its ratio to a reference measured in the same minute.

mod packets;

fn main() -> anyhow::Result<()> {
    packets::run()?;
    Ok(())
}
