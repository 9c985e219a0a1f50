use super::*;
use crate::config::reference::{example, json_schema, reference, same_as_file};
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::collections::HashMap;

const SMALL: &str = "version: 1\nsource: {folder: {path: records}}\nreaders: {recorded: {}}\n";

fn read(text: &str) -> FlowConfig {
    parse(text, "flow.yaml", HashMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// What a person sees of a flow file that is wrong.
fn drawn(text: &str) -> String {
    let environment = HashMap::from([("PASSWORD".to_owned(), "hunter2".to_owned())]);
    let error = parse(text, "flow.yaml", environment).expect_err("it is wrong");
    let mut drawn = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.render_report(&mut drawn, &error).expect("a report can be drawn");
    drawn.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Broken flow files, and all that is said of each, in one file: `UPDATE=1 cargo test -p inkflow reference` writes it
/// anew.
#[test]
fn the_reference_of_errors_names_each_place_and_what_was_meant() {
    let with = |lines: &str| format!("{SMALL}{lines}");
    let broken = [
        String::new(),
        "version: 2\n".to_owned(),
        "version: 1\nreaders: {recorded: {}}\n".to_owned(),
        "- version: 1\n".to_owned(),
        with("worker: 4\n"),
        with("workers: many\n"),
        with("workers: 0\n"),
        with("workers: 2\nworkers: 3\n"),
        with("jurnal:\n  folder: j\n"),
        with("journal: {path: j}\n"),
        with("time_zone: Europe/Viena\n"),
        with("time_zone: Middle-Earth\n"),
        with("http: {listen: 8080}\n"),
        with("log: {format: jsn}\n"),
        with("sinks:\n  - sqlite: {path: a}\n  - sqllite: {path: b}\n"),
        with("sinks:\n  - csv\n"),
        with("sinks:\n  - changelog: {prefix: inkflow.}\n"),
        with("kafka: {brokers: a, sasl: {mechanism: plain, username: u, password: {env: PASSWORD}}}\n"),
        with("kafka: {brokers: a, sasl: {mechanism: scram_sha512, username: u, password: sesame}}\n"),
        with("kafka: {brokers: a, tls: {certificate: c.pem}}\n"),
        SMALL.replace("folder: {path: records}", "kafka: {}"),
        SMALL
            .replace("folder: {path: records}", "kafka: {start: newest}")
            .replace("recorded: {}", "recorded: {path: r}"),
        SMALL.replace("folder: {path: records}", "kafka: {notifications: {key: \"{student_id}/{page}.jpg\"}}"),
        with("sinks:\n  - postgres: {host: db, database: d, user: u, password: {path: p.txt}}\n"),
        with("sinks:\n  - postgres: {host: db, database: d, user: u, tls: verify-full}\n"),
        with("photos: {folder: {path: p}, web: {hosts: [h]}}\n"),
        with("photos: [{folder: {path: p}}, {folder: {path: q}}]\n"),
        with("photos: {s3: {bucket: {name: p, access_key: {env: KEY}}}}\n"),
        with("photos: {s3: {bucket: {name: p, access_key_id: {env: KEY}}}}\n"),
        with("photos: {web: {hosts: []}}\n"),
        with("photos: {web: {hosts: [h], networks: [10.0.0.0]}}\n"),
        with("journal: {s3: {bucket: {name: j}, path: /}}\n"),
        with("sinks: [\n"),
        with("journal:\n  folder: ${HOME_OF_JOURNALS}/j\n"),
        with("time_zone: ${PASSWORD}\n"),
        SMALL.replace("recorded: {}", "recorded: {}, model: {folder: m, name: page@1}"),
        SMALL.replace("recorded: {}", "model: {folder: m, name: page@1}"),
        SMALL.replace("recorded: {}", "model: {folder: m, name: page}"),
        SMALL.replace("recorded: {}", "model: {folder: m, name: page@1, batch: {szie: 3}}"),
    ];
    let all: String = broken.iter().map(|text| format!("{text}---\n{}\n", drawn(text))).collect();
    assert!(!all.contains("hunter2"), "what came from the environment is never quoted");
    same_as_file("pipeline/tests/broken-flows.txt", &all);
}

#[test]
fn the_reference_has_every_field() {
    same_as_file("docs/reference/config.md", &reference());
    same_as_file("docs/examples/homework.yaml", &example());
    same_as_file("docs/reference/flow.schema.json", &json_schema());
}

#[test]
fn the_example_is_a_flow_and_shows_what_holds_without_a_word() {
    let whole = read(&example());
    assert!(matches!(whole.readers, ReaderConfig::Model(_)));
    let small = read(SMALL);
    assert_eq!(
        (whole.limits, whole.log, whole.time_zone, whole.workers),
        (small.limits, small.log, small.time_zone, small.workers)
    );
    let (ReaderConfig::Model(model), text) = (whole.readers, "{folder: models, name: page@16}") else {
        panic!("a model")
    };
    let without: ModelConfig = serde_saphyr::from_str(text).expect("a model");
    assert_eq!(model, without);
}

#[test]
fn every_path_is_relative_to_the_file() {
    let mut config = read(&example());
    config.resolve(Path::new("/etc/inkflow"));
    let mut recorded = read(&SMALL.replace("recorded: {}", "recorded: {path: r.jsonl}"));
    recorded.resolve(Path::new("/etc/inkflow"));
    assert_eq!(recorded.recorded(), Some("/etc/inkflow/r.jsonl".into()));
    // Whatever a later field is called: what is a path in the example must not stay relative.
    let json = serde_json::to_value(&config).expect("plain data");
    fn look(value: &serde_json::Value, key: &str) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| look(value, key)),
            serde_json::Value::Array(values) => values.iter().for_each(|value| look(value, key)),
            serde_json::Value::String(path) if ["path", "folder", "file", "ca_file"].contains(&key) => {
                assert!(path.starts_with("/etc/inkflow/"), "{path}");
            }
            _ => {}
        }
    }
    look(&json, "");
    config.resolve(Path::new("elsewhere"));
    assert_eq!(config.folder(), Some(Path::new("/etc/inkflow/records")), "an absolute path stays what it is");
}

#[test]
fn recorded_readings_lie_with_the_records_unless_named() {
    let config = read(SMALL);
    assert_eq!(config.recorded(), Some("records/readings.jsonl".into()));
    assert_eq!(FlowConfig::of_folder(Path::new("day1")).recorded(), Some("day1/readings.jsonl".into()));
}

#[test]
fn the_environment_is_asked_where_nothing_is_quoted() {
    let text = format!("{SMALL}journal: {{folder: \"${{A}}\"}}\ndead_letters:\n  path: ${{A}}/${{B:-letters}}\n");
    let config = parse(&text, "flow.yaml", HashMap::from([("A".to_owned(), "/srv".to_owned())])).expect("a flow");
    assert_eq!(config.journal, Some(JournalConfig::Folder("${A}".into())));
    assert_eq!(config.dead_letters, Some(DeadLettersConfig::Path("/srv/letters".into())));
}

#[test]
fn a_day_begins_where_the_zone_has_it() {
    let day = |zone: &str, time: i64| TimeZone::named(zone).expect("a zone").day_of()(inkflow_schemas::Millis(time));
    let noon = 20_000 * 86_400_000 + 43_200_000;
    assert_eq!([day("UTC", noon), day("Pacific/Kiritimati", noon), day("Etc/GMT+12", noon)], [20_000, 20_001, 20_000]);
    // On 2024-03-31 at 01:00 UTC Vienna's clocks went from 02:00 to 03:00.
    let before = 1_711_843_200_000 - 3_600_000;
    assert_eq!(day("Europe/Vienna", before - 1), 19_812);
    assert_eq!(day("Europe/Vienna", before), 19_813);
    assert_eq!(day("Europe/Vienna", before + 23 * 3_600_000 - 1), 19_813, "that day has 23 hours");
    assert_eq!(day("Europe/Vienna", before + 23 * 3_600_000), 19_814);
}

/// A flow of every example is a flow.
#[test]
fn the_examples_are_flows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let environment = HashMap::from([("KAFKA_BROKERS".to_owned(), "127.0.0.1:9092".to_owned())]);
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an example").path();
        let text = std::fs::read_to_string(&path).expect("an example");
        let flow = parse(&text, "example", environment.clone());
        flow.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn a_start_is_a_word_an_offset_or_a_time() {
    let read = |text: &str| serde_saphyr::from_str::<Start>(text).ok();
    assert_eq!(read("latest"), Some(Start::Latest));
    assert_eq!(read("offset 17"), Some(Start::Offset(17)));
    assert_eq!(read("2026-11-21T08:56:00+01:00"), Some(Start::Time(inkflow_schemas::Millis(1_795_247_760_000))));
    assert_eq!([read("offset -1"), read("offset"), read("2026-11-21")], [None, None, None]);
    for start in
        [Start::Earliest, Start::Latest, Start::Offset(9), Start::Time(inkflow_schemas::Millis(1_795_247_760_123))]
    {
        let text = serde_json::to_string(&start).expect("plain data");
        assert_eq!(serde_json::from_str::<Start>(&text).ok(), Some(start), "{text}");
    }
}

#[test]
fn photos_lie_in_one_place_or_in_several_by_how_their_uris_begin() {
    let read = |photos: &str| read(&format!("{SMALL}photos: {photos}\n")).photos;
    let folder = "{folder: {path: p}}";
    assert_eq!(read(folder), read(&format!("[{folder}]")));
    let several = "[{s3: {bucket: {name: a}}}, {s3: {bucket: {name: b}, prefix: 'oss://b/'}}, {web: {hosts: [h], \
                   allow_http: true}}, {folder: {path: p}}]";
    let prefixes: Vec<Vec<String>> = read(several).iter().map(PhotosConfig::prefixes).collect();
    assert_eq!(prefixes, [vec!["s3://a/"], vec!["oss://b/"], vec!["https://", "http://"], vec![""]]);
}
