//! A partner's own histories as CSV. The database is read into a file at its own speed, and the file sent at the
//! client's: memory does not grow with what is sent, and whoever reads slowly holds no connection of the database.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::Response;
use chrono::NaiveDate;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::edge::RequestId;
use super::error::Failure;
use super::media::Media;
use super::private::{self, Access};
use super::router::Http;
use crate::domain::caller::Caller;
use crate::graphql::code::Code;
use crate::services::export::{Book, Selection, export};
use crate::services::listing::partner_of_account;

/// How many exports read the database at once: most of its connections are for everybody else.
pub const MAX_AT_ONCE: usize = 2;
/// How long one may read.
const TIMEOUT: Duration = Duration::from_secs(300);
/// What one costs of a caller's bucket.
const COST: u32 = 500;

/// Answers `/export/{file}`: `commissions.csv`, `statements.csv` or `ledger.csv`, with `from` and `until`.
pub async fn own<E>(State(http): State<Http<E>>, request: Request<Body>) -> Response {
    let id = RequestId::of(&request);
    // A body is not to be shared between threads, and none is read here.
    let request = request.map(|_| ());
    answer(&http, &request).await.unwrap_or_else(|failure| failure.respond(Media::Json, &id))
}

async fn answer<E>(http: &Http<E>, request: &Request<()>) -> Result<Response, Failure> {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    let book = match name {
        "commissions.csv" => Book::Commissions,
        "statements.csv" => Book::Statements,
        "ledger.csv" => Book::Ledger,
        _ => return Err(private::not_found("export")),
    };
    let selection = Selection {
        from: day(request, "from")?,
        until: day(request, "until")?,
        partner_id: Some(match private::access(http, request, COST).await? {
            Access::Signed => signed_partner(request)?,
            Access::Token(caller) => own_partner(http, &caller).await?,
        }),
        partner_code: None,
    };
    let Ok(_permit) = http.exports.try_acquire() else { return Err(Failure::over_capacity()) };
    let written = tokio::time::timeout(TIMEOUT, spool(http, book, &selection)).await;
    let file = written.map_err(|_| {
        Failure::with_status(
            StatusCode::GATEWAY_TIMEOUT,
            Code::Timeout,
            "The export took too long: ask for less.",
        )
    })?;
    let file = file.map_err(|error| {
        tracing::error!(%error, "an export failed");
        Failure::internal()
    })?;
    Ok(send(name, file))
}

fn day(request: &Request<()>, name: &str) -> Result<Option<NaiveDate>, Failure> {
    let given = private::parameter(request, name).map(str::parse).transpose();
    given.map_err(|_| Failure::malformed(format!("{name} is not a date like 2026-11-15.")))
}

fn signed_partner(request: &Request<()>) -> Result<Uuid, Failure> {
    let partner = private::parameter(request, "partner").and_then(|id| id.parse().ok());
    partner.ok_or_else(|| private::not_found("export"))
}

/// The partner behind the token; a token of another role has no data of its own.
async fn own_partner<E>(http: &Http<E>, caller: &Caller) -> Result<Uuid, Failure> {
    let forbidden = || {
        let message = "An export with a token is of the partner's own data.";
        Failure::with_status(StatusCode::FORBIDDEN, Code::Forbidden, message)
    };
    // A whole history is for the partner's own token: no scope of a key covers it.
    let account_id = caller.account_id().filter(|_| !caller.is_api_key()).ok_or_else(forbidden)?;
    let partner = partner_of_account(&http.app, account_id).await.map_err(|error| {
        tracing::error!(%error, "a partner could not be looked up");
        Failure::internal()
    })?;
    partner.map(|partner| partner.id).ok_or_else(|| private::not_found("export"))
}

/// A file with its length.
type Spooled = (File, u64);

async fn spool<E>(
    http: &Http<E>,
    book: Book,
    selection: &Selection,
) -> Result<Spooled, crate::services::export::ExportError> {
    let mut file = nameless_file()?;
    let mut out = BufWriter::with_capacity(64 * 1024, &mut file);
    export(&http.app, book, selection, &mut out).await?;
    out.flush()?;
    drop(out);
    let length = file.stream_position()?;
    file.rewind()?;
    Ok((file, length))
}

/// A file that is gone with its last handle, however the process ends.
fn nameless_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("parrain-export-{:032x}", rand::random::<u128>()));
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn send(name: &str, (file, length): Spooled) -> Response {
    let mut response = Response::new(Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Origin"));
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.extend(disposition.map(|disposition| (CONTENT_DISPOSITION, disposition)));
    response
}
