//! Conventions are tests: which crate may know which, what the pure ones must not touch, and how long a file may be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file that is longer wants to be two.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crates under `[dependencies]` of a crate, and under `[dev-dependencies]` where these are asked for.
fn dependencies(krate: &str, with_dev: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut counts = false;
    for line in read(&root().join(krate).join("Cargo.toml")).lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let is_dev = section.starts_with("dev-dependencies") || section.ends_with(".dev-dependencies");
            counts = if is_dev { with_dev } else { section.contains("dependencies") };
            // `[dependencies.name]`
            if let Some((_, name)) = section.split_once("dependencies.").filter(|_| counts) {
                names.insert(name.to_owned());
            }
        } else if counts && !line.starts_with('#') {
            names.extend(line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty()).map(str::to_owned));
        }
    }
    names
}

/// Those of ours among the dependencies, dev-dependencies too.
fn ours(krate: &str) -> Vec<String> {
    dependencies(krate, true).into_iter().filter(|name| name.starts_with("inkflow")).collect()
}

/// Every `.rs` file of a folder, with its path from the repository's root.
fn sources(dir: &str) -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root.join(dir), &mut found);
    found.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
        (name, read(&path))
    };
    found.into_iter().map(named).collect()
}

/// The code of a file without its comments and without what is below its `#[cfg(test)]` module.
fn code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = source.find("#[cfg(test)]\nmod ").filter(|at| source[*at..].contains("{\n")).unwrap_or(source.len());
    let lines = source[..end].lines().enumerate();
    lines.map(|(number, line)| (number + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The files of a folder that are no tests: none in a folder `tests`, and none whose module is under `#[cfg(test)]`.
fn shipped(dir: &str) -> Vec<(String, String)> {
    let all = sources(dir);
    let module = |path: &str| path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib").to_owned();
    let mut tests = BTreeSet::new();
    for (path, source) in &all {
        for declared in source.split("#[cfg(test)]\n").skip(1) {
            let attributes = declared.lines().take_while(|line| line.starts_with("#["));
            let file = attributes.filter_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix(".rs\"]")).next();
            let line = declared.lines().find(|line| !line.starts_with("#[")).unwrap_or_default();
            let name = line.split_once("mod ").and_then(|(_, name)| name.strip_suffix(';'));
            let dir =
                if file.is_some() { path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned() } else { module(path) };
            tests.extend(file.or(name).map(|name| format!("{dir}/{name}")));
        }
    }
    let is_test = |path: &str| {
        let module = module(path) + "/";
        module.contains("/tests/") || tests.iter().any(|test| module.starts_with(&format!("{test}/")))
    };
    all.into_iter().filter(|(path, _)| !is_test(path)).collect()
}

#[test]
fn dependencies_point_one_way() {
    let none: [&str; 0] = [];
    assert_eq!(ours("schemas"), none);
    assert_eq!(ours("operators"), ["inkflow-schemas"]);
    assert_eq!(ours("connectors"), ["inkflow-schemas"]);
    assert_eq!(ours("pipeline/flow"), ["inkflow-operators", "inkflow-schemas"]);
    assert_eq!(ours("pipeline"), ["inkflow-connectors", "inkflow-flow", "inkflow-operators", "inkflow-schemas"]);
    // What the oracle borrowed, it could not judge.
    assert_eq!(ours("tests/oracle"), none);
    assert_eq!(dependencies("tests/oracle", true), BTreeSet::from(["xxhash-rust".to_owned()]));
}

#[test]
fn schemas_know_no_dataflow_and_operators_no_world() {
    let is_of = |krate: &str, name: &str| dependencies(krate, false).contains(name);
    for name in ["timely", "differential-dataflow", "tokio", "object_store", "slatedb", "rusqlite"] {
        assert!(!is_of("schemas", name), "schemas depends on {name}");
    }
    for name in ["tokio", "futures", "object_store", "slatedb", "rusqlite", "metrics", "tracing"] {
        assert!(!is_of("operators", name), "operators depends on {name}");
    }
}

#[test]
fn operators_read_no_clock_and_do_no_io() {
    let forbidden = [
        "SystemTime",
        "Instant::now",
        "std::time::Instant",
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "thread::spawn",
        "tokio",
        "println!",
        "thread_rng",
        "rand::",
    ];
    for (path, source) in sources("operators/src") {
        for (line, text) in code(&source) {
            for word in forbidden {
                assert!(!text.contains(word), "{path}:{line}: {word} in an operator");
            }
        }
    }
}

#[test]
fn nothing_from_the_world_is_unwrapped() {
    for dir in ["connectors/src", "pipeline/flow/src", "pipeline/src"] {
        for (path, source) in shipped(dir) {
            for (line, text) in code(&source) {
                assert!(!text.contains(".unwrap("), "{path}:{line}: {}", text.trim());
            }
        }
    }
}

#[test]
fn files_are_short() {
    let dirs = ["schemas", "operators", "connectors", "pipeline", "tests", "benches", "models"];
    let files = dirs.into_iter().flat_map(sources);
    let long: Vec<String> = files
        .map(|(path, source)| (path, source.lines().count()))
        .filter(|(_, lines)| *lines >= LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
