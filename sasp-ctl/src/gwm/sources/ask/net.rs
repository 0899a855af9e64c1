//! Connections to members, and what their failures say: something about the member, or about ourselves.

use std::io;
use std::net::SocketAddr;

use nix::errno::Errno;
use tokio::net::TcpStream;

/// Why a member could not be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// The member's, or the way to it.
    Theirs(String),
    /// This host's: says nothing of the member.
    Ours(String),
}

impl Failure {
    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Theirs(why) | Self::Ours(why) => why,
        }
    }
}

/// Connects; says who is to blame if it does not work.
pub(super) async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    TcpStream::connect(address).await.map_err(|error| {
        let why = format!("cannot connect to {address}: {error}");
        match is_ours(&error) {
            true => Failure::Ours(why),
            false => Failure::Theirs(why),
        }
    })
}

/// The system has no descriptor, port or memory left, or does not let us.
fn is_ours(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(
            Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOBUFS
                | Errno::ENOMEM
                | Errno::EADDRNOTAVAIL
                | Errno::EADDRINUSE
                | Errno::EACCES
                | Errno::EPERM
                | Errno::EAFNOSUPPORT
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_not_blamed_for_what_this_host_lacks() {
        for (errno, ours) in [
            (Errno::EMFILE, true),
            (Errno::EADDRNOTAVAIL, true),
            (Errno::ECONNREFUSED, false),
            (Errno::EHOSTUNREACH, false),
            (Errno::ENETUNREACH, false),
            (Errno::ETIMEDOUT, false),
        ] {
            assert_eq!(is_ours(&io::Error::from(errno)), ours, "{errno}");
        }
    }
}
