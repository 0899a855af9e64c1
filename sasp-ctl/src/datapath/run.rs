//! Running the program once on a frame that never was on a wire.

use aya::programs::{ProgramError, TestRun};
use aya::{TestRunAttrs, TestRunOptions};

use super::error::{Error, chain};
use super::object::Object;

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

pub(super) fn run(object: &Object, ingress: u32, frame: &[u8]) -> Result<Ran, Error> {
    let failed = |error: ProgramError| Error::Run(chain(&error));
    let program = object
        .best()
        .ok_or_else(|| Error::Run("it is not in the object".to_owned()))?;
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
