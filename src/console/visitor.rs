use std::net::IpAddr;

/// Who sends a request; every request carries it.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    /// The client's address; behind a trusted proxy the one that it forwards for.
    pub address: IpAddr,
    /// Every place is taken: only the health is told.
    pub is_without_place: bool,
}
