//! No package index is named in the project: whoever builds it uses their own, which may be a mirror.

use super::{File, Finding};

/// Hosts of package indexes. Written in pieces, so that this file passes its own rule.
const HOSTS: [&str; 9] = [
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("crates.io", "-index"),
    concat!("pypi", ".org"),
    concat!("files.python", "hosted.org"),
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("proxy.golang", ".org"),
    concat!("deb.debian", ".org"),
];
/// Settings that lead a client to an index of its own.
const SETTINGS: [&str; 6] = [
    concat!("--index", "-url"),
    concat!("--extra-index", "-url"),
    concat!("--find", "-links"),
    concat!("--trusted", "-host"),
    concat!("--regis", "try="),
    concat!("replace", "-with"),
];

/// Checks one file. What Cargo itself writes into a lock file is its own business.
pub fn check(file: &File) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if name == "Cargo.lock" {
        return Vec::new();
    }
    let npm = ["package-lock.json", "npm-shrinkwrap.json"].contains(&name);
    let resolved = |line: &str| npm && line.contains("\"resolved\"") && line.contains("://");
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if let Some(word) = HOSTS.iter().chain(&SETTINGS).find(|word| line.contains(**word)) {
            let instead = "leave it out: the ordinary client knows its index";
            findings.push(Finding::new(&file.path, index + 1, format!("a package index is named ({word})"), instead));
        } else if resolved(line) {
            let instead = "set omit-lockfile-registry-resolved=true in .npmrc and write the lock file again";
            findings.push(Finding::new(
                &file.path,
                index + 1,
                "the lock file names where a package came from",
                instead,
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&File { path: path.into(), text: text.into(), test: false }).len()
    }

    #[rstest]
    #[case("README.md", concat!("see https://pypi", ".org/simple"))]
    #[case("requirements.txt", concat!("--index", "-url https://mirror.example/simple"))]
    #[case("web/package-lock.json", "  \"resolved\": \"https://mirror.example/a.tgz\",")]
    #[case(".cargo/config.toml", concat!("replace", "-with = \"mirror\""))]
    fn an_index_goes_red(#[case] path: &str, #[case] text: &str) {
        assert_eq!(found(path, &format!("first line\n{text}\n")), 1);
    }

    #[rstest]
    #[case("Cargo.lock", concat!("source = \"registry+https://github.com/rust-lang/crates.io", "-index\""))]
    #[case("web/package-lock.json", "  \"resolved\": \"packages/a\",")]
    #[case("README.md", "pip download, through whatever index you use")]
    fn the_rest_stays_green(#[case] path: &str, #[case] text: &str) {
        assert_eq!(found(path, text), 0);
    }
}
