//! birdcall
fn main() {}
