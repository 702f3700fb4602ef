//! The module that Envoy loads: the library, linked as a program so that link-time optimization
//! sees all of it. Its exports are those of `shell`; there is nothing to run.

use palisade_filter as _;

fn main() {}
