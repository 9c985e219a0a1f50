//! Models of a few nodes, written as protobuf by hand: what a good and a bad model look like, without a file of weights.
//!
//! All of them take [N, 1, 8, 6]. Where nothing else is said, quality is fixed, and completion and confidence are the
//! mean of the pixels, 0..1, so that a test knows what a photo's reading must be.

use std::path::{Path, PathBuf};

/// Field numbers are those of `onnx.proto`.
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
fn int(field: u64, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(field << 3, &mut out);
    varint(value, &mut out);
    out
}
fn data(field: u64, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    varint(field << 3 | 2, &mut out);
    varint(bytes.as_ref().len() as u64, &mut out);
    out.extend(bytes.as_ref());
    out
}

/// A tensor that any number of photos is the first side of, unless `fixed`.
fn outlet(name: &str, element: u64, fixed: bool, sides: &[u64]) -> Vec<u8> {
    let photos = if fixed { int(1, 1) } else { data(2, "N") };
    let mut shape = data(1, photos);
    for side in sides {
        shape.extend(data(1, int(1, *side)));
    }
    let tensor = [int(1, element), data(2, shape)].concat();
    [data(1, name), data(2, data(1, tensor))].concat()
}

fn floats(name: &str, dims: &[u64], values: &[f32]) -> Vec<u8> {
    let mut out: Vec<u8> = dims.iter().flat_map(|d| int(1, *d)).collect();
    out.extend(int(2, 1));
    out.extend(data(8, name));
    out.extend(data(9, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()));
    out
}

fn ints(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    [int(1, values.len() as u64), int(2, 7), data(8, name), data(9, raw)].concat()
}

fn node(kind: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = inputs.iter().flat_map(|i| data(1, i)).collect();
    out.extend(data(2, output));
    out.extend(data(3, output));
    out.extend(data(4, kind));
    out.extend(attributes.iter().flat_map(|a| data(5, a)));
    out
}

/// A model and what it answers.
pub struct Tiny {
    pub name: &'static str,
    /// In the model's file; the manifest always says 8 x 6.
    pub sides: [u64; 3],
    pub fixed_batch: bool,
    pub input: &'static str,
    pub element: u64,
    pub probabilities: [f32; 5],
    /// Completion is not a number where the mean is above this.
    pub breaks_above: Option<f32>,
    /// Completion is the mean, times this.
    pub factor: f32,
    /// Maps of cells of 2 x 2, the same for every photo: six planes of 4 x 3.
    pub maps: Option<Vec<f32>>,
}

impl Default for Tiny {
    fn default() -> Tiny {
        let probabilities = [0.9, 0.025, 0.025, 0.025, 0.025];
        let (name, input) = ("tiny", "image");
        let sides = [1, 8, 6];
        Tiny {
            name,
            sides,
            fixed_batch: false,
            input,
            element: 1,
            probabilities,
            breaks_above: None,
            factor: 1.0,
            maps: None,
        }
    }
}

impl Tiny {
    pub fn onnx(&self) -> Vec<u8> {
        let axes = [data(1, "axes"), int(8, 2), int(8, 3), int(20, 7)].concat();
        let keep = [data(1, "keepdims"), int(3, 0), int(20, 2)].concat();
        let mut nodes = vec![
            node("ReduceMean", &[self.input], "mean1", &[axes, keep]),
            node("Mul", &["mean1", "zero"], "nothing", &[]),
            node("Add", &["nothing", "fixed"], "quality", &[]),
            node("Squeeze", &["mean1", "one"], "mean", &[]),
            node("Identity", &["mean"], "confidence", &[]),
        ];
        match self.breaks_above {
            // The square root of what is below zero is not a number; of what is above, times zero, nothing.
            Some(_) => nodes.extend([
                node("Sub", &["limit", "mean"], "left", &[]),
                node("Sqrt", &["left"], "root", &[]),
                node("Mul", &["root", "zero"], "broken", &[]),
                node("Add", &["mean", "broken"], "completion", &[]),
            ]),
            None => nodes.push(node("Mul", &["mean", "factor"], "completion", &[])),
        }
        if self.maps.is_some() {
            nodes.push(node("Unsqueeze", &["nothing", "last"], "spread", &[]));
            nodes.push(node("Add", &["spread", "planes"], "maps", &[]));
        }
        let mut graph: Vec<u8> = nodes.iter().flat_map(|n| data(1, n)).collect();
        graph.extend(data(2, "tiny"));
        for constant in [
            floats("zero", &[1], &[0.0]),
            floats("factor", &[1], &[self.factor]),
            floats("limit", &[1], &[self.breaks_above.unwrap_or(0.0)]),
            floats("fixed", &[1, 5], &self.probabilities),
            ints("one", &[1]),
        ] {
            graph.extend(data(5, constant));
        }
        if let Some(maps) = &self.maps {
            graph.extend(data(5, floats("planes", &[1, 6, 4, 3], maps)));
            graph.extend(data(5, ints("last", &[2, 3])));
            graph.extend(data(12, outlet("maps", self.element, self.fixed_batch, &[6, 4, 3])));
        }
        graph.extend(data(11, outlet(self.input, self.element, self.fixed_batch, &self.sides)));
        graph.extend(data(12, outlet("quality", self.element, self.fixed_batch, &[5])));
        graph.extend(data(12, outlet("completion", self.element, self.fixed_batch, &[])));
        graph.extend(data(12, outlet("confidence", self.element, self.fixed_batch, &[])));
        let opset = [data(1, ""), int(2, 13)].concat();
        [int(1, 8), data(7, graph), data(8, opset)].concat()
    }

    /// Writes the model with its manifest and probe to `<root>/<name>/<version>/`.
    pub fn write(&self, root: &Path, version: &str) -> PathBuf {
        let folder = root.join(self.name).join(version);
        std::fs::create_dir_all(&folder).unwrap();
        let file = self.onnx();
        let sha256: String = crate::photos::verify::sha256(&file).iter().map(|b| format!("{b:02x}")).collect();
        let mut manifest = serde_json::json!({
            "format": 1, "name": self.name, "version": version, "file": "model.onnx", "sha256": sha256, "licence": "CC0-1.0",
            "input": {"name": "image", "channels": 1, "height": 8, "width": 6, "mean": [0.0], "std": [1.0],
                      "fit": "letterbox", "pad": 255},
            "outputs": {"quality": {"name": "quality", "classes": ["ok", "blurred", "dark", "cropped", "not_a_page"]},
                        "completion": {"name": "completion"}, "confidence": {"name": "confidence"}},
            "reads_templates": false, "figures": {}
        });
        if self.maps.is_some() {
            manifest["outputs"]["maps"] = serde_json::json!({"name": "maps", "cell": 2, "planes": super::PLANES});
        }
        let values = (0..8u32).flat_map(|y| (0..6u32).map(move |x| f64::from((x * 7 + y * 13) % 256)));
        let mean = values.sum::<f64>() / 48.0 / 255.0;
        let probe = serde_json::json!({
            "outputs": {"quality": [self.probabilities], "completion": [mean], "confidence": [mean]}, "tolerance": 1e-4
        });
        std::fs::write(folder.join("model.onnx"), file).unwrap();
        std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
        std::fs::write(folder.join("probe.json"), probe.to_string()).unwrap();
        folder
    }
}
