//! The demo as it happens: a minute of homework, and the statistics five times a second.

use crate::inkflow::{Metrics, Running};
use crate::scenario::{tell, Album, Event, Look, Scenario};
use crate::screen::{Scene, Screen};
use crate::stage::Stage;
use crate::views::Reader;
use crate::{check, fail, say, summary, Options, Result};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant, SystemTime};

/// How often SQLite is asked whether it has changed: freshness is measured this finely.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// Without a terminal.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Photos a second are counted over so long.
const RATE_OVER: Duration = Duration::from_secs(5);
/// After the last record, everything is read and written within moments; a busy machine is given more.
const PATIENCE: Duration = Duration::from_secs(120);

/// Plays it.
pub fn play(options: &Options) -> Result<()> {
    let stage = Stage::set(&options.dir, &options.models)?;
    let album = Album::of(&stage.truth()?);
    // Rosters are there before anything happens. They hold no time but their own, so that the story may begin later.
    stage.append(&tell(&album, now_ms(), options.length_ms).rosters)?;
    say("starting inkflow: its journal, its dataflow, its model");
    let since = Instant::now();
    let running = options.inkflow.start(&stage)?;
    say(&format!("ready in {:.1} s\n", since.elapsed().as_secs_f64()));

    let story = tell(&album, now_ms(), options.length_ms);
    let mut show = Show::new(&stage, running, &story);
    show.run()?;
    let Show { running, .. } = show;
    running.end()?;

    let Some(mut reader) = Reader::open(&stage.path("views.sqlite")) else {
        return fail("inkflow has written no views.sqlite");
    };
    let clock = reader.snapshot(&[])?.clock;
    say("");
    match check::check(&stage, &options.inkflow, &reader, clock, false) {
        Ok(equal) => say(&summary::checked(&equal, false)),
        Err(error) => return fail(format!("the check: {error}")),
    }
    say(&summary::where_it_is(&stage, &options.inkflow));
    Ok(())
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

struct Show<'a> {
    stage: &'a Stage,
    running: Running,
    story: &'a Scenario,
    began: Instant,
    reader: Option<Reader>,
    scene: Scene,
    looks: Vec<&'a Look>,
    /// Of each submissions partition, how many lines it has, and when those were written that are not in SQLite yet.
    written: BTreeMap<u32, (i64, VecDeque<(i64, Instant)>)>,
    /// How long each was on its way.
    on_its_way: Vec<u128>,
    /// Answers so far, lately.
    answered: VecDeque<(Instant, f64)>,
}

impl<'a> Show<'a> {
    fn new(stage: &'a Stage, running: Running, story: &'a Scenario) -> Show<'a> {
        Show {
            stage,
            running,
            story,
            began: Instant::now(),
            reader: None,
            scene: Scene { length_ms: story.length_ms, ..Scene::default() },
            looks: Vec::new(),
            written: BTreeMap::new(),
            on_its_way: Vec::new(),
            answered: VecDeque::new(),
        }
    }

    /// Plays the story and shows it, until all of it is done, read and written.
    fn run(&mut self) -> Result<()> {
        let mut screen = Screen::stdout();
        let mut events = self.story.events.iter().peekable();
        let every = if screen.is_in_place() { DRAW_EVERY } else { TELL_EVERY };
        let mut shown: Option<Instant> = None;
        loop {
            self.scene.at_ms = i64::try_from(self.began.elapsed().as_millis())?;
            while let Some(event) = events.next_if(|event| event.at_ms <= self.scene.at_ms) {
                self.happen(event)?;
            }
            self.look()?;
            let over = self.scene.at_ms >= self.story.length_ms && events.peek().is_none();
            let done = over && self.written.values().all(|(_, waiting)| waiting.is_empty()) && self.is_settled()?;
            if done || shown.is_none_or(|shown| shown.elapsed() >= every) {
                self.running.check()?;
                self.measure()?;
                if screen.is_in_place() { screen.draw(&self.scene) } else { screen.tell(&self.scene) }?;
                shown = Some(Instant::now());
            }
            if done {
                if !screen.is_in_place() {
                    say("");
                    screen.print(&self.scene)?;
                }
                return Ok(());
            }
            if self.scene.at_ms > self.story.length_ms + i64::try_from(PATIENCE.as_millis())? {
                return fail(format!("{} photos are still not read", self.scene.snapshot.pending));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn happen(&mut self, event: &'a Event) -> Result<()> {
        self.stage.play(event)?;
        self.looks.extend(event.note.as_ref().map(|(_, look)| look));
        self.scene.see(event);
        for record in event.records.iter().filter(|record| record.topic == "submissions") {
            let (lines, waiting) = self.written.entry(record.partition).or_default();
            waiting.push_back((*lines, Instant::now()));
            *lines += 1;
        }
        Ok(())
    }

    /// Sees which records have arrived in SQLite since.
    fn look(&mut self) -> Result<()> {
        if self.reader.is_none() {
            self.reader = Reader::open(&self.stage.path("views.sqlite"));
        }
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        if !reader.has_changed()? {
            return Ok(());
        }
        for (partition, offset) in reader.offsets()? {
            let Some((_, waiting)) = self.written.get_mut(&partition) else {
                continue;
            };
            while let Some((_, since)) = waiting.pop_front_if(|(line, _)| *line <= offset) {
                self.on_its_way.push(since.elapsed().as_millis());
            }
        }
        Ok(())
    }

    /// Whether the views show all that happened, and no photo is to be read.
    fn is_settled(&mut self) -> Result<bool> {
        let Some(reader) = &mut self.reader else {
            return Ok(false);
        };
        self.scene.snapshot = reader.snapshot(&self.looks)?;
        Ok(self.scene.snapshot.pending == 0 && self.scene.snapshot.is_whole())
    }

    fn measure(&mut self) -> Result<()> {
        if let Some(reader) = &mut self.reader {
            self.scene.snapshot = reader.snapshot(&self.looks)?;
        }
        let metrics = self.running.metrics();
        let counts = Counts::of(&metrics);
        self.scene.read = counts.map(|counts| counts.read as u64);
        self.scene.failed = counts.map(|counts| counts.failed as u64);
        self.scene.saved =
            counts.and_then(|counts| Some((counts.read - metrics.sum("inkflow_reader_read_total")?) as u64));
        let now = Instant::now();
        if let Some(Counts { read, failed }) = counts {
            self.answered.push_back((now, read + failed));
        }
        while self.answered.pop_front_if(|(when, _)| now.duration_since(*when) > RATE_OVER).is_some() {}
        self.scene.rate = self.answered.front().zip(self.answered.back()).and_then(|(first, last)| {
            let seconds = last.0.duration_since(first.0).as_secs_f64();
            (seconds > 0.9).then(|| (last.1 - first.1) / seconds)
        });
        let mut sorted = self.on_its_way.clone();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        self.scene.fresh_ms = at(50).zip(at(95));
        Ok(())
    }
}

/// Answers so far.
#[derive(Clone, Copy)]
struct Counts {
    read: f64,
    failed: f64,
}

impl Counts {
    /// Where the metrics can be had.
    fn of(metrics: &Metrics) -> Option<Counts> {
        metrics.sum("inkflow_ready")?;
        let all = metrics.sum("inkflow_answers_total").unwrap_or(0.0);
        let of = |outcome: &str| metrics.sum(&format!("inkflow_answers_total{{outcome=\"{outcome}\"}}")).unwrap_or(0.0);
        let read = ["ok", "blurred", "dark", "cropped", "not_a_page"].iter().map(|quality| of(quality)).sum();
        Some(Counts { read, failed: all - read })
    }
}
