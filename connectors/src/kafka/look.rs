//! Looking at the topics: which they are, which partitions they have, where they end; and what is read from then on.

use super::client::{overhear, ASK_TIMEOUT};
use super::source::{KafkaSource, Part, SourceTopic};
use super::start::{watermarks, NoStart, Start};
use super::topic_ids::{describe, Described};
use crate::source::{Origin, SourceError, Starts};
use inkflow_schemas::Topic;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// A topic that is not there is taken for deleted after so long: brokers may disagree for a moment.
const GONE_AFTER: Duration = Duration::from_secs(4);
/// Where brokers do not answer, they are asked again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// An offset that is said to be out of range, and is found in range, is asked for so often.
const OUT_OF_RANGE_MAX: u32 = 10;

/// Why a step was not taken.
pub(super) enum Trouble {
    /// Wait.
    Later(String),
    /// It cannot go on.
    Error(SourceError),
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Trouble {
        Trouble::Error(error)
    }
}

pub(super) fn later(error: KafkaError) -> Trouble {
    Trouble::Later(error.to_string())
}

impl KafkaSource {
    /// Looks at the topics, if that is due. What the brokers do not answer is waited for.
    pub(super) fn look(&mut self) -> Result<(), SourceError> {
        let every = if self.waiting.is_some() { LOOK_AGAIN } else { self.settings.look_every };
        if self.looked.is_some_and(|at| at.elapsed() < every) {
            return Ok(());
        }
        let names: Vec<String> = self.settings.topics.iter().map(|of| of.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let seen = match describe(self.consumer.client(), &names, ASK_TIMEOUT) {
            Ok(described) => self.see(described),
            Err(error) => {
                // Whoever reads nothing yet is not polled.
                if self.consumer.assignment().is_ok_and(|list| list.count() == 0) {
                    overhear(&self.consumer);
                }
                Err(Trouble::Later(format!("the brokers do not answer: {error}")))
            }
        };
        self.looked = Some(Instant::now());
        match seen {
            Ok(()) => {
                if self.waiting.take().is_some() {
                    tracing::info!("Kafka is there again");
                }
                Ok(())
            }
            Err(Trouble::Later(why)) => {
                self.wait_for(why);
                Ok(())
            }
            Err(Trouble::Error(error)) => Err(error),
        }
    }

    fn see(&mut self, described: Vec<Described>) -> Result<(), Trouble> {
        let mut found = Starts::default();
        let mut later = None;
        for topic in self.settings.topics.clone() {
            let Some(seen) = described.iter().find(|seen| seen.name == topic.name) else { continue };
            match seen.found {
                Ok((id, partitions)) => self.see_topic(&topic, id, partitions, &mut found)?,
                Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                    self.see_absent(&topic, &mut found)?;
                }
                Err(error) => later = Some(Trouble::Later(format!("topic {}: {error}", topic.name))),
            }
        }
        self.unsealed = (!found.origins.is_empty()).then_some(found);
        self.assign()?;
        later.map_or(Ok(()), Err)
    }

    fn see_topic(&mut self, of: &SourceTopic, id: u128, partitions: u32, found: &mut Starts) -> Result<(), Trouble> {
        let topic = of.topic;
        self.gone_since.remove(&topic);
        if self.ended && self.absent.contains(&topic) {
            // It came after the end was asked for.
            return Ok(());
        }
        match self.origins.get(&topic) {
            Some(Origin { name, id: Some(known) }) if *name == of.name && *known != id => {
                let found = "was deleted and made anew";
                return Err(SourceError::Replaced { topic, found, place: self.place(topic) }.into());
            }
            Some(Origin { name, id: Some(_) }) if *name != of.name => {
                let found = "is configured now";
                let place = format!("topic {name} was read, and topic {}", of.name);
                return Err(SourceError::Replaced { topic, found, place }.into());
            }
            Some(Origin { id: Some(_), .. }) => return self.see_partitions(topic, partitions),
            known => {
                // One that was not there before is found later: all of it is read.
                let later = known.is_some() || self.positions.keys().any(|(known, _)| *known == topic);
                let start = if later { Ok(vec![0; partitions as usize]) } else { self.resolve(of, partitions) };
                let offsets = (0..).zip(start?).map(|(partition, offset)| ((topic, partition), offset));
                found.offsets.extend(offsets.filter(|(at, _)| !self.positions.contains_key(at)));
                found.origins.insert(topic, Origin { name: of.name.clone(), id: Some(id) });
            }
        }
        Ok(())
    }

    fn resolve(&self, of: &SourceTopic, partitions: u32) -> Result<Vec<u64>, Trouble> {
        of.start.resolve(&self.consumer, &of.name, partitions).map_err(|error| match error {
            NoStart::Later(error) => Trouble::Later(format!("where topic {} begins is not told: {error}", of.name)),
            NoStart::NotThere { partition, low, high } => {
                let wanted = if let Start::Offset(offset) = of.start { offset } else { 0 };
                let (topic, place) = (of.topic, self.place(of.topic));
                Trouble::Error(SourceError::NoStart { topic, partition, wanted, low, high, place })
            }
        })
    }

    fn see_absent(&mut self, of: &SourceTopic, found: &mut Starts) -> Result<(), Trouble> {
        let topic = of.topic;
        match self.origins.get(&topic) {
            Some(Origin { id: Some(_), .. }) => {
                let since = *self.gone_since.entry(topic).or_insert_with(Instant::now);
                if since.elapsed() >= GONE_AFTER {
                    return Err(SourceError::Replaced { topic, found: "was deleted", place: self.place(topic) }.into());
                }
                return Err(Trouble::Later(format!("topic {} is not there", of.name)));
            }
            Some(Origin { id: None, .. }) => {}
            None => {
                let positions = self.positions.iter().find(|((known, _), next)| *known == topic && **next > 0);
                if let Some((&(topic, partition), &position)) = positions {
                    let found = "the topic is not there";
                    return Err(
                        SourceError::Truncated { topic, partition, position, found, place: self.place(topic) }.into()
                    );
                }
                found.origins.insert(topic, Origin { name: of.name.clone(), id: None });
            }
        }
        if !self.absent.contains(&topic) {
            tracing::warn!(topic = of.name, "the topic is not there: it is read from its beginning once it is");
            self.absent.push(topic);
        }
        Ok(())
    }

    /// Partitions of a topic that is read.
    fn see_partitions(&mut self, topic: Topic, partitions: u32) -> Result<(), Trouble> {
        let lost = self
            .positions
            .iter()
            .find(|((of, partition), next)| *of == topic && *partition >= partitions && **next > 0);
        if let Some((&(topic, partition), &position)) = lost {
            let found = "there is no such partition";
            return Err(SourceError::Truncated { topic, partition, position, found, place: self.place(topic) }.into());
        }
        for partition in 0..partitions {
            let at = (topic, partition);
            // A source that has an end looks at no partition that came after that was asked for.
            if !(self.parts.contains_key(&at) || self.ended && self.looked_at(topic)) {
                let next = self.positions.get(&at).copied().unwrap_or(0);
                self.parts.insert(at, Part { next, told: next, end: None });
                self.stale = true;
            }
        }
        Ok(())
    }

    fn looked_at(&self, topic: Topic) -> bool {
        self.parts.range((topic, 0)..=(topic, u32::MAX)).any(|(_, part)| part.end.is_some())
    }

    /// Reads what is to be read now, where that has changed.
    fn assign(&mut self) -> Result<(), Trouble> {
        if !self.stale {
            return Ok(());
        }
        if self.ended {
            self.find_ends()?;
        }
        let mut list = TopicPartitionList::new();
        for (&(topic, partition), part) in &self.parts {
            if part.end.is_none_or(|end| part.next < end) {
                let offset = Offset::Offset(part.next.cast_signed());
                list.add_partition_offset(self.name(topic), partition.cast_signed(), offset).map_err(later)?;
            }
        }
        self.consumer.assign(&list).map_err(later)?;
        self.stale = false;
        Ok(())
    }

    fn find_ends(&mut self) -> Result<(), Trouble> {
        for (at, part) in self.parts.clone().into_iter().filter(|(_, part)| part.end.is_none()) {
            let (low, high) = watermarks(&self.consumer, self.name(at.0), at.1).map_err(later)?;
            self.in_range(at, part.next, low, high)?;
            self.parts.entry(at).and_modify(|part| part.end = Some(high));
        }
        Ok(())
    }

    pub(super) fn in_range(
        &self,
        (topic, partition): (Topic, u32),
        position: u64,
        low: u64,
        high: u64,
    ) -> Result<(), SourceError> {
        let found = match position {
            _ if position < low => "the topic begins later now: records were deleted before they were read",
            _ if position > high => "the topic ends earlier now",
            _ => return Ok(()),
        };
        Err(SourceError::Truncated { topic, partition, position, found, place: self.place(topic) })
    }

    /// An offset is said to be out of range: which?
    pub(super) fn examine(&mut self) -> Result<(), Trouble> {
        // The topic may be another one now, which says more.
        self.looked = None;
        self.look()?;
        for (at, part) in self.parts.clone() {
            let (low, high) = watermarks(&self.consumer, self.name(at.0), at.1).map_err(later)?;
            self.in_range(at, part.next, low, high)?;
        }
        self.out_of_range += 1;
        if self.out_of_range > OUT_OF_RANGE_MAX {
            let place = self.settings.connection.brokers.clone();
            let reason = "offsets that are there are said to be out of range".to_owned();
            return Err(SourceError::Refused { place, reason }.into());
        }
        // All are in range: the client stopped reading one, and must be told to read it.
        self.stale = true;
        self.assign()
    }
}
