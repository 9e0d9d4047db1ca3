//! `birdcall check` as people and programs meet it, and `birdcall schema`.

mod connect;
mod formats;
mod law;
mod lists;
mod pages;
mod schema;

const GOOD: &str = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";
