//! Deleted is gone: from every file, at every place that a row passes.

use super::*;

/// Every file under `dir`, with its bytes.
fn files(dir: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = vec![];
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    found
}

fn holding(dir: &Path, needle: &str) -> Vec<std::path::PathBuf> {
    files(dir)
        .into_iter()
        .filter(|(_, bytes)| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn an_erased_name_stands_in_no_file() {
    let place = Place::folder();
    run(async {
        let mut journal = place.open().await.unwrap();
        let mut epoch = 0;
        let mut seal = async |journal: &mut Journal, changes: &[Change]| {
            epoch += 1;
            journal.seal(draft(epoch), changes).await.unwrap();
        };
        // In a merged run, in a file of level 0, and in the log, when the scrub begins.
        seal(&mut journal, &[put(Collection::Submissions, 1, "Planted Run"), put(Collection::Submissions, 9, "Kept")])
            .await;
        journal.scrub().await.unwrap();
        seal(&mut journal, &[put(Collection::Submissions, 2, "Planted Level0")]).await;
        drop(journal);
        journal = place.open().await.unwrap();
        let close = place.open().await.unwrap();
        drop(journal);
        close.close().await.unwrap();
        journal = place.open().await.unwrap();
        seal(&mut journal, &[put(Collection::Submissions, 3, "Planted Log")]).await;
        for planted in ["Planted Run", "Planted Level0", "Planted Log"] {
            assert_ne!(holding(place.path(), planted), [] as [&Path; 0], "{planted} could not be found before either");
        }
        // One deleted, one replaced, one of each.
        seal(&mut journal, &[delete(Collection::Submissions, 1), put(Collection::Submissions, 2, "replaced")]).await;
        seal(&mut journal, &[delete(Collection::Submissions, 3)]).await;
        journal.scrub().await.unwrap();
        assert_eq!(holding(place.path(), "Planted"), [] as [&Path; 0]);
        assert_ne!(holding(place.path(), "Kept"), [] as [&Path; 0]);
        let kept = rows(&journal, Collection::Submissions).await;
        assert_eq!(
            kept.values().map(|(_, value)| value.as_slice()).collect::<Vec<_>>(),
            [b"replaced".as_slice(), b"Kept"]
        );
        // And it is a journal still.
        seal(&mut journal, &[put(Collection::Submissions, 4, "later")]).await;
        drop(journal);
        let journal = place.open().await.unwrap();
        assert_eq!(rows(&journal, Collection::Submissions).await.len(), 3);
    });
}

#[test]
fn what_a_killed_process_was_writing_is_swept_away() {
    let place = Place::folder();
    let staged = place.path().join("journal/wal/00000000000000000007.sst#12");
    std::fs::create_dir_all(staged.parent().unwrap()).unwrap();
    std::fs::write(&staged, "Planted").unwrap();
    folder(place.path()).unwrap();
    assert!(!staged.exists());
}

#[test]
fn sealing_and_scanning_go_on_beside_a_scrub() {
    let place = Place::folder();
    run(async {
        let mut journal = place.open().await.unwrap();
        journal.seal(draft(1), &[put(Collection::Reviews, 0, "first")]).await.unwrap();
        let reader = journal.reader();
        let scrubs = tokio::spawn(async move {
            for _ in 0..3 {
                reader.scrub().await.unwrap();
            }
        });
        let mut epoch = 1;
        while !scrubs.is_finished() {
            epoch += 1;
            journal.seal(draft(epoch), &[put(Collection::Reviews, u128::from(epoch), "more")]).await.unwrap();
            assert_eq!(rows(&journal, Collection::Reviews).await.len() as u64, epoch);
        }
        scrubs.await.unwrap();
        drop(journal);
        let journal = place.open().await.unwrap();
        assert_eq!(rows(&journal, Collection::Reviews).await.len() as u64, epoch);
    });
}
