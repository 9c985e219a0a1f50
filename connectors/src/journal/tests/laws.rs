//! One sequence, all or nothing, one writer, a complete last header.

use proptest::prelude::*;

use super::*;

#[test]
fn what_is_sealed_is_there_again() {
    for place in Place::both() {
        run(async {
            let mut journal = place.open().await.unwrap();
            assert_eq!(journal.last(), None);
            let first = ("submissions".to_owned(), 0);
            let second = ("submissions".to_owned(), 1);
            let at = |next_offset, record_time| Position { next_offset, record_time };
            let mut one = draft(1);
            one.positions.insert(first.clone(), at(10, Some(7)));
            one.positions.insert(second.clone(), at(3, None));
            let changes =
                [put(Collection::Reviews, 1, "a"), put(Collection::Reviews, 2, "b"), put(Collection::Models, 1, "m")];
            journal.seal(one, &changes).await.unwrap();
            let mut two = draft(2);
            two.positions.insert(first.clone(), at(12, Some(9)));
            let changes =
                [put(Collection::Reviews, 1, "c"), put(Collection::Reviews, 1, "d"), delete(Collection::Reviews, 2)];
            let header = journal.seal(two, &changes).await.unwrap().clone();
            assert_eq!((header.epoch, header.clock, header.rows, header.deletes), (2, 2_000, 2, 1));
            // Complete: the partition that did not move is named too.
            assert_eq!(header.positions, Positions::from([(first, at(12, Some(9))), (second, at(3, None))]));
            let id = journal.id();
            let hash = journal.hash(Collection::Reviews, &[b"ann", b"maths"]);
            journal.close().await.unwrap();

            let journal = place.open().await.unwrap();
            assert_eq!(journal.last(), Some(&header));
            assert_eq!(journal.id(), id);
            assert!(journal.incarnation() > header.incarnation);
            assert_eq!(journal.hash(Collection::Reviews, &[b"ann", b"maths"]), hash);
            let one = key(Collection::Reviews, 1);
            assert_eq!(rows(&journal, Collection::Reviews).await, BTreeMap::from([(one, (2, b"d".to_vec()))]));
            assert_eq!(rows(&journal, Collection::Models).await.len(), 1);
            assert_eq!(rows(&journal, Collection::Submissions).await.len(), 0);
            assert_eq!(journal.get(one).await.unwrap().unwrap(), b"d");
            assert_eq!(journal.get(key(Collection::Reviews, 2)).await.unwrap(), None);
            let mut epochs = vec![];
            journal.reader().headers(1, |header| epochs.push(header.epoch)).await.unwrap();
            assert_eq!(epochs, [1, 2]);
        });
    }
}

#[test]
fn a_kill_loses_no_sealed_epoch() {
    let place = Place::folder();
    let (store, settings) = (place.store.clone(), place.settings.clone());
    let header = killed(async move {
        let mut journal = Journal::open(store, "journal", settings).await.unwrap();
        for epoch in 1..=20 {
            journal.seal(draft(epoch), &[put(Collection::Readings, u128::from(epoch), "r")]).await.unwrap();
        }
        journal.last().cloned()
    });
    run(async {
        let journal = place.open().await.unwrap();
        assert_eq!(journal.last(), header.as_ref());
        assert_eq!(rows(&journal, Collection::Readings).await.len(), 20);
    });
}

#[test]
fn the_older_of_two_writers_is_fenced() {
    for place in Place::both() {
        run(async {
            let mut old = place.open().await.unwrap();
            old.seal(draft(1), &[put(Collection::Reviews, 1, "old")]).await.unwrap();
            let mut new = place.open().await.unwrap();
            assert!(new.incarnation() > old.incarnation());
            new.seal(draft(2), &[put(Collection::Reviews, 1, "new")]).await.unwrap();
            let refused = old.seal(draft(2), &[put(Collection::Reviews, 1, "zombie")]).await.unwrap_err();
            assert_eq!(refused, JournalError::Fenced);
            let again = old.seal(draft(2), &[put(Collection::Reviews, 1, "zombie")]).await.unwrap_err();
            assert_eq!(again, JournalError::Fenced);
            new.seal(draft(3), &[]).await.unwrap();
            drop(new);
            let third = place.open().await.unwrap();
            assert_eq!(third.last().unwrap().epoch, 3);
            let one = key(Collection::Reviews, 1);
            assert_eq!(rows(&third, Collection::Reviews).await, BTreeMap::from([(one, (2, b"new".to_vec()))]));
        });
    }
}

#[test]
fn a_newer_format_is_refused_and_its_writer_left_alone() {
    for place in Place::both() {
        run(async {
            let mut newer = place.open().await.unwrap();
            newer.seal(draft(1), &[]).await.unwrap();
            let at = object_store::path::Path::from("journal/FORMAT");
            object_store::ObjectStoreExt::put(&*place.store, &at, "2\n".into()).await.unwrap();
            let refused = place.open().await.err().unwrap();
            assert_eq!(refused, JournalError::NewerFormat { found: 2, known: 1 });
            newer.seal(draft(2), &[]).await.unwrap();
        });
    }
}

#[test]
fn old_headers_are_trimmed_and_the_last_is_kept() {
    let mut place = Place::memory();
    run(async {
        place.settings.keep_headers = 5;
        let mut journal = place.open().await.unwrap();
        for epoch in 1..=30 {
            journal.seal(draft(epoch), &[]).await.unwrap();
        }
        let mut epochs = vec![];
        journal.reader().headers(0, |header| epochs.push(header.epoch)).await.unwrap();
        assert_eq!(epochs, [26, 27, 28, 29, 30]);
        drop(journal);
        place.settings.keep_headers = 0;
        let mut journal = place.open().await.unwrap();
        journal.seal(draft(31), &[]).await.unwrap();
        let mut epochs = vec![];
        journal.reader().headers(0, |header| epochs.push(header.epoch)).await.unwrap();
        assert_eq!(epochs, [31]);
    });
}

#[test]
fn hashes_tell_parts_collections_and_journals_apart() {
    run(async {
        let one = Place::memory().open().await.unwrap();
        let other = Place::memory().open().await.unwrap();
        let hash = one.hash(Collection::Reviews, &[b"ab", b"c"]);
        assert_ne!(hash, one.hash(Collection::Reviews, &[b"a", b"bc"]));
        assert_ne!(hash, one.hash(Collection::Reviews, &[b"abc"]));
        assert_ne!(hash, one.hash(Collection::Models, &[b"ab", b"c"]));
        assert_ne!(hash, other.hash(Collection::Reviews, &[b"ab", b"c"]));
    });
}

/// (collection, key, epoch in the key, value or deletion)
type Op = (bool, u8, bool, Option<Vec<u8>>);

#[derive(Clone, Debug)]
enum Step {
    Seal(Vec<Op>),
    Reopen,
    Scrub,
}

fn step() -> impl Strategy<Value = Step> {
    let value = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..20));
    let op = (any::<bool>(), 0..12u8, any::<bool>(), value);
    prop_oneof![
        8 => proptest::collection::vec(op, 0..8).prop_map(Step::Seal),
        1 => Just(Step::Reopen),
        1 => Just(Step::Scrub),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_history_is_what_a_map_says(steps in proptest::collection::vec(step(), 1..16)) {
        let place = Place::folder();
        run(async {
            let mut model: BTreeMap<RowKey, (u64, Vec<u8>)> = BTreeMap::new();
            let mut journal = place.open().await.unwrap();
            for step in steps {
                match step {
                    Step::Seal(ops) => {
                        let epoch = journal.last().map_or(0, |last| last.epoch) + 1;
                        let mut changes = vec![];
                        for (submissions, hash, admitted, value) in ops {
                            let collection = if submissions { Collection::Submissions } else { Collection::Readings };
                            let key = RowKey { epoch: admitted.then_some(epoch), ..key(collection, u128::from(hash)) };
                            match value {
                                Some(value) => {
                                    model.insert(key, (epoch, value.clone()));
                                    changes.push(Change::Put { key, value });
                                }
                                None => {
                                    model.remove(&key);
                                    changes.push(Change::Delete { key });
                                }
                            }
                        }
                        journal.seal(draft(epoch), &changes).await.unwrap();
                    }
                    Step::Reopen => {
                        drop(journal);
                        journal = place.open().await.unwrap();
                    }
                    Step::Scrub => journal.scrub().await.unwrap(),
                }
            }
            let mut found = rows(&journal, Collection::Submissions).await;
            found.extend(rows(&journal, Collection::Readings).await);
            assert_eq!(found, model);
        });
    }
}
