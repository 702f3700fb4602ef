//! `palisade render`: `PeerAuthentication` by table, and the command line.

mod command;
mod peer_authentication;
