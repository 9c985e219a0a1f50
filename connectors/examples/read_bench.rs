//! Photos a second of the reader pool, beside a bare loop of the same decoding and the same model, in one run.
//!
//!     cargo run --release -p inkflow-connectors --example read_bench -- [models/page/16] [seconds] [threads] [batch]
//!
//! Both read the same photos, made here: a page of 12 and one of 3 megapixels, as phones send them. The bare loop has as
//! many threads, each with a session of its own, no queue and no batch: what it is faster by is what the pool costs. For
//! each: photos a second, and of the pool the milliseconds from asking to the answer. Rounds alternate, as a machine that
//! others use is never twice the same; the medians count.
#![allow(clippy::print_stdout)]

use bytes::Bytes;
use inkflow_connectors::decode::{decode, inspect, InputSpec};
use inkflow_connectors::reader::{find_runtime, BatchSettings, Model, PageReader, ReaderSettings};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "models/page/16".into()));
    let mut number = |without: usize| arguments.next().and_then(|n| n.parse().ok()).unwrap_or(without);
    let round = Duration::from_secs(number(3) as u64);
    let threads = number(std::thread::available_parallelism().map_or(1, usize::from));
    let batch = BatchSettings { photos_max: number(BatchSettings::default().photos_max), ..BatchSettings::default() };
    let runtime = find_runtime()?;
    let model = Model::load(&folder.canonicalize()?, &runtime)?;
    println!("{} on {threads} threads, batches of up to {}, rounds of {round:?}", model.name(), batch.photos_max);
    let reader = PageReader::start(vec![model.clone()], ReaderSettings { threads, batch, ..Default::default() })?;
    let reader = Arc::new(reader);
    let bare = Bare::new(&model);
    for (label, width, height) in [("3 Mpixel", 1_536, 2_048), ("12 Mpixel", 3_024, 4_032)] {
        let photo = photo(width, height)?;
        let spec = model.manifest().input.clone();
        let (decode_ms, model_ms) = (bare.decode_ms(&photo, &spec), bare.model_ms(&photo, &spec)?);
        let mut rates = [Vec::new(), Vec::new()];
        let mut latencies = Vec::new();
        for _ in 0..5 {
            rates[0].push(bare.rate(&photo, &spec, threads, round)?);
            let (rate, mut took) = pool_rate(&reader, &model, &photo, 4 * threads * batch.photos_max, round)?;
            rates[1].push(rate);
            latencies.append(&mut took);
        }
        let [bare_rate, pool_rate] = rates.map(median);
        latencies.sort_by(f64::total_cmp);
        let at = |part: f64| latencies.get((latencies.len() as f64 * part) as usize).copied().unwrap_or(0.0);
        println!(
            "{label} ({} KB): decode {decode_ms:.1} ms, model {model_ms:.1} ms; bare loop {bare_rate:.1}/s, pool \
             {pool_rate:.1}/s ({:.2} of it); saturated: p50 {:.0} ms, p99 {:.0} ms",
            photo.len() / 1000,
            pool_rate / bare_rate,
            at(0.5),
            at(0.99),
        );
        let alone = alone_ms(&reader, &model, &photo)?;
        println!("    one at a time through the pool: {alone:.1} ms");
    }
    println!("{:?}; {} MiB resident", reader.figures(), resident_mib());
    Ok(())
}

/// A page of writing on paper with the grain of a sensor, as a JPEG of quality 85.
fn photo(width: usize, height: usize) -> Result<Bytes, Failure> {
    let mut state = 1u32;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let grain = (state >> 28) as u8;
            let ink = (y / 24) % 3 == 1 && (x / 7 + y / 5) % 4 == 0;
            let paper = 200 + (x * 30 / width) as u8;
            let value = if ink { 60 + grain } else { paper + grain };
            pixels.extend_from_slice(&[value, value, value - 8]);
        }
    }
    let mut compressor = turbojpeg::Compressor::new()?;
    compressor.set_quality(85)?;
    compressor.set_subsamp(turbojpeg::Subsamp::Sub2x2)?;
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    Ok(compressor.compress_to_vec(image)?.into())
}

/// ONNX Runtime and the decoder with nothing around them.
struct Bare {
    model: Model,
    shape: [usize; 4],
}

impl Bare {
    fn new(model: &Model) -> Bare {
        let input = &model.manifest().input;
        let shape = [1, input.channels.count(), input.height as usize, input.width as usize];
        Bare { model: model.clone(), shape }
    }

    fn session(&self) -> Result<ort::session::Session, Failure> {
        Ok(self.model.session()?)
    }

    fn once(&self, session: &mut ort::session::Session, photo: &[u8], spec: &InputSpec) -> Result<(), Failure> {
        let mut floats = Vec::with_capacity(spec.floats());
        inspect(photo).map_err(|f| f.as_str())?;
        spec.append_to(&decode(photo, spec).map_err(|f| f.as_str())?, &mut floats);
        self.infer(session, &floats)
    }

    fn infer(&self, session: &mut ort::session::Session, floats: &[f32]) -> Result<(), Failure> {
        let tensor = ort::value::TensorRef::from_array_view((self.shape, floats))?;
        session.run(ort::inputs![self.model.manifest().input_name.as_str() => tensor])?;
        Ok(())
    }

    fn decode_ms(&self, photo: &[u8], spec: &InputSpec) -> f64 {
        median((0..15).map(|_| millis(|| drop(decode(photo, spec)))).collect())
    }

    fn model_ms(&self, photo: &[u8], spec: &InputSpec) -> Result<f64, Failure> {
        let mut session = self.session()?;
        let mut floats = Vec::new();
        spec.append_to(&decode(photo, spec).map_err(|f| f.as_str())?, &mut floats);
        self.infer(&mut session, &floats)?;
        Ok(median((0..15).map(|_| millis(|| drop(self.infer(&mut session, &floats)))).collect()))
    }

    fn rate(&self, photo: &[u8], spec: &InputSpec, threads: usize, round: Duration) -> Result<f64, Failure> {
        let read = AtomicU64::new(0);
        let mut sessions = (0..threads).map(|_| self.session()).collect::<Result<Vec<_>, _>>()?;
        for session in &mut sessions {
            self.once(session, photo, spec)?;
        }
        let start = Instant::now();
        std::thread::scope(|scope| {
            for mut session in sessions {
                let read = &read;
                scope.spawn(move || {
                    while start.elapsed() < round && self.once(&mut session, photo, spec).is_ok() {
                        read.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Ok(read.into_inner() as f64 / start.elapsed().as_secs_f64())
    }
}

/// The pool with `asking` questions open at any time: photos a second, and the milliseconds of each.
fn pool_rate(
    reader: &Arc<PageReader>,
    model: &Model,
    photo: &Bytes,
    asking: usize,
    round: Duration,
) -> Result<(f64, Vec<f64>), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (0..asking)
            .map(|_| {
                let (reader, name, photo) = (reader.clone(), model.name().clone(), photo.clone());
                async move {
                    let mut took = Vec::new();
                    while start.elapsed() < round {
                        let asked = Instant::now();
                        reader.read(&name, photo.clone()).await?;
                        took.push(asked.elapsed().as_secs_f64() * 1000.0);
                    }
                    Ok::<_, Failure>(took)
                }
            })
            .collect();
        let mut all = Vec::new();
        for took in futures::future::join_all(tasks).await {
            all.append(&mut took?);
        }
        Ok((all.len() as f64 / start.elapsed().as_secs_f64(), all))
    })
}

/// The median of photos read one after another, by an idle pool.
fn alone_ms(reader: &PageReader, model: &Model, photo: &Bytes) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut took = Vec::new();
    for _ in 0..15 {
        let asked = Instant::now();
        runtime.block_on(reader.read(model.name(), photo.clone()))?;
        took.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(took))
}

fn millis(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
