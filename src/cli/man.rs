//! `birdcall man`: our pages of the manual, out of the same words as `--help`.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::{End, complain, say};

/// Print the page of the manual, or write one for each command into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For example:
  birdcall man | man -l -
  birdcall man ~/.local/share/man/man1")]
pub(super) struct Arguments {
    /// A folder to write all pages into; it is made if it is not there
    folder: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> End {
    match &arguments.folder {
        None => {
            let mut page = Vec::new();
            // Writing to memory does not fail.
            let _ = Man::new(super::Arguments::command()).render(&mut page);
            say(String::from_utf8_lossy(&page).trim_end());
            End::Fine
        }
        Some(folder) => match pages(folder) {
            Ok(count) => {
                say(format_args!("{count} pages are in {}", folder.display()));
                End::Fine
            }
            Err(error) => {
                complain(format_args!("{} cannot be written to: {error}", folder.display()));
                End::CannotStart
            }
        },
    }
}

/// `birdcall.1`, and one for each command; how many.
fn pages(folder: &Path) -> std::io::Result<usize> {
    let command = super::Arguments::command();
    std::fs::create_dir_all(folder)?;
    let count = 1 + command.get_subcommands().count();
    clap_mangen::generate_to(command, folder)?;
    Ok(count)
}
