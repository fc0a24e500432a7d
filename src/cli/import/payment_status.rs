//! `import payment-status`: the bank's answers, as CSV or as its own report; which of the two a file is, it says itself.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use csv::ByteRecord;

use super::fields::Columns;
use super::kinds::{FileKind, Judged, reason};
use super::pain002::{self, About, Reported};
use super::refused::RefusedRows;
use super::{Counts, put_on_record};
use crate::app::App;
use crate::cli::Ended;
use crate::cli::actor::actor;
use crate::cli::error::CliError;
use crate::cli::open::Global;
use crate::domain::payment_status::{PaymentStatus, of_code};
use crate::services::error::ServiceError;
use crate::services::payment_status::{self, Answered, BankAnswer};

pub const WHAT: &str = "payment-status";
const COLUMNS: &[&str] = &["end_to_end_id", "status", "reference", "reason"];
/// What a bank that says no more is taken to have said.
const NO_REASON: &str = "The bank gave no reason.";

/// Whether a file is XML: by what it begins with.
pub fn is_xml(path: &Path) -> Result<bool, CliError> {
    let file = fs::File::open(path).map_err(|error| CliError::file(path, error))?;
    let mut reader = BufReader::new(file);
    let begins = reader.fill_buf().map_err(|error| CliError::file(path, error))?;
    let begins = begins.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begins);
    Ok(begins.trim_ascii_start().starts_with(b"<"))
}

/// Rows of CSV, one answer each.
pub struct PaymentStatuses(Columns);

impl FileKind for PaymentStatuses {
    type Fact = BankAnswer;

    const IS_OF_THE_BOOKS: bool = false;

    fn open(header: &ByteRecord, _: &App) -> Result<Self, String> {
        Columns::find(header, COLUMNS).map(PaymentStatuses)
    }

    fn read(&self, row: &ByteRecord, each: &mut dyn FnMut(Result<BankAnswer, String>)) {
        let answer = self.0.of(row).and_then(|fields| {
            Ok(BankAnswer {
                end_to_end_id: fields.owned(0)?,
                status: fields.word(1, "PAID and FAILED")?,
                reference: Some(fields.owned(2)?),
                reason: Some(fields.owned(3)?),
            })
        });
        each(answer);
    }

    /// Each in a transaction of its own: what is on record stays, whatever the next row says.
    async fn record(app: &App, facts: &[BankAnswer]) -> Result<Vec<Judged>, ServiceError> {
        let actor = actor();
        let mut judged = Vec::with_capacity(facts.len());
        for answer in facts {
            judged.push(match payment_status::record(app, &actor, answer).await {
                Ok(Answered::Recorded) => Judged::Recorded,
                Ok(Answered::Replayed) => Judged::Replayed,
                Err(ServiceError::Refused(refusal)) => Judged::Refused(reason(&refusal)),
                Err(error) => return Err(error),
            });
        }
        Ok(judged)
    }
}

/// Imports a bank's own report. What is still on its way is counted, and is no row to be refused.
pub async fn import_report(global: &Global, path: &Path) -> Result<Ended, CliError> {
    let wrong = |message: String| CliError::file(path, message);
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let reported = pain002::read(text.trim_start_matches('\u{feff}')).map_err(wrong)?;
    let mut refused = RefusedRows::beside(path).map_err(|error| wrong(error.to_string()))?;
    refused.set_header(&ByteRecord::from(COLUMNS.to_vec()));
    let app = global.open_with_keys().await?;
    let mut counts = Counts::default();
    let mut on_the_way = 0;
    for one in &reported {
        let Some(status) = of_code(&one.code) else {
            on_the_way += 1;
            continue;
        };
        record_one(&app, one, status, &mut counts, &mut refused).await?;
    }
    refused.flush()?;
    eprintln!("{WHAT}: {}; {on_the_way} still on the way", counts.summary(&refused));
    put_on_record(&app, WHAT, &counts).await?;
    app.db.close().await?;
    Ok(counts.ended())
}

async fn record_one(
    app: &App,
    one: &Reported,
    status: PaymentStatus,
    counts: &mut Counts,
    refused: &mut RefusedRows,
) -> Result<(), CliError> {
    let ids = match &one.about {
        About::Transfer(id) => vec![id.clone()],
        About::File { id, but } => match payment_status::end_to_end_ids(app, id).await? {
            Some(ids) => ids.into_iter().filter(|id| !but.contains(id)).collect(),
            None => {
                counts.refused += 1;
                let fields = [id, &one.code, "", one.reason.as_deref().unwrap_or_default()];
                let fields = fields.into_iter().map(str::as_bytes);
                return Ok(refused.add(one.line, "there is no such payment batch", fields)?);
            }
        },
    };
    let answers: Vec<BankAnswer> = ids.into_iter().map(|id| answer_of(one, status, id)).collect();
    for (answer, judged) in answers.iter().zip(PaymentStatuses::record(app, &answers).await?) {
        counts.count(&judged);
        if let Judged::Refused(why) = judged {
            let (reference, reason) = (one.reference.as_deref(), one.reason.as_deref());
            let fields =
                [&answer.end_to_end_id, &one.code, reference.unwrap_or_default(), reason.unwrap_or_default()];
            refused.add(one.line, &why, fields.into_iter().map(str::as_bytes))?;
        }
    }
    Ok(())
}

fn answer_of(one: &Reported, status: PaymentStatus, end_to_end_id: String) -> BankAnswer {
    let reason = one.reason.clone().unwrap_or_else(|| NO_REASON.to_owned());
    let reason = (status == PaymentStatus::Failed).then_some(reason);
    BankAnswer { end_to_end_id, status, reference: one.reference.clone(), reason }
}
