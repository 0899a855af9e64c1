//! Tells systemd (`Type=notify`) how we are. Without systemd all of this does nothing.

use sd_notify::NotifyState;

/// The GWM knows all that it can know now: the rest waits for a balancer, the GWM or the first check.
pub(super) fn ready() {
    send(NotifyState::Ready);
}

/// One line for `systemctl status`.
pub(super) fn status(line: &str) {
    send(NotifyState::Status(line));
}

/// We are about to end.
pub(super) fn stopping() {
    send(NotifyState::Stopping);
}

fn send(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("cannot notify systemd: {error}");
    }
}
