//! `birdcall completions`: what a shell needs to complete our arguments.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{End, say};

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For example:
  birdcall completions bash > ~/.local/share/bash-completion/completions/birdcall
  birdcall completions zsh  > \"${fpath[1]}/_birdcall\"
  birdcall completions fish > ~/.config/fish/completions/birdcall.fish")]
pub(super) struct Arguments {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> End {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "birdcall", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
    End::Fine
}
