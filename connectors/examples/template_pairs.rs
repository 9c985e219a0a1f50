//! What the blank page says of photos: a line of JSON for each pair in DIR/pairs.jsonl, for `models/pairs.py judge`.
//!
//!     cargo run -p inkflow-connectors --example template_pairs -- DIR
#![allow(clippy::print_stdout)]
use inkflow_connectors::decode::{decode, Pixels};
use inkflow_connectors::template::{spec, Template};
use inkflow_schemas::Bp;
use serde_json::{json, Value};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let folder = Path::new(&folder);
    for line in std::fs::read_to_string(folder.join("pairs.jsonl"))?.lines() {
        let pair: Value = serde_json::from_str(line)?;
        println!("{}", told(folder, &pair)?);
    }
    Ok(())
}

fn told(folder: &Path, pair: &Value) -> Result<Value, Box<dyn Error>> {
    let picture = |key: &str| -> Result<Pixels, Box<dyn Error>> {
        let name = pair.get(key).and_then(Value::as_str).ok_or("a pair names its photo and its template")?;
        Ok(decode(&std::fs::read(folder.join(name))?, &spec())
            .map_err(|fault| format!("{name}: {}", fault.as_str()))?)
    };
    let areas: Vec<[u16; 4]> = serde_json::from_value(pair.get("areas").cloned().unwrap_or_default())?;
    let areas: Vec<[Bp; 4]> = areas.into_iter().map(|area| area.map(|v| Bp::new(v).unwrap_or(Bp::ZERO))).collect();
    let (photo, blank) = (picture("photo")?, picture("template")?);
    let template = Template::prepare(&blank);
    let start = Instant::now();
    let compared = template.and_then(|template| template.compare(&photo, &areas));
    let ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(match compared {
        Err(why) => json!({"ms": ms, "unused": why.as_str()}),
        Ok(compared) => {
            let area = |a: &inkflow_schemas::Area| json!([a.at.map(Bp::get), a.state.as_str(), a.probability.get()]);
            let areas: Vec<Value> = compared.areas.iter().map(area).collect();
            json!({"ms": ms, "found": compared.found.get(), "areas": areas})
        }
    })
}
