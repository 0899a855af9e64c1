//! Running the program once on a frame that never was on a wire.

use aya::Ebpf;
use aya::programs::{ProgramError, TestRun, Xdp};
use aya::{TestRunAttrs, TestRunOptions};
use sasp_xdp_common::abi::names;

use super::error::{Error, chain};

/// What the program made of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// The XDP action, as the kernel numbers them.
    pub action: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
}

/// Bytes that the frame may grow by.
const ROOM: usize = 256;

/// `struct xdp_md` as `BPF_PROG_TEST_RUN` takes it: 0 data, 4 data_end, 8 data_meta, 12 ingress_ifindex,
/// 16 rx_queue_index, 20 egress_ifindex.
const XDP_MD: usize = 24;

pub(super) fn run(object: &Ebpf, ingress: u32, frame: &[u8]) -> Result<Ran, Error> {
    let failed = |error: ProgramError| Error::Run(chain(&error));
    let program: &Xdp = object
        .program(names::PROGRAM)
        .ok_or_else(|| Error::Run("it is not in the object".to_owned()))?
        .try_into()
        .map_err(failed)?;
    let mut context = [0_u8; XDP_MD];
    context[4..8].copy_from_slice(&(frame.len() as u32).to_ne_bytes());
    context[12..16].copy_from_slice(&ingress.to_ne_bytes());
    let mut out = vec![0; frame.len() + ROOM];
    let result = program
        .test_run(TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: Some(&context),
            ctx_out: None,
            repeat: 1,
            attrs: TestRunAttrs::new(),
        })
        .map_err(failed)?;
    out.truncate(result.data_size_out as usize);
    Ok(Ran {
        action: result.return_value,
        frame: out,
    })
}
