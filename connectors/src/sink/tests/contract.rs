//! What every sink keeps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn rows_and_stamp_are_there_again_after_a_restart() {
    for (store, _dir) in stores() {
        let mut sink = store();
        assert_eq!(sink.open(VIEWS, claim(1)).unwrap(), None);
        let failed = row([text("s3://p, \"1\""), Cell::Empty, text("corrupt")]);
        let first =
            [changes(0, &[(progress("ann", 100), 1), (progress("bob", 0), 1)]), changes(1, &[(failed.clone(), 1)])];
        sink.apply(stamp(4, 1), &first).unwrap();
        // Several epochs in one, an update, a delete, and a view that did not change.
        let second = [changes(0, &[(progress("ann", 9000), 1), (progress("ann", 100), -1), (progress("bob", 0), -1)])];
        sink.apply(stamp(9, 1), &second).unwrap();
        let expected = vec![(0, progress("ann", 9000)), (1, failed)];
        assert_eq!(all(&mut *sink), expected);
        let mut sink = store();
        assert_eq!(sink.open(VIEWS, claim(2)).unwrap(), Some(stamp(9, 1)));
        assert_eq!(all(&mut *sink), expected);
    }
}

#[test]
fn an_older_incarnation_is_fenced_from_the_moment_of_the_claim() {
    for (store, _dir) in stores() {
        let (mut zombie, mut heir) = (store(), store());
        zombie.open(VIEWS, claim(3)).unwrap();
        zombie.apply(stamp(1, 3), &[changes(0, &[(progress("ann", 1), 1)])]).unwrap();
        heir.open(VIEWS, claim(4)).unwrap();
        // Though the heir has written nothing yet: it has begun to read.
        let refused = zombie.apply(stamp(2, 3), &[changes(0, &[(progress("bob", 1), 1)])]).unwrap_err();
        assert!(matches!(refused, SinkError::Fenced { .. }), "{refused}");
        assert!(matches!(zombie.open(VIEWS, claim(3)), Err(SinkError::Fenced { .. })));
        assert_eq!(all(&mut *heir), [(0, progress("ann", 1))]);
        // The heir begins with the epoch that is there.
        heir.apply(stamp(1, 4), &[changes(0, &[(progress("cid", 1), 1)])]).unwrap();
        heir.apply(stamp(2, 4), &[]).unwrap();
        let behind = heir.apply(stamp(1, 4), &[]).unwrap_err();
        assert!(matches!(behind, SinkError::Fatal { .. }), "{behind}");
        assert_eq!(all(&mut *heir).len(), 2);
    }
}

#[test]
fn another_journal_takes_the_rows_over_as_of_no_epoch() {
    for (store, _dir) in stores() {
        let mut old = store();
        old.open(VIEWS, claim(9)).unwrap();
        old.apply(stamp(70, 9), &[changes(0, &[(progress("ann", 1), 1), (progress("bob", 1), 1)])]).unwrap();
        let mut new = store();
        let other = Claim { journal: 1, incarnation: 1 };
        assert_eq!(new.open(VIEWS, other).unwrap(), None);
        let snapshot = vec![changes(0, &[(progress("ann", 1), 1), (progress("cid", 1), 1)])];
        let mut difference = reconcile(&mut *new, VIEWS.len(), snapshot).unwrap();
        difference[0].changes.sort();
        assert_eq!(difference, [changes(0, &[(progress("bob", 1), -1), (progress("cid", 1), 1)])]);
        new.apply(stamp(1, 1), &difference).unwrap();
        assert_eq!(all(&mut *new), [(0, progress("ann", 1)), (0, progress("cid", 1))]);
        assert!(matches!(old.apply(stamp(71, 9), &[]), Err(SinkError::Fenced { .. })));
    }
}

#[test]
fn the_same_epoch_again_is_harmless() {
    for (store, _dir) in stores() {
        let mut sink = store();
        sink.open(VIEWS, claim(1)).unwrap();
        let epoch = [changes(0, &[(progress("ann", 1), 1), (progress("bob", 1), -1)])];
        sink.apply(stamp(1, 1), &epoch).unwrap();
        sink.apply(stamp(1, 1), &epoch).unwrap();
        assert_eq!(all(&mut *sink), [(0, progress("ann", 1))]);
    }
}

#[test]
fn two_rows_of_a_key_and_rows_of_another_shape_are_refused_whole() {
    for (store, _dir) in stores() {
        let mut sink = store();
        sink.open(VIEWS, claim(1)).unwrap();
        for bad in [
            vec![(progress("ann", 1), 1), (progress("ann", 2), 1)],
            vec![(progress("ann", 1), 2)],
            vec![(row([text("ann")]), 1)],
        ] {
            let refused = sink.apply(stamp(1, 1), &[changes(0, &bad)]).unwrap_err();
            assert!(matches!(refused, SinkError::Fatal { .. }), "{refused}");
        }
        assert_eq!(all(&mut *sink), []);
    }
}

#[test]
fn an_empty_text_and_an_empty_cell_are_one_key() {
    for (store, _dir) in stores() {
        let mut sink = store();
        sink.open(VIEWS, claim(1)).unwrap();
        let of = |version, reason| row([text("u"), version, text(reason)]);
        sink.apply(stamp(1, 1), &[changes(1, &[(of(text(""), "a"), 1)])]).unwrap();
        // Whichever way it is said.
        let again = [(of(text(""), "a"), -1), (of(Cell::Empty, "b"), 1)];
        sink.apply(stamp(2, 1), &[changes(1, &again)]).unwrap();
        assert_eq!(all(&mut *sink), [(1, of(Cell::Empty, "b"))]);
        let snapshot = vec![changes(1, &[(of(text(""), "b"), 1)])];
        assert_eq!(reconcile(&mut *sink, VIEWS.len(), snapshot).unwrap(), []);
        sink.apply(stamp(3, 1), &[changes(1, &[(of(text(""), "b"), -1)])]).unwrap();
        assert_eq!(all(&mut *sink), []);
    }
}

#[test]
fn a_view_of_other_columns_is_made_anew_and_one_that_is_no_more_is_dropped() {
    static WIDER: ViewSchema = ViewSchema {
        columns: &[PROGRESS.columns[0], PROGRESS.columns[1], PROGRESS.columns[2], PROGRESS.columns[4]],
        ..PROGRESS
    };
    for (store, _dir) in stores() {
        let mut sink = store();
        sink.open(VIEWS, claim(1)).unwrap();
        let failed = row([text("u"), Cell::Empty, text("corrupt")]);
        sink.apply(stamp(1, 1), &[changes(0, &[(progress("ann", 1), 1)]), changes(1, &[(failed, 1)])]).unwrap();
        let mut sink = store();
        sink.open(&[&WIDER], claim(2)).unwrap();
        sink.read(0, &mut |row| panic!("{row:?}")).unwrap();
        let narrow = row([text("ann"), text("7b"), Cell::Int(7), Cell::Bool(true)]);
        sink.apply(stamp(2, 2), &[changes(0, &[(narrow, 1)])]).unwrap();
        let mut sink = store();
        sink.open(VIEWS, claim(3)).unwrap();
        assert_eq!(all(&mut *sink), []);
    }
}

#[test]
fn pending_is_bounded_by_the_view() {
    let mut pending = Pending::new();
    for epoch in 0..1_000 {
        if epoch > 0 {
            pending.add(0, progress("ann", epoch - 1), -1);
        }
        pending.add(0, progress("ann", epoch), 1);
    }
    assert_eq!(pending.len(), 1);
    let taken = pending.take();
    assert_eq!(taken, [changes(0, &[(progress("ann", 999), 1)])]);
    assert!(pending.is_empty());
    // The sink refused; one more epoch; nothing is lost.
    pending.absorb(taken);
    pending.add(0, progress("ann", 999), -1);
    assert!(pending.is_empty());
    assert_eq!(pending.take(), []);
}

#[derive(Clone, Debug)]
enum Step {
    /// Rows that the views have after the epoch, by key; whether the sink is told now.
    Epoch(Vec<(u8, Option<u8>)>, bool),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let rows = proptest::collection::vec((0..10u8, proptest::option::of(0..4u8)), 0..10);
    prop_oneof![
        5 => (rows, any::<bool>()).prop_map(|(rows, told)| Step::Epoch(rows, told)),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_changes_leave_what_the_views_say(steps in proptest::collection::vec(step(), 1..20)) {
        for (store, _dir) in stores() {
            let mut view: BTreeMap<u8, Row> = BTreeMap::new();
            let (mut incarnation, mut epoch) = (1, 1);
            let mut sink = store();
            sink.open(VIEWS, claim(incarnation)).unwrap();
            let mut pending = Pending::new();
            for step in &steps {
                match step {
                    Step::Epoch(rows, told) => {
                        epoch += 1;
                        for (key, value) in rows {
                            let after = value.map(|value| progress(&key.to_string(), i64::from(value)));
                            let before = match after.clone() {
                                Some(row) => view.insert(*key, row),
                                None => view.remove(key),
                            };
                            before.into_iter().for_each(|row| pending.add(0, row, -1));
                            after.into_iter().for_each(|row| pending.add(0, row, 1));
                        }
                        if *told {
                            sink.apply(stamp(epoch, incarnation), &pending.take()).unwrap();
                        }
                    }
                    Step::Restart => {
                        incarnation += 1;
                        sink = store();
                        sink.open(VIEWS, claim(incarnation)).unwrap();
                        let snapshot = view.values().map(|row| (row.clone(), 1)).collect();
                        let snapshot = vec![ViewChanges { view: 0, changes: snapshot }];
                        let difference = reconcile(&mut *sink, VIEWS.len(), snapshot).unwrap();
                        pending.take();
                        sink.apply(stamp(epoch, incarnation), &difference).unwrap();
                    }
                }
            }
            sink.apply(stamp(epoch, incarnation), &pending.take()).unwrap();
            let mut expected: Vec<_> = view.into_values().map(|row| (0, row)).collect();
            expected.sort();
            assert_eq!(all(&mut *sink), expected);
        }
    }
}
