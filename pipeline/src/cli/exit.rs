//! How the process ends: its exit codes, each with what to do. `docs/reference/exit-codes.md` is made of them, and a test
//! keeps it so.

use crate::cluster::ClusterError;
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::run::RunError;
use inkflow_connectors::journal::JournalError;
use inkflow_connectors::sink::SinkError;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is done.
    Done,
    /// Something else.
    Other,
    /// The command or the flow file is wrong.
    Usage,
    /// Another process took over.
    Fenced,
    /// Something that it needs cannot go on.
    CannotGoOn,
    /// It was stopped before it was done.
    CutOff,
    /// Another process of its cluster ended, or cannot be reached.
    Lost,
}

impl Exit {
    /// All of them.
    pub const ALL: [Exit; 7] =
        [Exit::Done, Exit::Other, Exit::Usage, Exit::Fenced, Exit::CannotGoOn, Exit::CutOff, Exit::Lost];

    /// Its number.
    pub fn code(self) -> i32 {
        match self {
            Exit::Done => 0,
            Exit::Other => 1,
            Exit::Usage => 2,
            Exit::Fenced => 3,
            Exit::CannotGoOn => 4,
            Exit::CutOff => 5,
            Exit::Lost => 6,
        }
    }

    /// That of a number; of one that is none of ours, something else.
    pub fn of(code: i32) -> Exit {
        Exit::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Exit::Other)
    }

    /// What it means, and what to do.
    pub fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Exit::Done => (
                "Done. A run with `--until-end` has written every sink; one without has been asked to end (SIGTERM, SIGINT), \
                 and has sealed and flushed all that it took. `check` found nothing wrong.",
                "Nothing.",
            ),
            Exit::Other => (
                "`check` found something wrong, or `read` a photo that it cannot read; or what is none of the others.",
                "Read the message, or the lines with a `fault`.",
            ),
            Exit::Usage => ("The command, the flow file or a value in it is wrong. Nothing was touched.", "Mend it; starting again does not help."),
            Exit::Fenced => (
                "Another process has opened the journal, or claimed a sink, since: this one may write no more.",
                "Nothing, if that was wanted. If two are started again and again, stop one of them.",
            ),
            Exit::CannotGoOn => (
                "A source, the photos, the model, the journal, a sink or the port cannot be used, and waiting does not help.",
                "Read the message; `inkflow check FLOW.yaml` tries all of them.",
            ),
            Exit::CutOff => (
                "It was stopped before it was done: a run with `--until-end` by a signal, or any run that could not seal and flush \
                 within 15 s of one, or was signalled again half a second later or more.",
                "Start it again: it goes on where it stopped.",
            ),
            Exit::Lost => (
                "Another process of the cluster ended, says nothing any more, or did not come. A cluster ends as one.",
                "Start it again, as `inkflow supervise` and the units under deploy/ do: all go on where the journal is.",
            ),
        }
    }
}

impl From<&ConfigError> for Exit {
    fn from(_: &ConfigError) -> Exit {
        Exit::Usage
    }
}

impl From<&ClusterError> for Exit {
    fn from(error: &ClusterError) -> Exit {
        match error {
            ClusterError::Refused { .. } | ClusterError::Terms(_) => Exit::Usage,
            ClusterError::Listen { .. } => Exit::CannotGoOn,
            ClusterError::Late { .. } | ClusterError::Lost { .. } | ClusterError::Socket(_) => Exit::Lost,
            ClusterError::Workers(_) => Exit::Other,
        }
    }
}

impl From<&RunError> for Exit {
    fn from(error: &RunError) -> Exit {
        match error {
            RunError::Journal { error: JournalError::Fenced, .. }
            | RunError::Engine(
                EngineError::Journal(JournalError::Fenced) | EngineError::Sink(SinkError::Fenced { .. }),
            ) => Exit::Fenced,
            RunError::Engine(EngineError::Workers(_) | EngineError::Ended(_)) => Exit::Other,
            RunError::Cluster(error) => error.into(),
            RunError::CutOff | RunError::Behind { .. } => Exit::CutOff,
            RunError::Journal { .. } | RunError::File { .. } | RunError::Place { .. } | RunError::Engine(_) => {
                Exit::CannotGoOn
            }
        }
    }
}

/// `docs/reference/exit-codes.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Exit codes\n\nMade from `pipeline/src/cli/exit.rs`; `UPDATE=1 cargo test -p inkflow reference` writes it anew.\n\n\
         | code | meaning | what to do |\n| --- | --- | --- |\n",
    );
    for exit in Exit::ALL {
        let (meaning, advice) = exit.meaning();
        text += &format!("| {} | {meaning} | {advice} |\n", exit.code());
    }
    text += "| 134 | It panicked, which is a bug; or a photo hung the thread that read it (`hung_after_s`). The process aborts \
             (SIGABRT), and never goes on by half. | Start it again: it goes on where it stopped, and sets aside a photo that \
             ends it three times. Report a panic with its message. |\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_every_code() {
        crate::config::reference::same_as_file("docs/reference/exit-codes.md", &reference());
    }

    #[test]
    fn whoever_is_fenced_says_so() {
        let sink = SinkError::Fenced { sink: "sqlite".into(), reason: "incarnation 3".into() };
        for error in [
            RunError::Journal { path: "j".into(), error: JournalError::Fenced },
            RunError::Engine(JournalError::Fenced.into()),
            RunError::Engine(sink.into()),
        ] {
            assert_eq!(Exit::from(&error), Exit::Fenced, "{error}");
        }
        assert_eq!(Exit::from(&RunError::Engine(JournalError::Corrupt("x".into()).into())), Exit::CannotGoOn);
        assert_eq!(Exit::from(&RunError::Engine(EngineError::Source("truncated".into()))), Exit::CannotGoOn);
        assert_eq!(Exit::from(&RunError::Engine(EngineError::Ended("readers"))), Exit::Other);
    }
}
