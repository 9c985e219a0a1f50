//! A small page on this machine with which somebody says of each photo how complete it is; `inkflow eval` judges by it.
//!
//! It shows photos of children's homework, so it answers on 127.0.0.1 only, to requests that were meant for this machine
//! (the `Host` of a page that another site rebinds to it is another), and that know the token in the printed address.

pub mod store;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{header, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::Router;
use inkflow_connectors::overlay::{upright, Form};
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Mark, Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::{watch, Semaphore};

const PAGE: &str = include_str!("page.html");

/// Bytes of a mark that is sent: it has some fifty.
const MARK_BYTES_MAX: usize = 1_024;

/// So many photos are decoded at once: the one that is seen, and the next.
const DECODING_MAX: usize = 2;

/// A page that is ready to be served.
pub struct Labelling {
    listener: TcpListener,
    served: Served,
}

#[derive(Clone)]
struct Served {
    store: Arc<Mutex<Store>>,
    decoding: Arc<Semaphore>,
    address: SocketAddr,
    token: Arc<str>,
}

impl Served {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Labelling {
    /// Takes a port of 127.0.0.1, any where 0 is asked for, and draws a token.
    pub async fn new(store: Store, port: u16) -> io::Result<Labelling> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let token = crate::read::hex(&secret);
        let served = Served {
            store: Arc::new(Mutex::new(store)),
            decoding: Arc::new(Semaphore::new(DECODING_MAX)),
            address: listener.local_addr()?,
            token: token.into(),
        };
        Ok(Labelling { listener, served })
    }

    /// The address to open, with the token.
    pub fn url(&self) -> String {
        format!("http://{}/{}/", self.served.address, self.served.token)
    }

    /// Serves until told to end.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) -> io::Result<()> {
        let router = Router::new()
            .route("/{token}/", get(page))
            .route("/{token}/photos", get(photos))
            .route("/{token}/photo/{number}", get(photo))
            .route("/{token}/label/{number}", post(label))
            .layer(DefaultBodyLimit::max(MARK_BYTES_MAX))
            .layer(from_fn_with_state(self.served.clone(), guard))
            .with_state(self.served);
        // Not gracefully: a browser keeps its connection open, and every mark is on the disk when it is answered.
        tokio::select! {
            ended = axum::serve(self.listener, router) => ended,
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        }
    }
}

/// Lets through who was meant to come, and tells the browser to keep all of it to itself.
async fn guard(State(served): State<Served>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let port = served.address.port();
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")].iter().any(|ours| ours == host);
    let token = request.uri().path().split('/').nth(1).unwrap_or("");
    let mut response = match (ours, same(token, &served.token)) {
        (false, _) => (StatusCode::MISDIRECTED_REQUEST, "this page is for this machine\n").into_response(),
        (true, false) => (StatusCode::NOT_FOUND, "open the address that inkflow label has printed\n").into_response(),
        (true, true) => next.run(request).await,
    };
    let policy = format!(
        "default-src 'none'; img-src 'self' data:; connect-src 'self'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        served.token
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// In a time that does not say where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

async fn page(State(served): State<Served>) -> Response {
    let page = PAGE.replace("{{nonce}}", &served.token);
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn json(value: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// Every photo's name and what was said of it.
async fn photos(State(served): State<Served>) -> Response {
    let store = served.store();
    let photos = store.photos().iter().enumerate();
    let all: Vec<_> = photos.map(|(i, (file, _))| json!({"file": file, "mark": store.mark(i)})).collect();
    json(&json!(all))
}

/// A photo upright, as a JPEG made here: whatever the file holds, a browser gets a picture.
async fn photo(State(served): State<Served>, Path((_, number)): Path<(String, usize)>) -> Response {
    let path = served.store().photos().get(number).map(|(_, path)| path.clone());
    let Some(path) = path else { return StatusCode::NOT_FOUND.into_response() };
    let Ok(_turn) = served.decoding.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let made = tokio::task::spawn_blocking(move || upright(&crate::read::photo(&path)?, Form::Jpeg)).await;
    match made {
        Ok(Ok(jpeg)) => ([(header::CONTENT_TYPE, "image/jpeg")], Body::from(jpeg)).into_response(),
        Ok(Err(fault)) => (StatusCode::UNPROCESSABLE_ENTITY, fault.as_str()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Keeps what is said of a photo. It is on the disk when this answers.
async fn label(State(served): State<Served>, Path((_, number)): Path<(String, usize)>, body: Bytes) -> Response {
    let mark = match serde_json::from_slice::<Mark>(&body) {
        Ok(mark) if mark.percent.is_none_or(|percent| percent <= 100) => mark,
        _ => return (StatusCode::BAD_REQUEST, "want {percent: 0 to 100 or null, page, unusable}").into_response(),
    };
    let kept = tokio::task::spawn_blocking(move || served.store().set(number, mark)).await;
    match kept {
        Ok(Ok(true)) => StatusCode::NO_CONTENT.into_response(),
        Ok(Ok(false)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(error @ StoreError::Changed { .. })) => (StatusCode::CONFLICT, error.to_string()).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
