//! One test binary for everything that goes through more than one module.

#[cfg(test)]
mod deliver;
#[cfg(test)]
mod kit;
