//! Digests of statements and settlements: whoever holds one can tell whether the books were changed (rule 21).

use entity::{Money, Period, RateBasisPoints};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::settlement::{CarryReason, StatementFigures};

/// All that a statement's digest covers; no balance, time, name or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementDigest<'a> {
    pub partner_id: Uuid,
    pub period: Period,
    pub active_clients: u32,
    pub rate: RateBasisPoints,
    pub top_up_count: i64,
    pub base: Money,
    pub commission: Money,
    pub carried_in: Money,
    pub credited: Money,
    pub carried_out: Money,
    pub carry_reason: Option<CarryReason>,
    /// The digest of the partner's statement before this one.
    pub previous_digest: Option<&'a str>,
}

impl<'a> StatementDigest<'a> {
    /// Takes the figures of a statement that was just drawn up.
    pub fn of(
        partner_id: Uuid,
        period: Period,
        active_clients: u32,
        rate: RateBasisPoints,
        figures: &StatementFigures,
        previous_digest: Option<&'a str>,
    ) -> StatementDigest<'a> {
        StatementDigest {
            partner_id,
            period,
            active_clients,
            rate,
            top_up_count: figures.top_ups,
            base: figures.base,
            commission: figures.commission,
            carried_in: figures.carried_in,
            credited: figures.credited,
            carried_out: figures.carried_out,
            carry_reason: figures.carry_reason,
            previous_digest,
        }
    }
}

/// SHA-256 over the statement's canonical JSON, as 64 lower-case hexadecimal digits.
pub fn statement_digest(statement: &StatementDigest<'_>) -> String {
    hex(&Sha256::digest(canonical_json(statement)))
}

/// What a statement's digest is made of: its canonical JSON.
pub fn statement_json(statement: &StatementDigest<'_>) -> String {
    String::from_utf8_lossy(&canonical_json(statement)).into_owned()
}

/// The digest of a settlement: fed with its statements' digests in the order of partner ids.
#[derive(Clone, Debug, Default)]
pub struct SettlementDigest(Sha256);

impl SettlementDigest {
    pub fn new() -> SettlementDigest {
        SettlementDigest::default()
    }

    /// Adds one statement's digest, and the line feed after it.
    pub fn add(&mut self, statement_digest_hex: &str) {
        self.0.update(statement_digest_hex);
        self.0.update("\n");
    }

    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// A statement as the JSON says it: counts are integers, amounts strings with six decimals.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    partner_id: String,
    period_start: String,
    period_end: String,
    active_clients: u32,
    rate_basis_points: i32,
    top_up_count: i64,
    base: String,
    commission: String,
    carried_in: String,
    credited: String,
    carried_out: String,
    carry_reason: Option<&'static str>,
    previous_digest: Option<&'a str>,
}

fn canonical_json(statement: &StatementDigest<'_>) -> Vec<u8> {
    let fields = Fields {
        partner_id: statement.partner_id.hyphenated().to_string(),
        period_start: statement.period.to_string(),
        period_end: statement.period.next().to_string(),
        active_clients: statement.active_clients,
        rate_basis_points: statement.rate.0,
        top_up_count: statement.top_up_count,
        base: statement.base.to_string(),
        commission: statement.commission.to_string(),
        carried_in: statement.carried_in.to_string(),
        credited: statement.credited.to_string(),
        carried_out: statement.carried_out.to_string(),
        carry_reason: statement.carry_reason.map(CarryReason::as_str),
        previous_digest: statement.previous_digest,
    };
    // Strings, small integers and nulls always serialise; a digest of anything else would be worse than none.
    serde_json_canonicalizer::to_vec(&fields).unwrap_or_else(|error| unreachable!("{error}"))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The digests were computed by openssl from these very texts.
    const FIRST: &str = concat!(
        r#"{"activeClients":201,"base":"-24.760000","carriedIn":"0.000000","carriedOut":"-2.476000","#,
        r#""carryReason":"NEGATIVE_NET","commission":"-2.476000","credited":"0.000000","#,
        r#""partnerId":"0190a8e4-1b2c-7def-8abc-0123456789ab","periodEnd":"2024-01-15","#,
        r#""periodStart":"2024-01-01","previousDigest":null,"rateBasisPoints":1000,"topUpCount":0}"#,
    );
    const FIRST_DIGEST: &str = "e0267ece9d1200f0b4ee940db2ba121ad4ff79881d2be871044452410e5fffc3";
    const SECOND: &str = concat!(
        r#"{"activeClients":3,"base":"1234.500000","carriedIn":"-2.476000","carriedOut":"0.000000","#,
        r#""carryReason":null,"commission":"185.175000","credited":"182.699000","#,
        r#""partnerId":"0190a8e4-1b2c-7def-8abc-0123456789ab","periodEnd":"2025-01-01","#,
        r#""periodStart":"2024-12-15","previousDigest":"e0267ece9d1200f0b4ee940db2ba121ad4ff79881d2be871044452410e5fffc3","#,
        r#""rateBasisPoints":1500,"topUpCount":7}"#,
    );
    const SECOND_DIGEST: &str = "fb927e7b3b19d072aae8516afc82082ba9813eda185d17a3416a162baa51765f";

    fn partner() -> Uuid {
        Uuid::parse_str("0190A8E4-1B2C-7DEF-8ABC-0123456789AB").unwrap()
    }

    fn first() -> StatementDigest<'static> {
        StatementDigest {
            partner_id: partner(),
            period: Period(20240101),
            active_clients: 201,
            rate: RateBasisPoints(1_000),
            top_up_count: 0,
            base: Money(-24_760_000),
            commission: Money(-2_476_000),
            carried_in: Money::ZERO,
            credited: Money::ZERO,
            carried_out: Money(-2_476_000),
            carry_reason: Some(CarryReason::NegativeNet),
            previous_digest: None,
        }
    }

    fn second() -> StatementDigest<'static> {
        let figures = StatementFigures {
            top_ups: 7,
            base: Money(1_234_500_000),
            commission: Money(185_175_000),
            carried_in: Money(-2_476_000),
            credited: Money(182_699_000),
            carried_out: Money::ZERO,
            carry_reason: None,
        };
        StatementDigest::of(
            partner(),
            Period(20241215),
            3,
            RateBasisPoints(1_500),
            &figures,
            Some(FIRST_DIGEST),
        )
    }

    #[test]
    fn a_statements_digest_covers_its_canonical_json() {
        for (statement, json, digest) in [(first(), FIRST, FIRST_DIGEST), (second(), SECOND, SECOND_DIGEST)] {
            assert_eq!(String::from_utf8(canonical_json(&statement)).unwrap(), json);
            assert_eq!(statement_digest(&statement), digest);
        }
    }

    #[test]
    fn a_settlements_digest_covers_its_statements_line_by_line() {
        let mut settlement = SettlementDigest::new();
        settlement.add(FIRST_DIGEST);
        settlement.add(SECOND_DIGEST);
        assert_eq!(settlement.finish(), "655f81bf80be3f1e473dfe4cd750cb9b0bf4e8e201cfb4cff5c3f6bd8fe4c67f");
        assert_eq!(
            SettlementDigest::new().finish(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
