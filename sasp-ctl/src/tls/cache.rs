//! Something made from files, and made anew when they say something else. What cannot be used changes nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Material, TlsError};

/// The last good configuration.
pub(super) struct Cache<C> {
    state: Mutex<State<C>>,
}

struct State<C> {
    material: Material,
    config: Arc<C>,
    /// What was last wrong, so that it is said once.
    complaint: Option<TlsError>,
}

/// What a second look at the files found.
#[derive(Debug)]
pub(crate) enum Refreshed {
    /// Nothing that is news.
    Nothing,
    /// Other files, in force from now on; with what deserves a word about them.
    Renewed(Vec<String>),
    /// Other files that are of no use: the former ones stay in force.
    Refused(TlsError),
}

impl<C> Cache<C> {
    pub(super) fn new(material: Material, config: C) -> Self {
        Self {
            state: Mutex::new(State {
                material,
                config: Arc::new(config),
                complaint: None,
            }),
        }
    }

    pub(super) fn current(&self) -> Arc<C> {
        Arc::clone(&self.lock().config)
    }

    /// Looks at the files again.
    pub(super) fn refresh(
        &self,
        read: impl FnOnce() -> Result<Material, TlsError>,
        build: impl FnOnce(&Material) -> Result<C, TlsError>,
    ) -> Refreshed {
        let read = read();
        let mut state = self.lock();
        let built = read.and_then(|material| match material == state.material {
            true => Ok(None),
            false => build(&material).map(|config| Some((material, config))),
        });
        match built {
            Ok(None) => {
                state.complaint = None;
                Refreshed::Nothing
            }
            Ok(Some((material, config))) => {
                let warnings = material.warnings();
                *state = State {
                    material,
                    config: Arc::new(config),
                    complaint: None,
                };
                Refreshed::Renewed(warnings)
            }
            Err(error) if state.complaint.as_ref() == Some(&error) => Refreshed::Nothing,
            Err(error) => {
                state.complaint = Some(error.clone());
                Refreshed::Refused(error)
            }
        }
    }

    /// A state is replaced whole, so a poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refreshed {
    /// Puts it into the log; `whose` says which side's files these are.
    pub(super) fn log(self, whose: &str) {
        match self {
            Self::Nothing => {}
            Self::Renewed(warnings) => {
                tracing::info!("new TLS files of {whose} in force for the next connection");
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
            }
            Self::Refused(error) => {
                tracing::error!(
                    "TLS files of {whose} not taken, the former stay in force: {error}"
                );
            }
        }
    }
}
