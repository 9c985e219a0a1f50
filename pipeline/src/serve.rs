//! What is served over HTTP: `/healthz` for who restarts a process, `/readyz` for who sends it traffic, `/metrics` for
//! Prometheus. Plain text, and of each that is not well, why.

use crate::metrics::record;
use crate::vitals::{Health, Vitals};
use axum::extract::State;
use axum::http::{header, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What the handlers know.
#[derive(Clone)]
struct Served {
    vitals: Arc<Vitals>,
    metrics: Option<PrometheusHandle>,
}

/// Serves until the process ends. Returns the address, with the port that was taken where 0 was asked for. Must be
/// called within a tokio runtime.
pub async fn start(
    listen: SocketAddr,
    vitals: Arc<Vitals>,
    metrics: Option<PrometheusHandle>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(Served { vitals, metrics });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the HTTP server has ended");
        }
    });
    tracing::info!(%address, "serving /healthz, /readyz and /metrics");
    Ok(address)
}

/// 503 only where a restart would help: waiting for a journal or a sink is healthy.
async fn healthz(State(served): State<Served>) -> (StatusCode, String) {
    match served.vitals.health() {
        Health::Ready => match served.vitals.held_back() {
            None => (StatusCode::OK, "ok\n".to_owned()),
            Some(what) => (StatusCode::OK, format!("ok; {what}\n")),
        },
        Health::NotYet(what) => (StatusCode::OK, format!("ok; {what}\n")),
        Health::Stuck(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("{what}\n")),
    }
}

async fn readyz(State(served): State<Served>) -> (StatusCode, String) {
    match served.vitals.health() {
        Health::Ready => (StatusCode::OK, "ready\n".to_owned()),
        Health::NotYet(what) | Health::Stuck(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("{what}\n")),
    }
}

async fn metrics_text(State(Served { vitals, metrics }): State<Served>) -> impl IntoResponse {
    record(&vitals);
    let text = metrics.map(|metrics| {
        // Histograms gather their samples until somebody does this.
        metrics.run_upkeep();
        metrics.render()
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.unwrap_or_default())
}
