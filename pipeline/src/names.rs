//! The metrics: each named once, here, with its kind, its unit and what it means. `docs/reference/metrics.md` is made of
//! this list, and a test keeps it so.
//!
//! No label holds an id of a student, a school or a photo: labels are outcomes, places of photos and sinks, of which there are few.

use metrics::Unit::{self, Count, Seconds};
use Kind::{Counter, Gauge, Histogram};

/// What a metric does over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It grows, from 0 at the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts by size; these are the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, as Prometheus has it.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

impl Metric {
    const fn new(name: &'static str, kind: Kind, unit: Unit, help: &'static str) -> Metric {
        Metric { name, kind, unit, labels: &[], help }
    }

    const fn by(self, labels: &'static [&'static str]) -> Metric {
        Metric { labels, ..self }
    }
}

/// A seal takes from half a millisecond in a folder to a second in a bucket that is slow.
/// Up to days: a backlog is admitted, too.
const ADMISSION_SECONDS_BOUNDS: &[f64] =
    &[0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0, 3600.0, 86400.0];
const SEAL_SECONDS_BOUNDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// The build.
pub const BUILD: Metric =
    Metric::new("inkflow_build_info", Gauge, Count, "Always 1; its label is the version that runs.").by(&["version"]);

/// Whether all is up to date that was there at the start.
pub const READY: Metric = Metric::new(
    "inkflow_ready",
    Gauge,
    Count,
    "1 once the state is hydrated and every sink reconciled with it, else 0: what /readyz answers.",
);

/// Live rows at the start.
pub const HYDRATED_ROWS: Metric =
    Metric::new("inkflow_hydrated_rows", Gauge, Count, "Live rows read from the journal when the process started.");

/// Records passed.
pub const RECORDS: Metric =
    Metric::new("inkflow_records_total", Counter, Count, "Records taken from the sources, refused ones with them.");

/// Of these, refused.
pub const RECORDS_REJECTED: Metric = Metric::new(
    "inkflow_records_rejected_total",
    Counter,
    Count,
    "Records that were refused; the view `rejected` and the dead letters say which and why.",
);

/// Of these, of erased students.
pub const RECORDS_ERASED: Metric = Metric::new(
    "inkflow_records_erased_total",
    Counter,
    Count,
    "Records that were dropped because their student is erased.",
);

/// Fields that no schema names, and that were ignored.
pub const UNKNOWN_FIELDS: Metric = Metric::new(
    "inkflow_unknown_fields_total",
    Counter,
    Count,
    "Fields of records that no schema names, and that were ignored.",
);

/// Whether a source is waited for.
pub const SOURCE_WAITING: Metric = Metric::new(
    "inkflow_source_waiting",
    Gauge,
    Count,
    "1 while the source is away and is waited for, else 0; /healthz and the log say why.",
)
.by(&["source"]);

/// The last sealed epoch.
pub const EPOCH: Metric = Metric::new("inkflow_epoch", Gauge, Count, "The last epoch that was sealed in the journal.");

/// The last delivered epoch.
pub const EPOCH_DELIVERED: Metric = Metric::new(
    "inkflow_epoch_delivered",
    Gauge,
    Count,
    "The last epoch that the dataflow has worked off; behind inkflow_epoch, it is what holds back.",
);

/// The last epoch's clock.
pub const EPOCH_CLOCK: Metric =
    Metric::new("inkflow_epoch_clock_seconds", Gauge, Seconds, "The clock of the last sealed epoch, since 1970.");

/// How far the last epoch's clock is behind.
pub const EPOCH_LAG: Metric = Metric::new(
    "inkflow_epoch_lag_seconds",
    Gauge,
    Seconds,
    "How long ago that clock was. It grows while nothing comes in: then there is nothing to seal.",
);

/// How long sealing takes.
pub const SEAL_SECONDS: Metric = Metric::new(
    "inkflow_seal_seconds",
    Histogram(SEAL_SECONDS_BOUNDS),
    Seconds,
    "How long it took to seal an epoch durably, waiting for the journal's store included.",
);

/// How long records wait for their seal.
pub const ADMISSION_SECONDS: Metric = Metric::new(
    "inkflow_admission_seconds",
    Histogram(ADMISSION_SECONDS_BOUNDS),
    Seconds,
    "From the time that an epoch's oldest record has in its log to the epoch's seal; the others of the epoch waited less. Once an \
     epoch. Records without a time do not count, and the clock is this machine's.",
);

/// How often the journal's store was waited for.
pub const JOURNAL_WAITS: Metric = Metric::new(
    "inkflow_journal_waits_total",
    Counter,
    Count,
    "How often sealing was tried again because the journal's store was full or away.",
);

/// Questions that wait.
pub const PENDING: Metric = Metric::new(
    "inkflow_pending_questions",
    Gauge,
    Count,
    "Photos that wait to be read, by the models that are asked.",
);

/// Of these, those whose store does not answer.
pub const PENDING_AWAY: Metric = Metric::new(
    "inkflow_pending_away_questions",
    Gauge,
    Count,
    "Of these, photos whose store does not answer: they are asked for when it does, and pause no submission.",
);

/// Requests to a place of photos.
pub const STORE_REQUESTS: Metric = Metric::new(
    "inkflow_store_requests_total",
    Counter,
    Count,
    "Requests to a place of photos, by what came of them: fetched, refused (there is no such photo, or it may not be had), \
     failed (no answer, or none to the point).",
)
.by(&["store", "outcome"]);

/// Of these, second and later tries.
pub const STORE_RETRIES: Metric = Metric::new(
    "inkflow_store_retries_total",
    Counter,
    Count,
    "Requests that were made because one before them had failed.",
)
.by(&["store"]);

/// Whether a place of photos is left alone.
pub const STORE_AWAY: Metric = Metric::new(
    "inkflow_store_away",
    Gauge,
    Count,
    "1 while the place of photos does not answer, or asks for patience, and is left alone, else 0.",
)
.by(&["store"]);

/// Photos at the reader.
pub const READER_PHOTOS: Metric =
    Metric::new("inkflow_reader_photos", Gauge, Count, "Photos queued at the reader or being read, where models read.");

/// Inferences.
pub const READER_READ: Metric = Metric::new(
    "inkflow_reader_read_total",
    Counter,
    Count,
    "Photos that a model read: inferences. A photo that is asked about again while its answer is known comes not here.",
);

/// Inferences that were not needed.
pub const READER_SAVED: Metric = Metric::new(
    "inkflow_reader_saved_total",
    Counter,
    Count,
    "Photos that were fetched and whose bytes the model had read before, under another name: inferences saved.",
);

/// Photos with a blank page.
pub const READER_TEMPLATES: Metric = Metric::new(
    "inkflow_reader_templates_total",
    Counter,
    Count,
    "Photos that have a blank page, by `outcome`: used, not_used (it could not be laid over the page), missing (there is none).",
);

/// Batches run.
pub const READER_BATCHES: Metric = Metric::new(
    "inkflow_reader_batches_total",
    Counter,
    Count,
    "Batches that went through a model; photos by batches is how full they are.",
);

/// The longest that a reader thread is at one thing.
pub const READER_BUSY: Metric = Metric::new(
    "inkflow_reader_busy_seconds",
    Gauge,
    Seconds,
    "For how long the reader thread that is longest at one photo or batch has been at it.",
);

/// Answers by outcome.
pub const ANSWERS: Metric = Metric::new(
    "inkflow_answers_total",
    Counter,
    Count,
    "Answers that were admitted, by what came of the photo: the quality that was read, or the fault.",
)
.by(&["outcome"]);

/// Answers that nobody waited for.
pub const ANSWERS_DROPPED: Metric = Metric::new(
    "inkflow_answers_dropped_total",
    Counter,
    Count,
    "Answers that were dropped, because another was first or nobody asks any more.",
);

/// Rows deleted.
pub const GARBAGE: Metric = Metric::new(
    "inkflow_garbage_rows_total",
    Counter,
    Count,
    "Rows deleted from the journal because they can count no more.",
);

/// Photos whose readings were deleted.
pub const EXPIRED: Metric = Metric::new(
    "inkflow_photos_expired_total",
    Counter,
    Count,
    "Photos whose readings were deleted, as nobody had asked about them for keep_readings_days.",
);

/// The last epoch in a sink.
pub const SINK_EPOCH: Metric =
    Metric::new("inkflow_sink_epoch", Gauge, Count, "The epoch that the sink's rows reflect.").by(&["sink"]);

/// How far a sink is behind.
pub const SINK_LAG: Metric =
    Metric::new("inkflow_sink_lag_epochs", Gauge, Count, "How many epochs the sink is behind the last sealed one.")
        .by(&["sink"]);

/// Whether a sink is waited for.
pub const SINK_WAITING: Metric = Metric::new(
    "inkflow_sink_waiting",
    Gauge,
    Count,
    "1 while the sink is locked, full or away, and is waited for, else 0; the log says why.",
)
.by(&["sink"]);

/// Readers in other processes.
pub const READERS_JOINED: Metric =
    Metric::new("inkflow_readers_joined", Gauge, Count, "Readers of other processes that are joined at the moment.");

/// Leases that ended with their connection.
pub const LEASES_LOST: Metric = Metric::new(
    "inkflow_leases_lost_total",
    Counter,
    Count,
    "Questions that were lent to a reader of another process when its connection was lost; each is asked again.",
);

/// Connections that were turned away.
pub const CONNECTIONS_REFUSED: Metric = Metric::new(
    "inkflow_connections_refused_total",
    Counter,
    Count,
    "Connections to the cluster's port that were turned away: strangers, wrong secrets and versions, places taken.",
);

/// All of them, in the order of a record's way.
pub const ALL: &[Metric] = &[
    BUILD,
    READY,
    HYDRATED_ROWS,
    RECORDS,
    RECORDS_REJECTED,
    RECORDS_ERASED,
    UNKNOWN_FIELDS,
    SOURCE_WAITING,
    EPOCH,
    EPOCH_DELIVERED,
    EPOCH_CLOCK,
    EPOCH_LAG,
    SEAL_SECONDS,
    ADMISSION_SECONDS,
    JOURNAL_WAITS,
    PENDING,
    PENDING_AWAY,
    STORE_REQUESTS,
    STORE_RETRIES,
    STORE_AWAY,
    READER_PHOTOS,
    READER_READ,
    READER_SAVED,
    READER_TEMPLATES,
    READER_BATCHES,
    READER_BUSY,
    ANSWERS,
    ANSWERS_DROPPED,
    GARBAGE,
    EXPIRED,
    SINK_EPOCH,
    SINK_LAG,
    SINK_WAITING,
    READERS_JOINED,
    LEASES_LOST,
    CONNECTIONS_REFUSED,
];
