//! What tests share: stand-ins for the platforms, temporary folders, the real binary.

pub(crate) mod binary;
pub(crate) mod feed;
pub(crate) mod story;
