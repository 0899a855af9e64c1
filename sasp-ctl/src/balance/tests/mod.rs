//! All of `balance` at work: with the packet pipeline, on the host's maps.

mod adopt;
mod config;
mod forward;
mod frames;
mod life;
mod lookups;
mod noise;
mod promise;
mod registered;
mod world;
