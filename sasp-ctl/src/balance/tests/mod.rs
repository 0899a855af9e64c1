//! All of `balance` at work: with the packet pipeline, on the host's maps.

mod frames;
mod life;
mod promise;
mod world;
