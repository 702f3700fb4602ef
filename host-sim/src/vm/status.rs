//! What a host call answers.

/// proxy-wasm ABI v0.2.1, `proxy_result_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// An argument is wrong.
    BadArgument = 2,
    /// A value has no serialized form.
    SerializationFailure = 3,
    /// A pointer leads outside of the memory.
    InvalidMemoryAccess = 6,
    /// There is nothing in it.
    Empty = 7,
    /// Somebody else was faster.
    CasMismatch = 8,
    /// The host failed.
    InternalFailure = 10,
    /// The host has no such function.
    Unimplemented = 12,
}

impl From<Status> for i32 {
    fn from(status: Status) -> Self {
        status as Self
    }
}
