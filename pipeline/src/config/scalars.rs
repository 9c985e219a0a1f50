//! Values of the flow file that are more than a text: checked when the file is read, so that an error names their place.

use inkflow_connectors::notification::Pattern;
use inkflow_connectors::photos::Network;
use inkflow_operators::views::class_day::DayOf;
use inkflow_schemas::{Millis, ModelName};
use jiff::{tz, Timestamp};
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

/// The version of the flow file's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Version, D::Error> {
        match u64::deserialize(from)? {
            1 => Ok(Version),
            version => {
                Err(Error::custom(format_args!("version {version} is not known here: this inkflow reads version 1")))
            }
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(1)
    }
}

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": 1, "examples": [1] })
    }
}

/// A time zone, by its IANA name. The tables are inkflow's own, so that every machine has the same days.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeZone(tz::TimeZone);

impl Default for TimeZone {
    fn default() -> Self {
        TimeZone(tz::TimeZone::UTC)
    }
}

impl TimeZone {
    /// The zone of that name.
    pub fn named(name: &str) -> Option<TimeZone> {
        match name {
            "UTC" => Some(TimeZone::default()),
            _ => tz::db().get(name).ok().map(TimeZone),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day of a time in this zone.
    pub fn day_of(&self) -> DayOf {
        let zone = self.0.clone();
        Arc::new(move |time: Millis| {
            // Every time that inkflow admits lies between 1970 and 2100, which a timestamp holds.
            let instant = Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH);
            let seconds = time.0.div_euclid(1_000) + i64::from(zone.to_offset(instant).seconds());
            i32::try_from(seconds.div_euclid(86_400)).unwrap_or(0)
        })
    }

    /// The name nearest to one that is none.
    fn nearest(name: &str) -> Option<String> {
        let names: Vec<String> = tz::db().available().map(|name| name.as_str().to_owned()).collect();
        super::load::nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TimeZone, D::Error> {
        let name = String::deserialize(from)?;
        TimeZone::named(&name).ok_or_else(|| match TimeZone::nearest(&name) {
            Some(near) => Error::custom(format_args!("no time zone is called {name:?}; did you mean {near:?}?")),
            None => Error::custom(format_args!("no time zone is called {name:?}: want an IANA name, as Europe/Vienna")),
        })
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl JsonSchema for TimeZone {
    fn schema_name() -> Cow<'static, str> {
        "TimeZone".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// An address with a port.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    let address = text.parse();
    address.map_err(|_| Error::custom(format_args!("{text:?} is no ADDRESS:PORT, as 127.0.0.1:8080 or 0.0.0.0:8080")))
}

/// The name and version of a model, as `page@1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Model(pub ModelName);

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Model, D::Error> {
        let name = String::deserialize(from)?;
        let model = ModelName::new(&name).map(Model);
        model.ok_or_else(|| Error::custom(format_args!("{name:?} is no model: want NAME@VERSION, as page@1")))
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl JsonSchema for Model {
    fn schema_name() -> Cow<'static, str> {
        "Model".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$" })
    }
}

/// Where a topic begins that nothing was sealed of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record.
    #[default]
    Earliest,
    /// With what comes from now on.
    Latest,
    /// At this offset of each partition.
    Offset(u64),
    /// With the first record of this time or a later one.
    Time(Millis),
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Start, D::Error> {
        let text = String::deserialize(from)?;
        let offset = text.strip_prefix("offset ").and_then(|offset| offset.parse().ok()).map(Start::Offset);
        let time = || text.parse::<Timestamp>().ok().map(|time| Start::Time(Millis(time.as_millisecond())));
        match text.as_str() {
            "earliest" => Ok(Start::Earliest),
            "latest" => Ok(Start::Latest),
            _ => offset.or_else(time).ok_or_else(|| {
                let want = "want earliest, latest, offset N, or a time as 2026-11-01T00:00:00Z";
                Error::custom(format_args!("{text:?} is no place to start: {want}"))
            }),
        }
    }
}

impl Serialize for Start {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Start::Earliest => to.serialize_str("earliest"),
            Start::Latest => to.serialize_str("latest"),
            Start::Offset(offset) => to.serialize_str(&format!("offset {offset}")),
            Start::Time(time) => {
                to.serialize_str(&Timestamp::from_millisecond(time.0).unwrap_or(Timestamp::UNIX_EPOCH).to_string())
            }
        }
    }
}

impl JsonSchema for Start {
    fn schema_name() -> Cow<'static, str> {
        "Start".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(earliest|latest|offset [0-9]+|[0-9]{4}-.+)$" })
    }
}

/// How an object's key tells whose page it is.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPattern(pub Pattern);

impl<'de> Deserialize<'de> for PathPattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PathPattern, D::Error> {
        let text = String::deserialize(from)?;
        Pattern::new(&text).map(PathPattern).map_err(|why| Error::custom(format_args!("{text:?} is no pattern: {why}")))
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl JsonSchema for PathPattern {
    fn schema_name() -> Cow<'static, str> {
        "PathPattern".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A network, as 10.1.0.0/16.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrivateNetwork(pub Network);

impl<'de> Deserialize<'de> for PrivateNetwork {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PrivateNetwork, D::Error> {
        String::deserialize(from)?.parse().map(PrivateNetwork).map_err(Error::custom)
    }
}

impl Serialize for PrivateNetwork {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.to_string())
    }
}

impl JsonSchema for PrivateNetwork {
    fn schema_name() -> Cow<'static, str> {
        "PrivateNetwork".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
