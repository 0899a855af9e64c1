//! What the maps make of packets.
