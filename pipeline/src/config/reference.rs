//! What the flow file's fields are, for people: the JSON Schema, `docs/reference/config.md` and the commented example
//! `docs/examples/homework.yaml`, all made from the doc comments of [`FlowConfig`]. Tests keep the files equal to it;
//! `UPDATE=1 cargo test -p inkflow reference` writes them anew.

use super::{
    BatchConfig, ClusterConfig, FlowConfig, JoinedConfig, LimitsConfig, LogConfig, ModelConfig, PostgresConfig,
};
use super::{BucketConfig, JournalBucketConfig, PhotoBucketConfig, WebConfig};
use super::{ChangelogConfig, KafkaConfig, KafkaSasl, KafkaSourceConfig, KafkaTls, NotificationsConfig, TopicNames};
use schemars::generate::SchemaSettings;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::Value;

/// Comments in the example end before this column.
const COLUMNS: usize = 110;

/// The JSON Schema of a flow file.
pub fn json_schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<FlowConfig>();
    format!("{:#}\n", schema.to_value())
}

/// `docs/reference/config.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# The flow file\n\nOne YAML for everything that `inkflow run FLOW.yaml` and `inkflow check FLOW.yaml` need to be told. \
         [homework.yaml](../examples/homework.yaml) is a whole one, with comments. `inkflow schema` prints its JSON Schema, for \
         editors. Paths are relative to the file.\n\n`${NAME}` stands for the environment's variable of that name, and \
         `${NAME:-default}` for a default where there is none; in quotes it stands for itself (and cannot stand within `{..}`, \
         which is YAML's own). No error quotes what came from the environment.\n\nMade from `pipeline/src/config/mod.rs`; `UPDATE=1 cargo test -p inkflow reference` writes it \
         anew.\n\n| field | value | without it | meaning |\n| --- | --- | --- | --- |\n",
    );
    rows(&mut text, "", &Schemas::new().flow());
    text
}

/// `docs/examples/homework.yaml`.
pub fn example() -> String {
    let mut text = String::from(
        "# A flow, with every field that there is. Those that may be left out stand at what they are then.\n\
         # Try everything in it: inkflow check homework.yaml      Run it: inkflow run homework.yaml\n\n",
    );
    write_fields(&mut text, 0, &Schemas::new().flow());
    text
}

/// A field of the flow file.
struct Field {
    name: String,
    doc: String,
    required: bool,
    /// What it is when it is left out.
    default: Option<Value>,
    example: Option<Value>,
    shape: Shape,
}

/// What can stand in a field.
enum Shape {
    Fields(Vec<Field>),
    /// One of these, each a field of its own.
    OneOf(Vec<Field>),
    /// Any number of these.
    ListOf(Vec<Field>),
    /// One of these words.
    Word(Vec<(String, String)>),
    Scalar(&'static str),
}

/// The schema of a flow file, and the order of each type's fields: JSON objects have none.
struct Schemas {
    root: Value,
    orders: Vec<(&'static str, &'static [&'static str])>,
}

impl Schemas {
    fn new() -> Schemas {
        let root = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<FlowConfig>().to_value();
        let orders = vec![
            ("FlowConfig", order_of::<FlowConfig>()),
            ("KafkaConfig", order_of::<KafkaConfig>()),
            ("KafkaTls", order_of::<KafkaTls>()),
            ("KafkaSasl", order_of::<KafkaSasl>()),
            ("KafkaSourceConfig", order_of::<KafkaSourceConfig>()),
            ("TopicNames", order_of::<TopicNames>()),
            ("NotificationsConfig", order_of::<NotificationsConfig>()),
            ("ChangelogConfig", order_of::<ChangelogConfig>()),
            ("BucketConfig", order_of::<BucketConfig>()),
            ("PhotoBucketConfig", order_of::<PhotoBucketConfig>()),
            ("WebConfig", order_of::<WebConfig>()),
            ("JournalBucketConfig", order_of::<JournalBucketConfig>()),
            ("ModelConfig", order_of::<ModelConfig>()),
            ("BatchConfig", order_of::<BatchConfig>()),
            ("JoinedConfig", order_of::<JoinedConfig>()),
            ("ClusterConfig", order_of::<ClusterConfig>()),
            ("LimitsConfig", order_of::<LimitsConfig>()),
            ("PostgresConfig", order_of::<PostgresConfig>()),
            ("LogConfig", order_of::<LogConfig>()),
        ];
        Schemas { root, orders }
    }

    /// What a schema refers to, with the name of its type.
    fn follow<'a>(&'a self, schema: &'a Value) -> (&'a str, &'a Value) {
        match schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            Some(name) => (name, &self.root["$defs"][name]),
            None => ("", schema),
        }
    }

    fn flow(&self) -> Vec<Field> {
        self.fields("FlowConfig", &self.root)
    }

    fn fields(&self, name: &str, schema: &Value) -> Vec<Field> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let order = self.orders.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, order)| order);
        let mut properties: Vec<(&String, &Value)> = schema["properties"].as_object().into_iter().flatten().collect();
        assert!(properties.len() < 2 || properties.len() == order.len(), "the order of {name}'s fields is not known");
        properties.sort_by_key(|(name, _)| order.iter().position(|field| field == name));
        let field = |(name, property): (&String, &Value)| self.field(name, property, required.contains(&name.as_str()));
        properties.into_iter().map(field).collect()
    }

    fn field(&self, name: &str, property: &Value, required: bool) -> Field {
        // An optional field is its shape or null.
        let either = property["anyOf"].as_array().and_then(|any| any.iter().find(|shape| shape["type"] != "null"));
        let (of, shape) = self.follow(either.unwrap_or(property));
        let example = property["examples"].get(0).or(shape["examples"].get(0)).or(shape["oneOf"][0].get("const"));
        Field {
            name: name.to_owned(),
            doc: property["description"].as_str().unwrap_or_default().replace('\n', " "),
            required,
            default: property.get("default").filter(|default| !default.is_null()).cloned(),
            example: example.cloned(),
            shape: self.shape(of, shape),
        }
    }

    fn shape(&self, of: &str, schema: &Value) -> Shape {
        if schema["properties"].is_object() {
            return Shape::Fields(self.fields(of, schema));
        }
        if let Some(variants) = schema["oneOf"].as_array() {
            return match variants.iter().map(word).collect::<Option<Vec<_>>>() {
                Some(words) => Shape::Word(words),
                None => Shape::OneOf(self.variants(variants)),
            };
        }
        if schema["type"] == "array" {
            let (_, items) = self.follow(&schema["items"]);
            return match items["oneOf"].as_array() {
                Some(variants) => Shape::ListOf(self.variants(variants)),
                None => Shape::Scalar("a list of texts"),
            };
        }
        let kind = schema["type"].as_array().and_then(|any| any.first()).unwrap_or(&schema["type"]).as_str();
        Shape::Scalar(match kind {
            Some("integer") if schema["minimum"] == 0 => "a number from 0",
            Some("integer") => "a number from 1",
            Some("string") => "text",
            Some("boolean") => "`true` or `false`",
            _ => "1",
        })
    }

    /// A variant is an object with one field; its doc stands beside the field.
    fn variants(&self, schemas: &[Value]) -> Vec<Field> {
        let variant = |schema: &Value| {
            let mut field = self.fields("", schema).pop()?;
            field.doc = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
            field.required = false;
            field.example = field.example.or(schema["examples"].get(0).cloned());
            Some(field)
        };
        schemas.iter().filter_map(variant).collect()
    }
}

/// The fields of a struct in the order of their declaration, as serde's derive tells a deserializer.
fn order_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    struct Asked<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("nothing to read"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(Asked(&mut fields));
    fields
}

fn word(schema: &Value) -> Option<(String, String)> {
    let doc = schema["description"].as_str().unwrap_or_default();
    Some((schema["const"].as_str()?.to_owned(), doc.replace('\n', " ")))
}

fn rows(text: &mut String, path: &str, fields: &[Field]) {
    for field in fields {
        let path = format!("{path}{}", field.name);
        let (kind, inner): (String, Option<(String, &[Field])>) = match &field.shape {
            Shape::Fields(inner) => ("fields".to_owned(), Some((format!("{path}."), inner))),
            Shape::OneOf(inner) => ("one of these".to_owned(), Some((format!("{path}."), inner))),
            Shape::ListOf(inner) => ("a list of these".to_owned(), Some((format!("{path}[]."), inner))),
            Shape::Word(words) => {
                (words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(" or "), None)
            }
            Shape::Scalar(kind) => ((*kind).to_owned(), None),
        };
        let without = match (&field.default, field.required, inner.is_some()) {
            (Some(_), _, true) => "as below".to_owned(),
            (Some(default), _, false) => format!("`{}`", scalar(default)),
            (None, true, _) => "required".to_owned(),
            (None, false, _) => String::new(),
        };
        let words = match &field.shape {
            Shape::Word(words) => words.iter().map(|(word, doc)| format!(" `{word}`: {doc}")).collect(),
            _ => String::new(),
        };
        *text += &format!("| `{path}` | {kind} | {without} | {}{words} |\n", field.doc);
        if let Some((path, inner)) = inner {
            rows(text, &path, inner);
        }
    }
}

fn write_fields(text: &mut String, indent: usize, fields: &[Field]) {
    for (index, field) in fields.iter().enumerate() {
        if indent == 0 && index > 0 {
            text.push('\n');
        }
        // What may be left out and stands at nothing then is shown as a comment; the parts of a flow stand as they are.
        let is_part = indent == 0 && !matches!(field.shape, Shape::Word(_) | Shape::Scalar(_));
        match field.required || field.default.is_some() || is_part {
            true => write_field(text, indent, "", field),
            false => write_off(text, indent, field),
        }
    }
}

/// A field as a comment, under its words.
fn write_off(text: &mut String, indent: usize, field: &Field) {
    let mut part = String::new();
    write_field(&mut part, 0, "", field);
    let words = part.lines().take_while(|line| line.starts_with('#')).count();
    for (index, line) in part.lines().enumerate() {
        *text += &format!("{}{}{line}\n", " ".repeat(indent), if index < words { "" } else { "# " });
    }
}

fn write_field(text: &mut String, indent: usize, lead: &str, field: &Field) {
    let mut doc = field.doc.clone();
    if let Shape::Word(words) = &field.shape {
        doc.extend(words.iter().map(|(word, meaning)| format!(" {word}: {meaning}")));
    }
    comment(text, indent, &doc);
    let (pad, name) = (" ".repeat(indent), &field.name);
    let inner = indent + 2 + lead.len();
    match &field.shape {
        Shape::Fields(fields) => {
            *text += &format!("{pad}{lead}{name}:\n");
            write_fields(text, inner, fields);
        }
        Shape::OneOf(variants) => {
            *text += &format!("{pad}{lead}{name}:\n");
            for (index, variant) in variants.iter().enumerate() {
                let mut part = String::new();
                write_field(&mut part, if index == 0 { inner } else { 0 }, "", variant);
                if index == 0 {
                    *text += &part;
                    continue;
                }
                comment(text, inner, "Or, in its place:");
                part.lines().for_each(|line| *text += &format!("{}# {line}\n", " ".repeat(inner)));
            }
        }
        Shape::ListOf(variants) => {
            *text += &format!("{pad}{lead}{name}:\n");
            variants.iter().for_each(|variant| write_field(text, inner, "- ", variant));
        }
        Shape::Word(_) | Shape::Scalar(_) => {
            let value = field.default.as_ref().or(field.example.as_ref()).map(scalar).unwrap_or_default();
            let quote = if value.starts_with('{') { "\"" } else { "" };
            *text += &format!("{pad}{lead}{name}: {quote}{value}{quote}\n");
        }
    }
}

fn comment(text: &mut String, indent: usize, doc: &str) {
    let mut line = String::new();
    for word in doc.split_whitespace() {
        if !line.is_empty() && indent + 3 + line.len() + word.len() >= COLUMNS {
            *text += &format!("{}#{line}\n", " ".repeat(indent));
            line.clear();
        }
        line.push(' ');
        line += word;
    }
    if !line.is_empty() {
        *text += &format!("{}#{line}\n", " ".repeat(indent));
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A file of the repository is as it should be; with UPDATE=1 in the environment, it is made so.
#[cfg(test)]
pub fn same_as_file(file: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{file} is not as the code has it: UPDATE=1 cargo test -p inkflow reference");
}
