//! What a topic is: its id and its partitions, by librdkafka's DescribeTopics.
//!
//! A topic that was deleted and made anew has its old name and another id, and only this call tells the id. rdkafka 0.39
//! does not wrap it, so that this file does, and is the only one with `unsafe` in it. What makes it sound: every pointer
//! that librdkafka gives here is either owned by a guard that destroys it once, or lies within the event, which outlives
//! all that is read of it; nothing is kept of them.
#![allow(unsafe_code)]

use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::ffi::{CStr, CString};
use std::time::Duration;

/// A topic as the brokers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub name: String,
    /// Its id and the number of its partitions; or why there are none.
    pub found: Result<(u128, u32), RDKafkaErrorCode>,
}

/// A pointer that is ours, and how it is given back.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from librdkafka for us to destroy, and this is the only place that does.
            unsafe { (self.1)(self.0) }
        }
    }
}

/// Asks the brokers for topics. Blocks no longer than about `timeout`.
pub(super) fn describe<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    timeout: Duration,
) -> Result<Vec<Described>, RDKafkaErrorCode> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<CString> = names
        .iter()
        .map(|name| CString::new(*name))
        .collect::<Result<_, _>>()
        .map_err(|_| RDKafkaErrorCode::InvalidArgument)?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX / 2);
    let rk = client.native_ptr();
    // SAFETY: `rk` lives as long as `client`; the names live until the end of this function, and the collection copies
    // them. Null is a pointer that every guard allows and that is tested before it is used.
    let event = unsafe {
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let topics = Owned(topics, sys::rd_kafka_TopicCollection_destroy);
        let options = sys::rd_kafka_AdminOptions_new(rk, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        let options = Owned(options, sys::rd_kafka_AdminOptions_destroy);
        let queue = Owned(sys::rd_kafka_queue_new(rk), sys::rd_kafka_queue_destroy);
        if topics.0.is_null() || options.0.is_null() || queue.0.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let error = sys::rd_kafka_AdminOptions_set_request_timeout(options.0, timeout_ms, std::ptr::null_mut(), 0);
        if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(error.into());
        }
        sys::rd_kafka_DescribeTopics(rk, topics.0, options.0, queue.0);
        Owned(sys::rd_kafka_queue_poll(queue.0, timeout_ms.saturating_add(1_000)), sys::rd_kafka_event_destroy)
    };
    if event.0.is_null() {
        return Err(RDKafkaErrorCode::OperationTimedOut);
    }
    // SAFETY: the event is alive to the end of this function, and with it its result and all that this points to.
    unsafe {
        let error = sys::rd_kafka_event_error(event.0);
        if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(error.into());
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        Ok((0..count).map(|index| described(*topics.add(index))).collect())
    }
}

/// # Safety
/// `topic` is a description within an event that is alive.
unsafe fn described(topic: *const sys::rd_kafka_TopicDescription_t) -> Described {
    let name = CStr::from_ptr(sys::rd_kafka_TopicDescription_name(topic)).to_string_lossy().into_owned();
    let error = sys::rd_kafka_TopicDescription_error(topic);
    let code = match error.is_null() {
        true => sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
        false => sys::rd_kafka_error_code(error),
    };
    if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Described { name, found: Err(code.into()) };
    }
    let id = sys::rd_kafka_TopicDescription_topic_id(topic);
    let half = |half: i64| u128::from(half.cast_unsigned());
    let id = match id.is_null() {
        true => 0,
        false => {
            half(sys::rd_kafka_Uuid_most_significant_bits(id)) << 64
                | half(sys::rd_kafka_Uuid_least_significant_bits(id))
        }
    };
    let mut partitions = 0;
    sys::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
    Described { name, found: Ok((id, u32::try_from(partitions).unwrap_or(u32::MAX))) }
}
