//! `completions` and `man`: what shells and readers of manuals want.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Command, out};

pub fn completions(shell: Shell) -> anyhow::Result<()> {
    // Its generators panic where they can't write: whoever reads may have seen enough.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "media-gateway", &mut text);
    Ok(out::write(&text)?)
}

pub fn man() -> anyhow::Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Command::command()).render(&mut text)?;
    Ok(out::write(&text)?)
}
