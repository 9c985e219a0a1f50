//! A history played on the core, epoch by epoch, with the oracle beside it.
//!
//! Records are cut into random epochs, partitions interleaved at random, each in order; a random part of what is asked is
//! answered, in random later epochs and in any order; answers are withdrawn; the clock stands, moves, and lands exactly
//! on instants. After every epoch every view, the questions that wait and the next instant are compared.

use crate::core::{settings, Core, KEEP_READINGS_DAYS};
use crate::journal::hash;
use crate::records::{records, strayed, Record};
use inkflow::live::{self, Answered};
use inkflow_connectors::journal::Collection;
use inkflow_oracle::{compare, history_folder, Answer, Dice, Folder, Options, Photo, Readings, Size, SoFar, Views};
use inkflow_schemas::{Bp, Fault, Millis, Outcome, PhotoKey, Quality, Question, Reading, Submission, Topic, DAY_MS};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A model that reads templates, in half of the histories.
const TEMPLATE_MODEL: &str = "page@2";

/// With every question answered in each epoch, a history is settled after fewer than so many.
const EPOCHS_TO_SETTLE: u64 = 100;

/// A history being played.
pub struct Play {
    /// The dice that decide everything.
    pub dice: Dice,
    /// The core.
    pub core: Core,
    /// The oracle.
    pub so_far: SoFar,
    options: Options,
    records: BTreeMap<(Topic, u32), VecDeque<Record>>,
    recorded: Readings,
    leased: Vec<Question>,
    /// Gathered in the open epoch, for the oracle.
    lines: Vec<Record>,
    withdrawn: Vec<inkflow_oracle::Question>,
    forgotten: Vec<inkflow_oracle::Photo>,
    answered: Vec<(inkflow_oracle::Question, Answer)>,
    /// What epochs in flight must come to: clock and views.
    expected: VecDeque<(Millis, Views)>,
    /// The last offset and epoch of each partition.
    positions: BTreeMap<(String, u32), (u64, u64)>,
    /// The clock of the last epoch in which a photo was in demand.
    demanded: BTreeMap<Photo, i64>,
    /// How many questions have been leased.
    pub leases: usize,
    /// Of how many photos the readings were deleted, as nobody had asked about them for long.
    pub expired: usize,
}

impl Play {
    /// The history of a seed, at so many workers.
    pub fn of_seed(seed: u64, records: usize, workers: usize) -> Play {
        let mut dice = Dice::new(seed ^ 0x1e57);
        let (folder, now) = history_folder(seed, Size { records });
        let folder = if dice.chance(25) { strayed(&mut dice, &folder) } else { folder };
        let clock = now - dice.between(0, 45 * DAY_MS);
        Play::new(dice, &folder, clock, workers)
    }

    /// A folder's records, with the clock to start from.
    pub fn new(mut dice: Dice, folder: &Folder, clock: i64, workers: usize) -> Play {
        let mut options = Options::default();
        if dice.chance(50) {
            options.template_models.insert(TEMPLATE_MODEL.to_owned());
        }
        let mut play = Play {
            core: Core::start(workers, settings(options.template_models.clone())),
            so_far: SoFar::default(),
            options,
            records: records(folder),
            recorded: Readings::of(&folder.readings),
            leased: Vec::new(),
            lines: Vec::new(),
            withdrawn: Vec::new(),
            forgotten: Vec::new(),
            answered: Vec::new(),
            expected: VecDeque::new(),
            positions: BTreeMap::new(),
            demanded: BTreeMap::new(),
            leases: 0,
            expired: 0,
            dice,
        };
        play.seal(Millis(clock));
        play.deliver_all();
        play
    }

    /// How many records have not been gathered yet.
    pub fn left(&self) -> usize {
        self.records.values().map(VecDeque::len).sum()
    }

    /// Plays until every record is admitted and every question answered.
    pub fn to_the_end(&mut self) {
        let pace = 2 + self.left() / (4 + self.dice.below(20));
        while self.left() > 0 {
            self.step(pace);
        }
        self.deliver_all();
        let settling = self.core.last().0;
        while !self.core.queue.is_settled() || self.core.garbage() > 0 || !self.core.admission.is_empty() {
            assert!(self.core.last().0 < settling + EPOCHS_TO_SETTLE, "questions wait for ever");
            self.answer_some(100);
            let clock = self.tick();
            self.seal(clock);
            self.deliver_all();
        }
    }

    /// One epoch of at most so many records, now and then two before the first is delivered.
    pub fn step(&mut self, records_max: usize) {
        if self.dice.chance(15) {
            // An epoch that nothing comes in.
            self.deliver_all();
            let clock = self.tick();
            self.seal(clock);
        }
        for _ in 0..=self.dice.below(records_max) {
            self.gather();
        }
        let percent = *self.dice.pick(&[0, 0, 30, 70, 100]);
        self.answer_some(percent);
        if self.core.in_flight() == 0 && self.dice.chance(15) {
            self.take_back();
        }
        let clock = self.tick();
        self.seal(clock);
        if self.core.in_flight() > 1 || self.dice.chance(80) {
            self.deliver_all();
        }
    }

    /// Gathers the next record of any partition.
    fn gather(&mut self) {
        let waiting: Vec<(Topic, u32)> =
            self.records.iter().filter(|(_, records)| !records.is_empty()).map(|(partition, _)| *partition).collect();
        if waiting.is_empty() {
            return;
        }
        let partition = *self.dice.pick(&waiting);
        // A few at once, so that one partition runs ahead of another.
        for _ in 0..=self.dice.below(3) {
            let Some(record) = self.records.get_mut(&partition).and_then(VecDeque::pop_front) else { return };
            self.admit(record);
        }
    }

    /// Gathers a record.
    pub fn admit(&mut self, record: Record) {
        match &record.event {
            Ok(event) => drop(self.core.record(record.at, event.clone())),
            Err(fault) => self.core.admission.refuse(record.at, fault.to_string().into()),
        }
        self.lines.push(record);
    }

    /// Leases questions and answers so many percent of the leased, in any order.
    pub fn answer_some(&mut self, percent: u64) {
        let leases_max = if percent == 100 { usize::MAX } else { self.dice.below(20) };
        for _ in 0..leases_max {
            let Some(question) = self.core.lease() else { break };
            let known = self.so_far.answered();
            assert!(!known.contains(&told(&question)), "asked, and answered already: {question:?}");
            self.leases += 1;
            self.leased.push(question);
        }
        let mut leased = std::mem::take(&mut self.leased);
        self.dice.shuffle(&mut leased);
        for question in leased {
            if percent < 100 && self.dice.chance(5) {
                self.core.queue.give_back(question);
            } else if self.dice.chance(percent) {
                self.answer(&question);
            } else {
                self.leased.push(question);
            }
        }
    }

    /// Answers a question as recorded, or as another model would, where nobody waits too.
    fn answer(&mut self, question: &Question) {
        let told = told(question);
        let model = if self.dice.chance(10) && told.template.is_none() { "page@1" } else { &told.model };
        let answer = self.recorded.answer(&told.photo.0, model);
        let attempts = 1 + self.dice.below(3) as u32;
        if self.core.answer(question, outcome(answer, attempts)) {
            self.answered.push((told, answer));
        }
        assert!(!self.core.answer(question, outcome(answer, 1)), "the first answer wins");
    }

    /// Withdraws an answer, or all about a photo.
    fn take_back(&mut self) {
        let known: Vec<_> = self.so_far.answered().into_iter().collect();
        if known.is_empty() {
            return;
        }
        let question = self.dice.pick(&known).clone();
        if self.dice.chance(50) {
            self.withdraw(&question);
        } else {
            self.forget(&question.photo);
        }
    }

    /// Withdraws an answer that is known.
    pub fn withdraw(&mut self, question: &inkflow_oracle::Question) {
        self.core.withdraw(&asked(question));
        self.withdrawn.push(question.clone());
    }

    /// Forgets a photo.
    pub fn forget(&mut self, photo: &inkflow_oracle::Photo) {
        self.core.forget(&photo_key(photo));
        self.forgotten.push(photo.clone());
    }

    /// A clock that stands, moves, or lands on an instant or just before it.
    pub fn tick(&mut self) -> Millis {
        let clock = self.core.last().1 .0;
        let next = self.so_far.next_instant(clock).filter(|next| next - clock < 100 * DAY_MS).unwrap_or(clock);
        let moved = match self.dice.below(11) {
            0..3 => clock,
            3..6 => next,
            6 => next - 1,
            7 => clock + 1,
            8 => clock + self.dice.between(0, DAY_MS / 24),
            9 => clock + self.dice.between(0, 2 * DAY_MS),
            _ => clock + self.dice.between(0, 9 * DAY_MS),
        };
        Millis(moved.max(clock))
    }

    /// Seals what was gathered at that clock, in the core and in the oracle.
    pub fn seal(&mut self, clock: Millis) {
        let may_expire = self.core.may_expire();
        let expired: Vec<Photo> = self.core.expired().photos().filter(|_| may_expire).map(told_photo).collect();
        let last = self.core.last().1 .0;
        let epoch = self.core.seal(clock);
        // "Should a key appear in two partitions, the one admitted later counts, within one epoch the higher partition."
        self.lines.sort_by_key(|record| (record.at.topic, record.at.partition, record.at.offset));
        for Record { at, line, .. } in self.lines.drain(..) {
            let topic = at.topic.as_str();
            assert!(self.so_far.admit(topic, at.partition, at.offset as usize, &line, clock.0));
            self.positions.insert((topic.to_owned(), at.partition), (at.offset, epoch));
        }
        for question in self.withdrawn.drain(..) {
            self.so_far.withdraw(&question);
        }
        for photo in self.forgotten.drain(..) {
            self.so_far.forget(&photo);
        }
        for (question, answer) in self.answered.drain(..) {
            self.so_far.answer(question, answer, clock.0);
        }
        let demanded = self.so_far.demanded(&self.options);
        for photo in expired {
            assert!(!demanded.contains(&photo), "deleted, and in demand: {photo:?}");
            let left = self.demanded.get(&photo).expect("nothing is known of a photo that nobody ever asked about");
            assert!(*left + i64::from(KEEP_READINGS_DAYS) * DAY_MS <= last, "deleted too early: {photo:?}");
            self.so_far.forget(&photo);
            self.expired += 1;
        }
        self.demanded.extend(demanded.into_iter().map(|photo| (photo, clock.0)));
        self.expected.push_back((clock, self.so_far.views(clock.0, &self.options)));
    }

    /// Takes the deliveries of all epochs in flight; compares each, and at the last what waits.
    pub fn deliver_all(&mut self) {
        while let Some((clock, expected)) = self.expected.pop_front() {
            let epoch = self.core.deliver().epoch;
            self.check_views(&expected, &format!("epoch {epoch} at {}", clock.0));
        }
        self.check_questions();
        self.check_positions();
        let next = self.core.next_instant().map(|next| next.0);
        assert_eq!(next, self.so_far.next_instant(self.core.last().1 .0), "the next instant");
    }

    fn check_views(&self, expected: &Views, place: &str) {
        if let Err(diff) = compare(expected, &self.core.tables.texts()) {
            // The longest ids are 200 bytes of one letter, and make the rest unreadable.
            let diff = diff.to_string().replace(&"L".repeat(190), "LL..");
            panic!("{place}: the views differ from the oracle's\n{diff}");
        }
    }

    fn check_questions(&self) {
        let answered: BTreeSet<_> = self.answered.iter().map(|(question, _)| question.clone()).collect();
        let waiting: BTreeSet<_> = self.core.queue.questions().map(told).collect();
        let missing = self.so_far.missing(&self.options);
        let missing: BTreeSet<_> = missing.difference(&answered).cloned().collect();
        assert_eq!(waiting, missing, "the questions that wait");
        assert_eq!(self.core.queue.pending(), missing.len(), "how many wait");
    }

    /// The oracle's `freshness` is masked where a run may differ; here nothing may.
    fn check_positions(&self) {
        for row in self.core.tables.rows("freshness") {
            let written = crate::tables::written(row);
            let cells: Vec<&str> = written.split(',').collect();
            let key = (cells[0].to_owned(), cells[1].parse().expect("a partition"));
            let (offset, epoch) = self.positions[&key];
            assert_eq!((cells[2], cells[4]), (offset.to_string().as_str(), epoch.to_string().as_str()), "{key:?}");
        }
    }

    /// True where all that was gathered has been sealed.
    pub fn is_at_rest(&self) -> bool {
        self.answered.is_empty() && self.lines.is_empty() && self.withdrawn.is_empty() && self.forgotten.is_empty()
    }

    /// Ends the workers, whatever is in flight, and starts so many others from the journal, as after a crash: every view
    /// is as the oracle has it, and the same questions wait, those that were leased again.
    pub fn restart(&mut self, workers: usize) {
        assert!(self.is_at_rest(), "nothing is gathered");
        self.expected.clear();
        let old = std::mem::replace(&mut self.core, Core::start(1, settings([])));
        self.core = old.restart(workers);
        let (last, clock) = self.core.last();
        self.check_views(&self.so_far.views(clock.0, &self.options), "after a restart");
        self.check_questions();
        self.leased.clear();
        self.positions.values_mut().for_each(|(_, epoch)| *epoch = last);
    }

    /// Once garbage is collected, the journal holds what counts and nothing else.
    pub fn check_journal(&self) {
        assert_eq!(self.core.garbage(), 0);
        let journal = &self.core.journal;
        let mut pages = BTreeMap::<_, Vec<_>>::new();
        for (key, row) in journal.rows(Collection::Submissions) {
            let submission: Submission = live::read(Collection::Submissions, &row.value).expect("a submission");
            let page = (submission.student_id.clone(), submission.assignment_id.clone(), submission.page);
            pages.entry(page).or_default().push((key.epoch, submission));
        }
        for (page, rows) in &pages {
            assert_eq!(rows.len(), 1, "submissions of {page:?}: {rows:#?}");
        }
        assert_eq!(pages.len(), self.so_far.counting_submissions(), "submissions of {:#?}", pages.keys());
        let photos: BTreeSet<u128> = journal.rows(Collection::FirstReadings).map(|(key, _)| key.hash).collect();
        assert_eq!(journal.count(Collection::FirstReadings), photos.len(), "one first reading a photo");
        self.check_ledger();
    }

    /// The journal holds the answers that the oracle knows, and of each photo that is not in demand that it left.
    pub fn check_ledger(&self) {
        let journal = &self.core.journal;
        let answers = journal.rows(Collection::Readings).map(|(_, row)| {
            let answered = live::read::<Answered>(Collection::Readings, &row.value).expect("an answer");
            told(&answered.question)
        });
        let (answers, known) = (answers.collect::<BTreeSet<_>>(), self.so_far.answered());
        assert_eq!(answers, known, "answers");
        let firsts = journal.rows(Collection::FirstReadings).map(|(_, row)| {
            told_photo(&live::read::<PhotoKey>(Collection::FirstReadings, &row.value).expect("a photo"))
        });
        assert_eq!(firsts.collect::<BTreeSet<_>>(), self.so_far.first_read(), "photos that were read");
        let demanded = self.so_far.demanded(&self.options);
        let away = known.into_iter().map(|question| question.photo).filter(|photo| !demanded.contains(photo));
        let away: BTreeSet<_> = away.map(|photo| live::left_demand_key(&hash, &photo_key(&photo))).collect();
        let left: BTreeSet<_> = journal.rows(Collection::LeftDemand).map(|(key, _)| *key).collect();
        assert_eq!(left, away, "photos that left demand");
    }

    /// Lets the clock pass until nothing more is deleted: what is known is then of photos in demand.
    pub fn expire_all(&mut self) {
        let clock = self.core.last().1.plus_days(i64::from(KEEP_READINGS_DAYS) + 1);
        // The clock passes the instant, what can be deleted is, and that is delivered.
        for _ in 0..3 {
            self.seal(clock);
            self.deliver_all();
        }
        self.check_journal();
        assert!(self.core.admission.is_empty() && self.core.expired().is_empty());
        let demanded = self.so_far.demanded(&self.options);
        let known: BTreeSet<Photo> = self.so_far.answered().into_iter().map(|question| question.photo).collect();
        assert!(known.is_subset(&demanded), "nobody asks about {:?}", known.difference(&demanded));
        assert_eq!(self.core.journal.count(Collection::LeftDemand), 0);
    }
}

/// A question as the oracle tells it.
pub fn told(question: &Question) -> inkflow_oracle::Question {
    inkflow_oracle::Question {
        photo: told_photo(&question.photo),
        model: question.model.to_string(),
        template: question.template.as_ref().map(told_photo),
    }
}

fn told_photo(key: &PhotoKey) -> Photo {
    (key.uri.to_string(), key.version.to_string())
}

/// The same, back.
pub fn asked(question: &inkflow_oracle::Question) -> Question {
    Question {
        photo: photo_key(&question.photo),
        model: inkflow_schemas::ModelName::new(&question.model).expect("a model"),
        template: question.template.as_ref().map(photo_key),
    }
}

fn photo_key((uri, version): &inkflow_oracle::Photo) -> PhotoKey {
    PhotoKey { uri: uri.as_str().into(), version: version.as_str().into() }
}

/// An answer as a reader gives it.
pub fn outcome(answer: Answer, attempts: u32) -> Outcome {
    let bp = |bp: Option<i64>| bp.and_then(|bp| Bp::new(bp as u16));
    match answer {
        Answer::Fault(fault) => Outcome::Failed { fault: Fault::parse(fault).expect("a fault"), attempts },
        Answer::Reading(reading) => Outcome::Read(Reading {
            quality: Quality::parse(reading.quality).expect("a quality"),
            completion: bp(reading.completion_bp),
            confidence: bp(reading.confidence_bp),
        }),
    }
}
