//! Where a topic is begun that no position was sealed for.

use super::client::ASK_TIMEOUT;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Where to begin. It is asked for once: what came of it is sealed before the first record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// With the oldest record that is there.
    #[default]
    Earliest,
    /// With what comes from now on.
    Latest,
    /// At this offset of each partition, which must be there.
    Offset(u64),
    /// With the first record of this time, in milliseconds since 1970, or of a later one.
    Timestamp(i64),
}

/// Why a start could not be found.
pub(super) enum NoStart {
    /// Ask again.
    Later(KafkaError),
    /// The offset is not in the partition, which begins and ends so.
    NotThere { partition: u32, low: u64, high: u64 },
}

impl From<KafkaError> for NoStart {
    fn from(error: KafkaError) -> NoStart {
        NoStart::Later(error)
    }
}

/// The first and the next offset of a partition, as far as transactions have ended.
pub(super) fn watermarks<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    name: &str,
    partition: u32,
) -> Result<(u64, u64), KafkaError> {
    let (low, high) = consumer.fetch_watermarks(name, partition.cast_signed(), ASK_TIMEOUT)?;
    Ok((low.max(0).cast_unsigned(), high.max(0).cast_unsigned()))
}

impl Start {
    /// The next offset to read of each partition of a topic, from partition 0 on.
    pub(super) fn resolve<C: ConsumerContext>(
        self,
        consumer: &BaseConsumer<C>,
        name: &str,
        partitions: u32,
    ) -> Result<Vec<u64>, NoStart> {
        if let Start::Timestamp(time) = self {
            return of_time(consumer, name, partitions, time);
        }
        let resolve = |partition| {
            let (low, high) = watermarks(consumer, name, partition)?;
            match self {
                Start::Earliest | Start::Timestamp(_) => Ok(low),
                Start::Latest => Ok(high),
                Start::Offset(offset) if (low..=high).contains(&offset) => Ok(offset),
                Start::Offset(_) => Err(NoStart::NotThere { partition, low, high }),
            }
        };
        (0..partitions).map(resolve).collect()
    }
}

fn of_time<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    name: &str,
    partitions: u32,
    time: i64,
) -> Result<Vec<u64>, NoStart> {
    let mut times = TopicPartitionList::new();
    for partition in 0..partitions {
        times.add_partition_offset(name, partition.cast_signed(), Offset::Offset(time))?;
    }
    // Asked for before the times are, so that what comes in between is not passed over.
    let ends = (0..partitions).map(|partition| Ok(watermarks(consumer, name, partition)?.1));
    let ends = ends.collect::<Result<Vec<u64>, KafkaError>>()?;
    let found = consumer.offsets_for_times(times, ASK_TIMEOUT)?;
    let start = |(partition, end): (u32, u64)| -> Result<u64, NoStart> {
        let found = found.find_partition(name, partition.cast_signed());
        let found = found.ok_or(KafkaError::OffsetFetch(rdkafka::error::RDKafkaErrorCode::NoOffset))?;
        found.error()?;
        match found.offset() {
            Offset::Offset(offset) => Ok(offset.max(0).cast_unsigned()),
            // No record is as young.
            _ => Ok(end),
        }
    };
    (0..partitions).zip(ends).map(start).collect()
}
