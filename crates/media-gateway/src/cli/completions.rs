//! `completions` and `man`: what shells and readers of manuals want.

use std::io::stdout;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Command;

pub fn completions(shell: Shell) -> anyhow::Result<()> {
    clap_complete::generate(shell, &mut Command::command(), "media-gateway", &mut stdout());
    Ok(())
}

pub fn man() -> anyhow::Result<()> {
    clap_mangen::Man::new(Command::command()).render(&mut stdout())?;
    Ok(())
}
