//! What the journal costs: `cargo run -p inkflow-connectors --example journal_bench [FOLDER] [ROWS] [BYTES]`.
//!
//! Prints milliseconds for an epoch of 100 rows (median, p99), rows a second in bulk (epochs of 100,000), rows a second of
//! a scan, and milliseconds of an opening after a kill, when the log must be replayed.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use inkflow_connectors::journal::{folder, Change, Collection, Draft, Journal, JournalSettings, Positions, RowKey};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LIVE_EPOCHS: u64 = 1_000;
const LIVE_ROWS: u64 = 100;
const BULK_ROWS: u64 = 100_000;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let temporary = std::env::temp_dir().join(format!("journal_bench.{}", std::process::id()));
    let dir = arguments.next().map_or(temporary, Into::into);
    let rows: u64 = arguments.next().map_or(Ok(1_000_000), |rows| rows.parse())?;
    let bytes: usize = arguments.next().map_or(Ok(80), |bytes| bytes.parse())?;

    let mut journal = open(&dir).await?;
    let mut times = Vec::new();
    for _ in 0..LIVE_EPOCHS {
        let changes = changes(&journal, LIVE_ROWS, bytes);
        let started = Instant::now();
        seal(&mut journal, &changes).await?;
        times.push(started.elapsed());
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("epoch of {LIVE_ROWS} rows: median {:.2} ms, p99 {:.2} ms", ms(median), ms(p99));

    drop(journal);
    let started = Instant::now();
    let mut journal = open(&dir).await?;
    println!("opening after a kill: {:.0} ms", ms(started.elapsed()));

    let mut sealing = Duration::ZERO;
    let mut slowest = Duration::ZERO;
    for _ in 0..rows.div_ceil(BULK_ROWS) {
        let changes = changes(&journal, BULK_ROWS, bytes);
        let started = Instant::now();
        seal(&mut journal, &changes).await?;
        sealing += started.elapsed();
        slowest = slowest.max(started.elapsed());
    }
    let sealed = rows.div_ceil(BULK_ROWS) * BULK_ROWS;
    println!(
        "bulk, epochs of {BULK_ROWS} rows: {:.2} M rows/s, slowest epoch {:.0} ms",
        sealed as f64 / sealing.as_secs_f64() / 1e6,
        ms(slowest)
    );

    scan(&journal, "after the bulk").await?;
    let started = Instant::now();
    journal.close().await?;
    println!("close: {:.0} ms", ms(started.elapsed()));
    let started = Instant::now();
    let journal = open(&dir).await?;
    println!("opening after it: {:.0} ms", ms(started.elapsed()));
    scan(&journal, "after opening").await?;
    let started = Instant::now();
    journal.scrub().await?;
    println!("scrub: {:.0} ms", ms(started.elapsed()));
    scan(&journal, "after the scrub").await?;
    Ok(())
}

async fn open(dir: &std::path::Path) -> Result<Journal, Failure> {
    Ok(Journal::open(folder(dir)?, "journal", JournalSettings::folder()).await?)
}

async fn seal(journal: &mut Journal, changes: &[Change]) -> Result<(), Failure> {
    let epoch = journal.last().map_or(0, |last| last.epoch) + 1;
    journal.seal(Draft { epoch, clock: 1_800_000_000_000, positions: Positions::new() }, changes).await?;
    Ok(())
}

/// New rows, under keyed hashes, with payloads that are not all alike.
fn changes(journal: &Journal, rows: u64, bytes: usize) -> Vec<Change> {
    let epoch = journal.last().map_or(0, |last| last.epoch) + 1;
    let row = |number: u64| {
        let hash = journal.hash(Collection::Submissions, &[&epoch.to_le_bytes(), &number.to_le_bytes()]);
        let value = hash.to_le_bytes().iter().copied().cycle().take(bytes).collect();
        Change::Put { key: RowKey { collection: Collection::Submissions, hash, epoch: None }, value }
    };
    (0..rows).map(row).collect()
}

async fn scan(journal: &Journal, when: &str) -> Result<(), Failure> {
    let started = Instant::now();
    let mut bytes = 0;
    let rows = journal.scan(Collection::Submissions, |_, row| bytes += row.value.len()).await?;
    let rate = rows as f64 / started.elapsed().as_secs_f64() / 1e6;
    println!("scan {when}: {rows} rows, {bytes} bytes, {rate:.2} M rows/s");
    Ok(())
}
