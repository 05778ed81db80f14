//! The README against the program: its commands, settings and addresses are ones that there are, and `make` names what is
//! missing. (Its `curl` lines are run in `demo.rs`.)

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{app::Setup, fixtures};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A file of the data folder, and no setting, though it looks like one.
const FILES: [&str; 1] = ["auth.key"];

/// What the README has in backticks, and the lines of its blocks of shell.
fn code() -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (mut found, mut prose, mut fence) = (Vec::new(), String::new(), None);
    for line in text.lines() {
        match (line.strip_prefix("```"), fence) {
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) => fence = Some(language),
            (None, Some("sh")) => found.push(line.split("   #").next().unwrap().trim().to_owned()),
            (None, Some(_)) => {}
            (None, None) => prose.extend([line, " "]),
        }
    }
    found.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    assert!(found.len() > 80, "{found:?}");
    found
}

fn printed(args: &[&str]) -> String {
    let output = Setup::new().run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_commands_of_the_readme_are_those_of_the_program() {
    let help = printed(&["--help"]);
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs: BTreeSet<_> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    let mut run = 0;
    for line in code() {
        let words: Vec<_> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
        let args = match words.as_slice() {
            ["media-gateway", args @ ..] if !args.is_empty() => args,
            // A verb alone may be a word like any other: `auth` is a role too; and `export` a word of the shell.
            all @ [verb, _, ..] if verbs.contains(verb) && !line.contains('=') => all,
            _ => continue,
        };
        // Whatever stands before it is looked at first.
        printed(&[args, &["--help"]].concat());
        run += 1;
    }
    assert!(run >= 20, "{run} commands");
    assert!(!Setup::new().run(&["serve", "--role", "auth", "--help"]).status.success(), "a flag that there is not");
}

#[test]
fn the_settings_of_the_readme_are_those_of_the_program() {
    let shown: Value = serde_json::from_str(&printed(&["config", "show", "--origin", "--json"])).unwrap();
    let shown = shown.as_object().unwrap();
    let variables: BTreeSet<_> = shown.values().filter_map(|one| one["variable"].as_str()).collect();
    let sections: BTreeSet<_> = shown.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    let (mut keys, mut named) = (0, 0);
    for line in code() {
        let word = |c: char| c.is_ascii_uppercase() || c == '_';
        for at in line.match_indices("MEDIA_GATEWAY_").map(|(at, _)| at) {
            let variable = line[at..].split(|c| !word(c)).next().unwrap();
            // `MEDIA_GATEWAY_…` stands for all of them.
            if variable != "MEDIA_GATEWAY_" {
                assert!(variables.contains(variable), "{variable} is no setting's variable");
                named += 1;
            }
        }
        let Some((section, _)) = line.split_once('.').filter(|(section, _)| sections.contains(section)) else {
            continue;
        };
        if line.contains(' ') || FILES.contains(&line.as_str()) {
            continue;
        }
        let below = format!("{}.", line.trim_end_matches(".*"));
        let known = shown.keys().any(|key| *key == line || key.starts_with(&below));
        assert!(known, "{line} is no setting of {section}");
        keys += 1;
    }
    assert!(keys >= 15 && named >= 2, "{keys} settings, {named} variables");
}

#[test]
fn the_addresses_of_the_readme_are_those_of_the_program() {
    let document: Value = serde_json::from_str(&printed(&["openapi"])).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    let mut asked = 0;
    for line in code() {
        let Some(address) = line.split_whitespace().find(|word| word.starts_with("/api/")) else { continue };
        let address = address.split(['?', '\'']).next().unwrap().trim_end_matches("NAME");
        assert!(paths.iter().any(|path| path.starts_with(address)), "nothing answers at {address}");
        asked += 1;
    }
    assert!(asked >= 5, "{asked} addresses");
}

/// The only block of the README in this language.
fn block(language: &str) -> String {
    let text = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let open = format!("```{language}\n");
    let mut blocks = text.split(open.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap());
    let only = blocks.next().unwrap().to_owned();
    assert_eq!(blocks.next(), None, "another block of {language}: say which is meant");
    only
}

#[test]
fn the_mapping_of_the_readme_takes_its_file_in_whole() {
    let commands = code();
    let command = commands.iter().find(|line| line.starts_with("media-gateway ingest") && line.contains(".toml"));
    let words: Vec<_> = command.unwrap().split_whitespace().collect();
    let ["media-gateway", "ingest", file, "--mapping", mapping] = words[..] else { panic!("{words:?}") };
    let (dir, rows) = (tempfile::tempdir().unwrap(), block("csv"));
    let file = fixtures::write(dir.path(), file, rows.as_bytes());
    let mapping = fixtures::write(dir.path(), mapping, block("toml").as_bytes());
    let setup = Setup::new();
    let run = |args: &[&str]| {
        let output = setup.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told: Value = serde_json::from_str(&run(&["ingest", &file, "--mapping", &mapping, "--json"])).unwrap();
    let titles = rows.lines().count() - 1;
    assert_eq!((told["created"].as_u64(), told["rejected"].as_u64()), (Some(titles as u64), Some(0)), "{told}");
    let known = run(&["export"]);
    for row in rows.lines().skip(1) {
        let whole = |title: &&str| row.split(',').all(|value| title.contains(value));
        assert_eq!(known.lines().filter(whole).count(), 1, "{row}: {known}");
    }
    assert!(titles >= 2, "{rows}");
}

/// Where a program is that the tests are run with.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap()
}

/// A program that ends with this status.
fn tool(folder: &Path, name: &str, status: u8) {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\nexit {status}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn make_names_what_is_missing() {
    let tools = tempfile::tempdir().unwrap();
    let fails = |target: &str, words: &str| {
        let mut make = Command::new(program("make"));
        make.args(["--no-print-directory", "-C", ROOT, target]).env_clear();
        let output = make.env("PATH", tools.path()).env("HOME", tools.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(words), "{target}: {said}");
    };
    fails("demo", "Rust is missing");
    tool(tools.path(), "cargo", 1);
    fails("demo", "A C compiler is missing");
    tool(tools.path(), "cc", 0);
    fails("demo", "Python 3 is missing");
    tool(tools.path(), "python3", 1);
    fails("demo", "pip is missing: install it, on Debian or Ubuntu: apt-get install python3-pip");
    tool(tools.path(), "python3", 0);
    fails("demo", "Node is missing: install it (20.19 or newer)");
}

#[test]
fn make_builds_and_starts_the_demo_and_the_gate_is_what_a_person_runs() {
    let steps = |target: &str| -> Vec<String> {
        let output = Command::new("make").args(["--dry-run", "-C", ROOT, target]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let place = |words: &str| steps("demo").iter().position(|step| step == words).unwrap_or_else(|| panic!("{words}"));
    let build = place("cargo build --release --locked --package media-gateway");
    // The app is built into the binary.
    assert!(place("cargo xtask web") < build && build < place("./target/release/media-gateway demo"));
    assert!(steps("test").iter().any(|step| step == "cargo xtask test"));
    let gate = fs::read_to_string(Path::new(ROOT).join(".ci/run")).unwrap();
    assert_eq!(gate.lines().last(), Some("exec make test"));
}
