//! A model's `manifest.json`: what it is, what it takes, what it gives.
//!
//! Unknown fields are ignored, so that a model may say more of itself; a missing or wrong one is an error that names it.

use crate::decode::{Channels, InputSpec};
use inkflow_schemas::{ModelName, Quality};
use serde_json::Value;

/// The manifest's own format. A greater one is refused: it may mean something that is not known here.
pub const MANIFEST_FORMAT: u64 = 1;

/// A model's input is at most this wide and high: float32 RGB of this size is 192 MiB a photo.
const INPUT_SIDE_PX_MAX: u64 = 4_096;

/// The planes of a model's maps, in their order: 0..1 in every cell, but the density of answers, which is 0 or more.
pub const PLANES: [&str; 6] = ["page", "empty", "filled", "struck", "ink", "density"];

/// A cell of maps has at most so many pixels a side: a coarser one would hold several answers.
const CELL_PX_MAX: u64 = 64;

/// Below this share of its best state an area is unsure, where the manifest says nothing.
const UNSURE_BELOW: f32 = 0.6;

/// The output that says of every cell of the input what is there: [N, 6, height/cell, width/cell].
#[derive(Clone, Debug, PartialEq)]
pub struct MapsSpec {
    /// The name of the output tensor.
    pub name: String,
    /// A cell's side in pixels of the input; it divides both of the input's.
    pub cell: u32,
    /// An area whose best state has a smaller share of it is unsure, 0..1.
    pub unsure_below: f32,
}

/// What a model's manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// `name@version`.
    pub model: ModelName,
    /// The ONNX file, beside the manifest.
    pub file: String,
    /// Of that file.
    pub sha256: [u8; 32],
    /// An SPDX expression.
    pub licence: String,
    /// The name of the input tensor.
    pub input_name: String,
    /// How a photo becomes that tensor.
    pub input: InputSpec,
    /// Output of probabilities, [N, 5].
    pub quality: String,
    /// What each of the five stands for.
    pub classes: [Quality; 5],
    /// Output of completion, [N].
    pub completion: String,
    /// Output of confidence, [N].
    pub confidence: String,
    /// Output of maps; a model without it gives no areas.
    pub maps: Option<MapsSpec>,
    /// It wants the blank page beside the photo.
    pub reads_templates: bool,
}

impl MapsSpec {
    /// Planes, rows and columns for a photo.
    pub fn sides(&self, input: &InputSpec) -> [usize; 3] {
        let cells = |px: u32| (px / self.cell.max(1)) as usize;
        [PLANES.len(), cells(input.height), cells(input.width)]
    }
}

/// A manifest that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("manifest.json: {field}: {why}")]
pub struct ManifestError {
    /// Which field, as a path: `input.mean`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl Manifest {
    /// Parses and checks a manifest.
    pub fn parse(json: &[u8]) -> Result<Manifest, ManifestError> {
        let root: Value = serde_json::from_slice(json).map_err(|e| wrong("(all)", e))?;
        let format = Field::of(&root, "format").integer(0, u64::MAX)?;
        if format != MANIFEST_FORMAT {
            return Err(wrong("format", format_args!("is {format}; this inkflow reads {MANIFEST_FORMAT}")));
        }
        let (name, version) = (Field::of(&root, "name").text()?, Field::of(&root, "version").text()?);
        let model = ModelName::new(&format!("{name}@{version}"))
            .ok_or_else(|| wrong("name, version", "want 1 to 100 bytes each, without '@' and white space"))?;
        let file = Field::of(&root, "file").text()?;
        if file.contains(['/', '\\']) || file.starts_with('.') {
            return Err(wrong("file", "is to lie beside the manifest"));
        }
        let sha256 = digest(Field::of(&root, "sha256").text()?).ok_or_else(|| wrong("sha256", "want 64 hex digits"))?;
        let quality = Field::of(&root, "outputs.quality.name").text()?.to_owned();
        let input = input(&root)?;
        Ok(Manifest {
            model,
            file: file.to_owned(),
            sha256,
            licence: Field::of(&root, "licence").text()?.to_owned(),
            input_name: Field::of(&root, "input.name").text()?.to_owned(),
            maps: maps(&root, &input)?,
            input,
            quality,
            classes: classes(Field::of(&root, "outputs.quality.classes"))?,
            completion: Field::of(&root, "outputs.completion.name").text()?.to_owned(),
            confidence: Field::of(&root, "outputs.confidence.name").text()?.to_owned(),
            reads_templates: Field::of(&root, "reads_templates").flag(false)?,
        })
    }
}

fn input(root: &Value) -> Result<InputSpec, ManifestError> {
    let channels = match Field::of(root, "input.channels").integer(1, 3)? {
        1 => Channels::Grey,
        3 => Channels::Rgb,
        _ => return Err(wrong("input.channels", "want 1 (grey) or 3 (RGB)")),
    };
    let fit = Field::of(root, "input.fit").text()?;
    if fit != "letterbox" {
        return Err(wrong("input.fit", format_args!("is {fit:?}; this inkflow knows \"letterbox\"")));
    }
    let std = Field::of(root, "input.std").numbers(channels.count())?;
    if std.contains(&0.0) {
        return Err(wrong("input.std", "is 0, by which nothing can be divided"));
    }
    Ok(InputSpec {
        channels,
        width: Field::of(root, "input.width").integer(1, INPUT_SIDE_PX_MAX)? as u32,
        height: Field::of(root, "input.height").integer(1, INPUT_SIDE_PX_MAX)? as u32,
        mean: Field::of(root, "input.mean").numbers(channels.count())?,
        std,
        pad: Field::of(root, "input.pad").integer(0, 255)? as u8,
    })
}

fn maps(root: &Value, input: &InputSpec) -> Result<Option<MapsSpec>, ManifestError> {
    if Field::of(root, "outputs.maps").value.is_none() {
        return Ok(None);
    }
    let cell = Field::of(root, "outputs.maps.cell").integer(1, CELL_PX_MAX)? as u32;
    if !input.width.is_multiple_of(cell) || !input.height.is_multiple_of(cell) {
        return Err(wrong("outputs.maps.cell", "does not divide the input's width and height"));
    }
    let planes = Field::of(root, "outputs.maps.planes");
    let named = planes.value.and_then(Value::as_array).is_some_and(|names| names.iter().eq(PLANES.iter()));
    if !named {
        return Err(planes.wrong(format_args!("want {}, in this order", PLANES.join(", "))));
    }
    let unsure_below = match Field::of(root, "areas.unsure_below") {
        Field { value: None, .. } => UNSURE_BELOW,
        limit => limit.share()?,
    };
    Ok(Some(MapsSpec { name: Field::of(root, "outputs.maps.name").text()?.to_owned(), cell, unsure_below }))
}

fn classes(field: Field<'_>) -> Result<[Quality; 5], ManifestError> {
    let problem = || field.wrong("want ok, blurred, dark, cropped and not_a_page, each once, in the model's order");
    let names = field.value.and_then(Value::as_array).ok_or_else(problem)?;
    let found: Vec<Quality> = names.iter().filter_map(|n| Quality::parse(n.as_str()?)).collect();
    let found: [Quality; 5] = found.try_into().map_err(|_| problem())?;
    if names.len() != 5 || !Quality::ALL.iter().all(|quality| found.contains(quality)) {
        return Err(problem());
    }
    Ok(found)
}

fn wrong(field: &str, why: impl std::fmt::Display) -> ManifestError {
    ManifestError { field: field.to_owned(), why: why.to_string() }
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// A field by its path, so that every error can say which one it means.
pub(super) struct Field<'a> {
    path: &'a str,
    value: Option<&'a Value>,
}

impl<'a> Field<'a> {
    pub fn of(root: &'a Value, path: &'a str) -> Field<'a> {
        let step = |value: &'a Value, key: &str| match value {
            Value::Array(values) => values.get(key.parse::<usize>().ok()?),
            _ => value.get(key),
        };
        let value = path.split('.').try_fold(root, step).filter(|value| !value.is_null());
        Field { path, value }
    }
    fn wrong(&self, why: impl std::fmt::Display) -> ManifestError {
        match self.value {
            Some(_) => wrong(self.path, why),
            None => wrong(self.path, "is missing"),
        }
    }
    fn text(&self) -> Result<&'a str, ManifestError> {
        let text = self.value.and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| self.wrong("want a string that is not empty"))
    }
    fn integer(&self, least: u64, most: u64) -> Result<u64, ManifestError> {
        let number = self.value.and_then(Value::as_u64).filter(|n| (least..=most).contains(n));
        number.ok_or_else(|| self.wrong(format_args!("want an integer from {least} to {most}")))
    }
    fn flag(&self, without: bool) -> Result<bool, ManifestError> {
        match self.value {
            None => Ok(without),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong("want true or false")),
        }
    }
    fn share(&self) -> Result<f32, ManifestError> {
        let number = self.value.and_then(Value::as_f64).filter(|n| (0.0..=1.0).contains(n));
        number.map(|n| n as f32).ok_or_else(|| self.wrong("want a number from 0 to 1"))
    }
    /// Exactly `count` finite numbers.
    pub fn numbers(&self, count: usize) -> Result<Vec<f32>, ManifestError> {
        let problem = || self.wrong(format_args!("want {count} finite numbers"));
        let values = self.value.and_then(Value::as_array).filter(|v| v.len() == count).ok_or_else(problem)?;
        let number = |v: &Value| v.as_f64().map(|n| n as f32).filter(|n| n.is_finite());
        values.iter().map(|v| number(v).ok_or_else(problem)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Value {
        serde_json::json!({
            "format": 1, "name": "page", "version": "1", "file": "model.onnx", "sha256": "ab".repeat(32),
            "licence": "Apache-2.0",
            "input": {"name": "image", "channels": 1, "height": 640, "width": 480, "mean": [0.5], "std": [0.25],
                      "fit": "letterbox", "pad": 255},
            "outputs": {"quality": {"name": "quality", "classes": ["ok", "blurred", "dark", "cropped", "not_a_page"]},
                        "completion": {"name": "completion"}, "confidence": {"name": "confidence"}},
            "reads_templates": false, "figures": {}, "something new": [1]
        })
    }

    #[test]
    fn a_good_one_is_read() {
        let manifest = Manifest::parse(good().to_string().as_bytes()).unwrap();
        assert_eq!(manifest.model.as_str(), "page@1");
        assert_eq!(manifest.input.floats(), 640 * 480);
        assert_eq!(manifest.classes, Quality::ALL);
    }

    fn with_maps() -> Value {
        let mut manifest = good();
        manifest["outputs"]["maps"] = serde_json::json!({"name": "maps", "cell": 8, "planes": PLANES});
        manifest
    }

    #[test]
    fn maps_are_told_of_or_not_there() {
        let parse = |manifest: &Value| Manifest::parse(manifest.to_string().as_bytes()).unwrap().maps;
        assert_eq!(parse(&good()), None);
        let mut manifest = with_maps();
        assert_eq!(parse(&manifest), Some(MapsSpec { name: "maps".into(), cell: 8, unsure_below: 0.6 }));
        manifest["areas"] = serde_json::json!({"unsure_below": 0.75});
        assert_eq!(parse(&manifest).unwrap().unsure_below, 0.75);
    }

    #[test]
    fn every_wrong_field_of_maps_is_named() {
        let mut swapped = PLANES;
        swapped.swap(1, 2);
        let wrongs: [(&str, Value); 10] = [
            ("outputs.maps.name", Value::Null),
            ("outputs.maps.name", "".into()),
            ("outputs.maps.cell", 0.into()),
            ("outputs.maps.cell", 7.into()),
            ("outputs.maps.cell", 128.into()),
            ("outputs.maps.planes", Value::Null),
            ("outputs.maps.planes", serde_json::json!(swapped)),
            ("outputs.maps.planes", serde_json::json!(PLANES[..5])),
            ("areas.unsure_below", 1.5.into()),
            ("areas.unsure_below", "much".into()),
        ];
        for (field, value) in wrongs {
            let mut manifest = with_maps();
            manifest["areas"] = serde_json::json!({"unsure_below": 0.5});
            *manifest.pointer_mut(&format!("/{}", field.replace('.', "/"))).unwrap() = value.clone();
            let error = Manifest::parse(manifest.to_string().as_bytes()).unwrap_err();
            assert!(error.to_string().contains(field), "{field} = {value}: {error}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrongs: [(&str, Value); 21] = [
            ("format", 2.into()),
            ("name", "a b".into()),
            ("version", Value::Null),
            ("file", "../model.onnx".into()),
            ("sha256", "xy".into()),
            ("licence", 1.into()),
            ("input.name", "".into()),
            ("input.channels", 2.into()),
            ("input.height", 0.into()),
            ("input.width", 5_000.into()),
            ("input.mean", serde_json::json!([0.5, 0.5])),
            ("input.std", serde_json::json!([0.0])),
            ("input.std", serde_json::json!([1e300])),
            ("input.fit", "stretch".into()),
            ("input.pad", 256.into()),
            ("outputs.quality.name", Value::Null),
            ("outputs.quality.classes", serde_json::json!(["ok", "ok", "dark", "cropped", "not_a_page"])),
            ("outputs.quality.classes", serde_json::json!(["ok", "blurred", "dark", "cropped", "not_a_page", "x"])),
            ("outputs.completion.name", 3.into()),
            ("outputs.confidence", Value::Null),
            ("reads_templates", "no".into()),
        ];
        for (field, value) in wrongs {
            let mut manifest = good();
            *manifest.pointer_mut(&format!("/{}", field.replace('.', "/"))).unwrap() = value.clone();
            let error = Manifest::parse(manifest.to_string().as_bytes()).unwrap_err();
            assert!(error.to_string().contains(field), "{field} = {value}: {error}");
        }
        for json in ["", "[]", "null", "{"] {
            Manifest::parse(json.as_bytes()).unwrap_err();
        }
    }
}
