//! CSV, to the byte.

use super::*;

#[test]
fn a_view_is_written_as_the_contract_says() {
    let mut sink = MemorySink::new();
    sink.open(VIEWS, claim(1)).unwrap();
    let of =
        |student: Cell, days, bp, on_time, status| row([student, text("7b"), Cell::Int(days), bp, on_time, status]);
    let rows = [
        of(text("bob"), 30, Cell::Int(-5), Cell::Bool(true), text("a,b")),
        of(text("bob"), 7, Cell::Empty, Cell::Empty, Cell::Empty),
        of(text("Ärger"), 7, Cell::Int(10000), Cell::Bool(false), text("say \"hi\"\r\n")),
        of(text("bo"), 9, Cell::Int(0), Cell::Bool(false), text("two words; 'fine'")),
    ];
    let epoch: Vec<_> = rows.into_iter().map(|row| (row, 1)).collect();
    let failed =
        [(row([text("u"), text("v1"), text("corrupt")]), 1), (row([text("u"), Cell::Empty, text("timeout")]), 1)];
    sink.apply(stamp(1, 1), &[changes(0, &epoch), changes(1, &failed)]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("made/here");
    for _ in 0..2 {
        csv::export_all(&out, &sink).unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(
        read("progress.csv"),
        "student_id,class_id,days,completion_bp,on_time,status\n\
         bo,7b,9,0,false,two words; 'fine'\n\
         bob,7b,7,,,\n\
         bob,7b,30,-5,true,\"a,b\"\n\
         Ärger,7b,7,10000,false,\"say \"\"hi\"\"\r\n\"\n"
    );
    assert_eq!(read("failed.csv"), "uri,version,reason\nu,,timeout\nu,v1,corrupt\n");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 2);
}

#[test]
fn a_view_of_no_row_is_a_header() {
    let mut sink = MemorySink::new();
    sink.open(VIEWS, claim(1)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    csv::export_all(dir.path(), &sink).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("failed.csv")).unwrap(), "uri,version,reason\n");
}
