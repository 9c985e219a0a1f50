//! Reading and judging photos that lie in a folder, with the model that ships and ONNX Runtime as this machine has it.

use crate::command::Ended;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// The command, in that folder.
pub fn with_models(folder: &Path, args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inkflow"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env_remove("INKFLOW_LOG");
    let output = command.output().expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Rows of a CSV of ours, by column.
fn table(path: &str) -> Vec<std::collections::HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(root().join(path)).expect("a table");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

/// The model that `models/agree.py` asked, by its folder.
fn asked(of: &str) -> String {
    let (name, version) = of.split_once('@').expect("name@version");
    format!("models/{name}/{version}")
}

/// Decoders differ a little, and so may what is said, the more as the model rounds to 8 bits: of one photo up to 240 bp were seen
/// where both decode at one scale, 53 in the mean.
const AGREE_BP: f64 = 400.0;
const AGREE_MEAN_BP: f64 = 120.0;

#[test]
fn what_rust_says_of_a_photo_is_what_python_says() {
    let said = table("models/demo-photos/said.csv");
    let files: Vec<String> = said.iter().map(|row| format!("models/demo-photos/{}", row["file"])).collect();
    let model = asked(&said[0]["model"]);
    let mut args = vec!["read", "--model", &model];
    args.extend(files.iter().map(String::as_str));
    let ended = with_models(&root(), &args);
    ended.is(0);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), said.len());
    let mut apart = Vec::new();
    for ((line, row), file) in lines.iter().zip(&said).zip(&files) {
        assert_eq!(line["file"].as_str(), Some(file.as_str()), "lines come in the order of asking");
        assert_eq!(line["model"].as_str(), Some(row["model"].as_str()));
        let mut near = |what: &str, got: f64, python: &str| {
            let off = (got - number(python) * 10_000.0).abs();
            assert!(off <= AGREE_BP, "{file}: {what}: {got} bp, and Python says {python}");
            apart.push(off);
        };
        near("confidence", line["confidence_bp"].as_f64().expect("bp"), &row["confidence"]);
        let classes = ["ok", "blurred", "dark", "cropped", "not_a_page"];
        let shares = classes.map(|class| number(&row[class]));
        let most = shares.iter().copied().fold(0.0, f64::max);
        let quality = line["quality"].as_str().expect("a quality");
        // Where two qualities are as likely, either may be said.
        assert!(number(&row[quality]) > most - 0.02, "{file}: {quality}, and Python says {row:?}");
        if quality == "ok" {
            near("completion", line["completion_bp"].as_f64().expect("bp"), &row["completion"]);
        }
        for (field, length) in [("model_sha256", 64), ("photo_sha256", 64)] {
            assert_eq!(line[field].as_str().map(str::len), Some(length), "{line}");
        }
    }
    let mean = apart.iter().sum::<f64>() / apart.len() as f64;
    assert!(mean <= AGREE_MEAN_BP, "{mean} bp apart in the mean, over {} numbers", apart.len());
}

#[test]
fn a_photo_that_cannot_be_read_has_a_line_and_the_others_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let photo = root().join("models/demo-photos/0001.jpg");
    let bytes = std::fs::read(&photo).expect("a photo");
    std::fs::write(folder.path().join("a.jpg"), &bytes).expect("a file");
    std::fs::write(folder.path().join("broken.jpg"), &bytes[..bytes.len() / 2]).expect("a file");
    std::fs::write(folder.path().join("text.jpg"), "text").expect("a file");
    let models = root().join("models");
    let models = models.to_str().expect("UTF-8");
    let args = ["read", "--model", models, "--overlay", "seen", "broken.jpg", "a.jpg", "none.jpg", "text.jpg"];
    let ended = with_models(folder.path(), &args);
    ended.is(1);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let faults: Vec<_> = lines.iter().map(|line| line["fault"].as_str()).collect();
    assert_eq!(faults, [Some("corrupt"), None, Some("not_found"), Some("not_an_image")]);
    assert!(lines[1]["areas"].is_array() && lines[1]["quality"].is_string(), "{}", lines[1]);
    assert_eq!(ended.stderr, "", "no bar where nobody looks");
    let seen: Vec<_> = std::fs::read_dir(folder.path().join("seen")).expect("a folder").collect();
    assert_eq!(seen.len(), 1, "a photo that was read has its overlay");
    let overlay = std::fs::read(folder.path().join("seen/a.overlay.jpg")).expect("an overlay");
    assert!(overlay.starts_with(&[0xff, 0xd8]) && overlay.len() > 10_000);
    assert_eq!(std::fs::read(folder.path().join("a.jpg")).expect("the photo"), bytes, "the photo is as it was");

    let one = with_models(folder.path(), &["read", "--model", models, "a.jpg", "--overlay", "a.png"]);
    one.is(0);
    assert!(std::fs::read(folder.path().join("a.png")).expect("an overlay").starts_with(b"\x89PNG"));
    with_models(folder.path(), &["read", "--model", models, "a.jpg", "--overlay", "a.jpg"])
        .is(2)
        .says("written over a.jpg, a photo");
    with_models(folder.path(), &["read", "--model", models, "a.jpg", "--template", "a.png", "--overlay", "a.png"])
        .is(2)
        .says("written over a.png, the blank page");
    let long = format!("{}.jpg", "x".repeat(245));
    std::fs::write(folder.path().join(&long), &bytes).expect("a file");
    let ended = with_models(folder.path(), &["read", "--model", models, "--overlay", "seen", &long, "a.jpg"]);
    ended.is(1).says("is not written");
    assert_eq!(ended.stdout.lines().count(), 2, "what was read is told, and the next photo too");
    with_models(folder.path(), &["read", "--model", models]).is(2);
    with_models(folder.path(), &["read", "a.jpg"]).is(4).says("no model is in models: --model");
    with_models(folder.path(), &["read", "a.jpg", "--model", "."]).is(4).says("no model is in .");
}

#[test]
fn a_blank_page_is_used_where_the_photo_shows_it_and_told_of_where_not() {
    let page = "models/demo-photos/0003.jpg";
    let areas = "[[1000,2000,3000,500],[5000,6000,3000,500]]";
    let ended =
        with_models(&root(), &["read", "--template", page, "--areas", areas, page, "models/demo-photos/0001.jpg"]);
    ended.is(0);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    // A page beside itself has nothing that it has not.
    assert_eq!(lines[0]["template"]["used"], true, "{}", lines[0]);
    assert_eq!(lines[0]["completion_bp"], 0);
    let states: Vec<_> =
        lines[0]["areas"].as_array().expect("areas").iter().map(|area| area["state"].as_str()).collect();
    assert_eq!(states, [Some("blank"), Some("blank")]);
    assert_eq!(
        (&lines[1]["template"]["used"], lines[1]["template"]["why"].is_string()),
        (&false.into(), true),
        "{}",
        lines[1]
    );
    let plain = with_models(&root(), &["read", "models/demo-photos/0001.jpg"]);
    plain.is(0);
    let plain: Value = serde_json::from_str(&plain.stdout).expect("JSON");
    assert_eq!(plain["areas"], lines[1]["areas"], "without the blank page it is what the model says");
    assert!(plain["template"].is_null());
    with_models(&root(), &["read", page, "--template", "models/Makefile"]).is(2).says("the blank page models/Makefile");
    with_models(&root(), &["read", page, "--areas", "[]"]).is(2);
    with_models(&root(), &["read", page, "--template", page, "--areas", "[[9000,0,2000,1]]"]).is(2).says("on the page");
}

#[test]
fn the_table_s_figures_are_python_s() {
    let figures = table("models/demo-photos/figures.csv");
    let model = asked(&figures[0]["model"]);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("readings.jsonl");
    let out = out.to_str().expect("UTF-8");
    let photos = ["--photos", "models/demo-photos", "--labels", "models/demo-photos/truth.csv"];
    let ended = with_models(&root(), &[&["eval", "--model", &model, "--readings", out], &photos[..]].concat());
    ended.is(0);
    let row = |name: &str| -> Vec<String> {
        let line = ended.stdout.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{}", ended.stdout));
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    for figure in &figures {
        let (name, row) = (&figure["figure"], row(&figure["figure"]));
        // Whether a completion was right, and whether it says complete, is a step: each photo of the 62 that a decoder moves
        // across it counts whole; of the complete ones, a dozen, .042.
        let apart = match name.as_str() {
            "calibration error" => 0.08,
            "complete or not, balanced accuracy" => 0.05,
            _ => 0.03,
        };
        assert!(
            (number(&row[3]) - number(&figure["got"])).abs() <= apart,
            "{name}: {row:?}, and Python says {figure:?}"
        );
        if !figure["ink"].is_empty() {
            // Ink is counted on a photo made small, which each decoder does in its own way.
            assert!((number(&row[5]) - number(&figure["ink"])).abs() <= 0.08, "{name}: {row:?}, Python: {figure:?}");
        }
    }
    assert!(ended.stdout.contains(" ms a page on one thread") && ended.stdout.contains(" bytes (aim <= 8000000)"));
    let readings = std::fs::read_to_string(out).expect("readings");
    assert_eq!(readings.lines().count(), 62);
    let first: Value = serde_json::from_str(readings.lines().next().expect("a line")).expect("JSON");
    assert_eq!((first["uri"].as_str(), first["quality"].is_string()), (Some("0000.jpg"), true));
}

#[test]
fn labels_that_cannot_be_meant_are_named_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels = folder.path().join("labels.csv");
    let eval = |csv: &str| {
        std::fs::write(&labels, csv).expect("a file");
        with_models(folder.path(), &["eval", "--photos", ".", "--labels", "labels.csv"])
    };
    eval("file,completion\na.jpg,1\nb.jpg,full\n").is(2).says("labels.csv:3: completion: \"full\" is no number");
    eval("file,filled\na.jpg,1\n").is(2).says("there is no column \"completion\"");
    eval("file,completion\n").is(2).says("labels.csv has no photo");
    with_models(folder.path(), &["eval", "--photos", ".", "--labels", "none.csv"]).is(2).says("none.csv");
}
