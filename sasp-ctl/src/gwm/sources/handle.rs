//! The engine as all tasks share it, tied to the state machine: what changes in the one is said by the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::engine::{Engine, JobChange};
use super::status::Note;
use crate::gwm::config::Config;
use crate::gwm::hub::Hub;
use crate::sasp::gwm::{Reassessed, WeightChange};

/// The shared engine.
pub(in crate::gwm) struct Sources {
    engine: Mutex<Engine>,
    hub: Arc<Hub>,
    /// There may be jobs to start or stop, or something to log.
    work: Notify,
}

impl Sources {
    pub(in crate::gwm) fn new(hub: Arc<Hub>, config: &Config) -> Self {
        let sources = Self {
            engine: Mutex::new(Engine::default()),
            hub,
            work: Notify::new(),
        };
        sources.change(|engine, now| engine.set_rules(config.rules.clone(), now));
        sources
    }

    /// The state machine that is told.
    pub(in crate::gwm) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Changes the engine, and says at once what has changed by that.
    pub(in crate::gwm) fn change(
        &self,
        act: impl FnOnce(&mut Engine, Instant) -> Vec<WeightChange>,
    ) -> Reassessed {
        let mut engine = self.engine();
        let changes = act(&mut engine, Instant::now());
        // Still locked: of two changes of a member, the later one must be said last.
        let effect = match changes.is_empty() {
            true => Reassessed::default(),
            false => self.hub.with(|gwm, _| gwm.update_weights(&changes)),
        };
        drop(engine);
        self.work.notify_one();
        effect
    }

    /// Puts a new configuration into force, in the state machine too.
    pub(in crate::gwm) fn reconfigure(&self, config: &Config) -> Reassessed {
        let mut engine = self.engine();
        // What has changed is part of the policy, which is replaced as a whole.
        engine.set_rules(config.rules.clone(), Instant::now());
        let mut config = config.clone();
        config.policy.weights = engine.weights();
        let effect = self.hub.reconfigure(&config);
        let groups = engine.watched_groups();
        drop(engine);
        // A group may be watched that nobody asked about before.
        if !groups.is_empty() {
            self.hub.registrations_changed().notify_one();
        }
        self.work.notify_one();
        effect
    }

    /// Looks who is registered now.
    pub(in crate::gwm) fn look_who_is_registered(&self) -> Reassessed {
        self.change(|engine, now| {
            let registrations = self.hub.registered_in(&engine.watched_groups());
            engine.set_registered(registrations, now)
        })
    }

    /// The engine, for looking at it. Whoever holds it keeps all weights from changing, so not for long.
    pub(in crate::gwm) fn engine(&self) -> MutexGuard<'_, Engine> {
        // Its promises hold between any two changes, so a poisoned lock is used on.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll_job(&self) -> Option<JobChange> {
        self.engine().poll_job()
    }

    pub(super) fn poll_note(&self) -> Option<Note> {
        self.engine().poll_note()
    }

    /// Waits until there may be jobs or notes.
    pub(super) async fn has_work(&self) {
        self.work.notified().await;
    }

    /// Waits until somebody may have been registered or deregistered.
    pub(super) async fn registrations_changed(&self) {
        self.hub.registrations_changed().notified().await;
    }
}
