//! All of `balance` at work: with the packet pipeline, on the host's maps.

mod adopt;
mod config;
mod forward;
mod frames;
mod give_way;
mod life;
mod lookups;
mod noise;
mod promise;
mod registered;
mod world;
