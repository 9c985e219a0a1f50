//! The `inkflow` command as people and supervisors meet it: what it writes, what it says, and how it ends.

mod check;
mod command;
mod ends;
mod http;
mod label;
mod photos;
mod running;

use command::{inkflow, Homework, STUDENT};

/// The tables of [`Homework::first_day`], as views.md has them.
const FIRST_DAY: [(&str, &str); 4] = [
    (
        "page_status",
        "student_id,assignment_id,page,submission_id,uploaded_at,status,completion_bp,confidence_bp,reason,model,reviewed\n\
         st-4711,a1,1,sub1,500000,complete,9000,8000,,recorded@1,false\n\
         st-4711,a1,2,sub2,500001,failed,,,not_found,recorded@1,false\n",
    ),
    (
        "student_assignment",
        "student_id,class_id,assignment_id,pages_expected,pages_received,pages_pending,pages_complete,completion_bp,status,\
         on_time,last_upload\n\
         st-4711,c1,a1,2,2,0,1,4500,incomplete,false,500001\n",
    ),
    (
        "student_completion",
        "student_id,class_id,assigned,complete,on_time,awaiting,incomplete,open,overdue,completion_bp\n\
         st-4711,c1,1,0,0,0,1,0,0,4500\n",
    ),
    ("failed_photos", "uri,version,template,model,reason,attempts\np2.jpg,,,recorded@1,not_found,1\n"),
];

#[test]
fn a_folder_gives_exactly_these_tables() {
    let homework = Homework::first_day();
    let ended =
        inkflow(homework.path(), &["run", "--folder", "day", "--until-end", "--export", "out", "--now", "2000000"]);
    ended.is(0);
    for (view, expected) in FIRST_DAY {
        assert_eq!(homework.read(&format!("out/{view}.csv")), expected, "{view}");
    }
    let rejected = homework.read("out/rejected.csv");
    assert!(rejected.starts_with("topic,partition,offset,reason\nenrolments,0,1,"), "{rejected}");
    let mut tables: Vec<_> =
        homework.files("out").into_iter().filter_map(|name| Some(name.strip_suffix(".csv")?.to_owned())).collect();
    tables.sort();
    let all = [
        "class_assignment",
        "class_day",
        "failed_photos",
        "freshness",
        "model_agreement",
        "page_status",
        "rejected",
        "review_agreement",
        "student_assignment",
        "student_completion",
        "student_recent",
        "student_subject",
    ];
    assert_eq!(tables, all);
    assert_eq!(ended.stdout, "", "stdout is for what is asked for");
    assert!(!ended.stderr.contains('\u{1b}'), "no bar and no colour where nobody looks: {}", ended.stderr);
}

#[test]
fn again_with_the_same_journal_it_goes_on_where_it_stopped() {
    let homework = Homework::first_day();
    let again = |out: &str, now: &str, workers: &str| {
        let args =
            ["run", "--folder", "day", "--until-end", "--export", out, "--journal", "j", "--now", now, "-w", workers];
        inkflow(homework.path(), &args).is(0);
    };
    again("out1", "1970-01-01T00:33:20Z", "1");
    homework.second_day();
    again("out2", "2000001", "2");
    let completion = homework.read("out2/student_completion.csv");
    assert!(completion.ends_with("\nst-4711,c1,1,1,1,0,0,0,0,9250\n"), "{completion}");
    let freshness = homework.read("out2/freshness.csv");
    assert!(freshness.contains("\nsubmissions,0,1,") && freshness.contains("\nsubmissions,1,0,"), "{freshness}");
    // A third time over the same folder nothing changes.
    again("out3", "2000001", "1");
    for view in ["page_status", "student_assignment", "student_completion", "rejected"] {
        let (second, third) = (homework.read(&format!("out2/{view}.csv")), homework.read(&format!("out3/{view}.csv")));
        assert_eq!(second, third, "{view}");
    }
}

#[test]
fn a_flow_file_runs_and_options_go_before_it() {
    let homework = Homework::first_day();
    homework.write(
        "flows/homework.yaml",
        "version: 1\nsource: {folder: {path: ../nowhere}}\nreaders: {recorded: {}}\njournal: {folder: ../j}\n\
         sinks:\n  - csv: {folder: ../not-this}\n  - sqlite: {path: ../views.sqlite}\ndead_letters: {path: ../letters.jsonl}\n\
         time_zone: Europe/Vienna\n",
    );
    let args = ["run", "flows/homework.yaml", "--folder", "day", "--until-end", "--export", "out", "--now", "2000000"];
    inkflow(homework.path(), &args).is(0);
    for (view, expected) in FIRST_DAY {
        assert_eq!(homework.read(&format!("out/{view}.csv")), expected, "{view}");
    }
    assert!(!homework.path().join("not-this").exists() && homework.path().join("views.sqlite").exists());
    assert_eq!(homework.read("letters.jsonl").lines().count(), 1);
}

#[test]
fn a_journal_is_named_or_the_run_ends() {
    let homework = Homework::first_day();
    let small = "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {}}\n";
    homework.write("flow.yaml", small);
    inkflow(homework.path(), &["run", "flow.yaml"]).is(2).says("flow.yaml names no journal");
    inkflow(homework.path(), &["run", "flow.yaml", "--until-end"]).is(0);
}

#[test]
fn what_cannot_be_meant_is_said_before_anything_is_touched() {
    let homework = Homework::first_day();
    let run = |args: &[&str]| inkflow(homework.path(), args);
    run(&["run"]).is(2).says("inkflow run --folder DIR --until-end --export OUT");
    run(&["run", "day"]).is(2).says("day is a folder, and no flow file; for a folder of records: --folder day");
    run(&["run", "missing.yaml"]).is(2).says("missing.yaml cannot be read");
    run(&["run", "--folder", "day", "--now", "yesterday"]).is(2).says("want RFC 3339");
    run(&["run", "--folder", "day", "--workers", "0"]).is(2);
    run(&["run", "--folder", "day", "--until-ned"]).is(2).says("--until-end");
    homework.write(
        "flow.yaml",
        "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {}}\njurnal: {folder: j}\n",
    );
    run(&["run", "flow.yaml"]).is(2).says("flow.yaml:4:1").says("did you mean `journal`?");
    homework.write(
        "flow.yaml",
        "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {}}\nlog: {level: 'a=b=c'}\n",
    );
    run(&["run", "flow.yaml", "--until-end"]).is(2).says("the log level");
    assert_eq!(homework.files(""), ["day", "flow.yaml"]);
}

#[test]
fn what_is_asked_for_is_printed() {
    let homework = Homework::first_day();
    let schema = inkflow(homework.path(), &["schema"]).is(0).stdout.clone();
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(schema["properties"]["version"]["description"], "The version of this file's form: always 1.");
    let version = inkflow(homework.path(), &["--version"]).is(0).stdout.clone();
    assert_eq!(version, concat!("inkflow ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = inkflow(homework.path(), &["run", "--help"]).is(0).stdout.clone();
    assert!(help.contains("Examples:\n  inkflow run flow.yaml\n"), "{help}");
}

#[test]
fn no_student_stands_in_a_line_of_the_log() {
    let homework = Homework::first_day();
    homework.second_day();
    homework.erase();
    for form in ["text", "json"] {
        let args = ["run", "--folder", "day", "--until-end", "--export", "out", "--journal", "j", "--log", form];
        let ended = command::with_log(homework.path(), &args, "trace");
        ended.is(0).says("ended; all is sealed and written");
        assert!(!ended.stderr.contains(STUDENT), "{}", ended.stderr);
    }
}
