//! `cargo xtask demo`: a whole site in network namespaces, real HTTP, weights that change, members that go and come,
//! and what becomes of the connections, live in the terminal.
//!
//! * `stage`: what is built. `script`: what happens to it.
//! * `show`: watches and waits. `board`, `screen`: what is shown, and how.
//! * `interrupt`: Ctrl-C.

mod board;
mod interrupt;
mod screen;
mod script;
mod show;
mod stage;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::interrupt::Interrupted;
use crate::screen::Screen;
use crate::show::Show;

/// Balances real HTTP in network namespaces, changes weights, quiesces, kills and revives a member
#[derive(Parser, Debug)]
#[command(name = "cargo xtask demo --")]
struct Args {
    /// Run once, then leave; fail if the shares are not as asked
    #[arg(long)]
    once: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Everything that was built is owned by `run` and gone when it returns, whatever the reason.
    match run(&args) {
        Ok(wrong) if wrong.is_empty() => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("demo: {}", wrong.join("; "));
            ExitCode::FAILURE
        }
        Err(error) if error.is::<Interrupted>() => {
            println!("\nStopped. Namespaces, processes, pins and interfaces are gone.");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the script; gives what went otherwise than it should.
fn run(args: &Args) -> Result<Vec<String>> {
    interrupt::listen()?;
    let mut show = Show::begin(Screen::new(), script::EQUAL)?;
    if !args.once {
        show.invite()?;
    }
    loop {
        show.play(if args.once {
            script::SHORT
        } else {
            script::LONG
        })?;
        if args.once {
            return show.end();
        }
    }
}
