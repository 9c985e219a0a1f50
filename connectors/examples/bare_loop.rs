//! Every photo of a folder through the same decoding and the same model as inkflow's, with nothing around them: what
//! `benches/photos.py` holds the whole pipeline against.
//!
//!     cargo run --release -p inkflow-connectors --example bare_loop -- models/page/16 PHOTOS THREADS
//!
//! Each thread has a session of its own and takes the next photo: read the file, decode, infer. Prints the seconds that it took.
#![allow(clippy::print_stdout)]

use inkflow_connectors::decode::{decode, inspect};
use inkflow_connectors::reader::{find_runtime, Model};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or_else(|| Failure::from(format!("no {what}")));
    let (folder, photos) = (PathBuf::from(next("model")?), PathBuf::from(next("folder of photos")?));
    let threads: usize = next("number of threads")?.parse()?;
    let model = Model::load(&folder.canonicalize()?, &find_runtime()?)?;
    let files = std::fs::read_dir(photos)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    let mut sessions = (0..threads).map(|_| model.session()).collect::<Result<Vec<_>, _>>()?;
    let taken = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let work = |session: &mut ort::session::Session| -> Result<(), Failure> {
            let (spec, mut floats) = (&model.manifest().input, Vec::new());
            while let Some(file) = files.get(taken.fetch_add(1, Ordering::Relaxed)) {
                let bytes = std::fs::read(file)?;
                floats.clear();
                inspect(&bytes).map_err(|fault| fault.as_str())?;
                spec.append_to(&decode(&bytes, spec).map_err(|fault| fault.as_str())?, &mut floats);
                model.numbers(session, &floats, 1)?;
            }
            Ok(())
        };
        let running: Vec<_> = sessions.iter_mut().map(|session| scope.spawn(move || work(session))).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| Failure::from("a thread panicked"))?)
    })?;
    println!("{:.3}", started.elapsed().as_secs_f64());
    Ok(())
}
