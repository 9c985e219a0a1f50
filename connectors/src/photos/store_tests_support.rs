//! What the tests of the wrappers share: a photo by its uri, and a store that answers by a script.

use super::{BoxFuture, FetchError, Photos};
use bytes::Bytes;
use inkflow_schemas::{Photo, PhotoKey};
use std::collections::VecDeque;
use std::sync::Mutex;

/// A photo of which nothing but the uri is known.
pub fn photo(uri: &str) -> Photo {
    Photo { key: PhotoKey { uri: uri.into(), version: "".into() }, bytes: None, sha256: None }
}

/// Gives its answers in order; then it never answers.
pub struct Script {
    answers: Mutex<(VecDeque<Result<Bytes, FetchError>>, usize)>,
}

impl Script {
    pub fn of(answers: impl IntoIterator<Item = Result<Bytes, FetchError>>) -> Script {
        Script { answers: Mutex::new((answers.into_iter().collect(), 0)) }
    }
    pub fn never() -> Script {
        Script::of([])
    }
    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.answers.lock().unwrap().1
    }
}

impl Photos for Script {
    fn fetch<'a>(&'a self, _: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            let answer = {
                let mut script = self.answers.lock().unwrap();
                script.1 += 1;
                script.0.pop_front()
            };
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}
