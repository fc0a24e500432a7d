//! Standings and statements, drawn up again from the lines.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    CarryReason, Moment, Money, Period, RateBasisPoints, settlement, standing, statement, suspension,
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::lines::{Recomputed, Sum};
use super::{Check, Chunk, Finding, or_none};
use crate::domain::digest::{StatementDigest, statement_digest};
use crate::domain::settlement::StatementFigures;
use crate::domain::tier::tier_for;
use crate::services::error::ServiceError;
use crate::services::programme::{IndividualRates, rate_of};

/// Clocks of two instances may differ by so much: nearer to a closing than this, a suspension may be on either side.
const CLOCKS_DIFFER_SECONDS: i64 = 60;

/// What is on record of some partners.
struct OnRecord {
    statements: BTreeMap<(Uuid, Period), statement::Model>,
    standings: HashMap<(Uuid, Period), standing::Model>,
    suspensions: HashMap<Uuid, Vec<suspension::Model>>,
    individual: IndividualRates,
}

impl<F: FnMut(Finding)> Check<'_, F> {
    pub(super) async fn statements(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        partners: &[Uuid],
        recomputed: &Recomputed,
    ) -> Result<(), ServiceError> {
        let mut on_record = load(snapshot, chunk, partners).await?;
        self.summary.statements += on_record.statements.len() as u64;
        let clients = self.clients(snapshot, chunk, recomputed).await?;
        let active = self.active_clients(recomputed);
        let settlements: Vec<settlement::Model> = self.settlements.values().cloned().collect();
        for &partner_id in partners {
            let mut rates = BTreeMap::new();
            let mut previous = Previous { carried: Money::ZERO, digest: None };
            for settlement in &settlements {
                let count = active.get(&(partner_id, settlement.period)).copied().unwrap_or(0);
                self.standing(&on_record, partner_id, settlement, count);
                let table = self.tables.in_force(settlement.period.next());
                rates.insert(settlement.period.next(), tier_for(table, count).rate);
                if self.is_written(settlement.period, partner_id) {
                    let found = on_record.statements.remove(&(partner_id, settlement.period));
                    let books = Books { recomputed, on_record: &on_record, rates: &rates };
                    previous = self.statement(&books, partner_id, settlement, count, found, previous);
                }
            }
            let books = Books { recomputed, on_record: &on_record, rates: &rates };
            for client in clients.get(&partner_id).into_iter().flatten() {
                let commission = client.closed_commission(|period| self.rate(&books, partner_id, period));
                self.earned(client, commission);
            }
        }
        for ((partner_id, period), _) in on_record.statements {
            self.report(format!("statement of {partner_id} for {period}"), "has no settlement that wrote it");
        }
        Ok(())
    }

    /// Active clients of each partner at the end of each closed period (rule 16).
    fn active_clients(&self, recomputed: &Recomputed) -> HashMap<(Uuid, Period), u32> {
        let mut by_client: HashMap<Uuid, Vec<(Period, Period, Moment)>> = HashMap::new();
        for ((referral_id, settled, _, taken_back), sum) in &recomputed.referral {
            if let Some(last) = sum.last {
                by_client.entry(*referral_id).or_default().push((*settled, *taken_back, last));
            }
        }
        let mut active = HashMap::new();
        for settlement in self.settlements.values() {
            let period = settlement.period;
            let window = chrono::Duration::days(i64::from(settlement.window_days));
            let from = self.app.terms.calendar.ends_at(period).minus(window);
            for (referral_id, groups) in &by_client {
                let is_active = groups.iter().any(|(settled, taken_back, last)| {
                    *settled <= period && *taken_back > period && *last >= from
                });
                if is_active {
                    *active.entry((recomputed.partner_of[referral_id], period)).or_default() += 1;
                }
            }
        }
        active
    }

    /// The standing that the closing of a period fixed for the next.
    fn standing(
        &mut self,
        on_record: &OnRecord,
        partner_id: Uuid,
        settlement: &settlement::Model,
        active_clients: u32,
    ) {
        let period = settlement.period.next();
        let subject = format!("standing of {partner_id} in {period}");
        let found = on_record.standings.get(&(partner_id, period));
        let tier = tier_for(self.tables.in_force(period), active_clients).clone();
        let count = found.map_or(0, |standing| standing.active_clients);
        self.compare(&subject, "active clients", count, i64::from(active_clients));
        if let Some(found) = found {
            self.compare(&subject, "tier", found.tier.as_str(), tier.name.as_str());
            self.compare(&subject, "rate", found.rate_basis_points, tier.rate);
        }
        let was_suspended = found.is_some_and(|standing| standing.was_suspended);
        let history = on_record.suspensions.get(&partner_id).map_or(&[][..], Vec::as_slice);
        let margin = chrono::Duration::seconds(CLOCKS_DIFFER_SECONDS);
        let covers =
            |at: Moment| history.iter().any(|s| s.since <= at && s.until.is_none_or(|until| at < until));
        let closed_at = settlement.closed_at;
        let (before, after) = (covers(closed_at.minus(margin)), covers(closed_at.plus(margin)));
        let changes_near = history.iter().any(|suspension| {
            let near = |at: Moment| at >= closed_at.minus(margin) && at <= closed_at.plus(margin);
            near(suspension.since) || suspension.until.is_some_and(near)
        });
        if before == after && !changes_near && was_suspended != before {
            self.compare(&subject, "suspended", was_suspended, before);
        }
    }

    fn statement(
        &mut self,
        books: &Books<'_>,
        partner_id: Uuid,
        settlement: &settlement::Model,
        active_clients: u32,
        found: Option<statement::Model>,
        previous: Previous,
    ) -> Previous {
        let period = settlement.period;
        let subject = format!("statement of {partner_id} for {period}");
        let sums = books.sums(partner_id, period);
        if sums.is_empty() && previous.carried == Money::ZERO {
            if found.is_some() {
                self.report(subject, "has neither lines nor a carry behind it");
            }
            return previous;
        }
        let Some(found) = found else {
            self.report(subject, "is missing");
            return previous;
        };
        let rate = |period| self.rate(books, partner_id, period);
        let figures =
            figures_of(&sums, &rate, &previous, settlement, active_clients, books.gate(partner_id, period));
        let in_force = rate(period);
        let digest = StatementDigest::of(
            partner_id,
            period,
            active_clients,
            in_force,
            &figures,
            previous.digest.as_deref(),
        );
        let digest = statement_digest(&digest);
        let reason = |reason: Option<CarryReason>| or_none(reason.map(CarryReason::as_str));
        self.compare(&subject, "active clients", found.active_clients, i64::from(active_clients));
        self.compare(&subject, "rate", found.rate_basis_points, in_force);
        self.compare(&subject, "top-ups", found.top_ups, figures.top_ups);
        self.compare(&subject, "base", found.base, figures.base);
        self.compare(&subject, "commission", found.commission, figures.commission);
        self.compare(&subject, "carried in", found.carried_in, figures.carried_in);
        self.compare(&subject, "credited", found.credited, figures.credited);
        self.compare(&subject, "carried out", found.carried_out, figures.carried_out);
        self.compare(&subject, "carry reason", reason(found.carry_reason), reason(figures.carry_reason));
        self.compare(&subject, "digest", found.digest.as_str(), digest.as_str());
        let first = self.tables.in_force(period).first().name.clone();
        self.compare(&subject, "tier", found.tier.as_str(), books.tier(&first, partner_id, period));
        Previous { carried: figures.carried_out, digest: Some(digest) }
    }

    /// The rate of a partner in a period, from recounted clients and not from what is stored.
    fn rate(&self, books: &Books<'_>, partner_id: Uuid, period: Period) -> RateBasisPoints {
        let individual = books.on_record.individual.in_force(partner_id, period);
        rate_of(&self.tables, individual, books.rates.get(&period).copied(), period).rate
    }
}

/// What the statement before left.
struct Previous {
    carried: Money,
    digest: Option<String>,
}

struct Books<'a> {
    recomputed: &'a Recomputed,
    on_record: &'a OnRecord,
    /// The tier's rate by period, from recounted clients.
    rates: &'a BTreeMap<Period, RateBasisPoints>,
}

impl Books<'_> {
    fn sums(&self, partner_id: Uuid, period: Period) -> Vec<(Period, Sum)> {
        let range = (partner_id, period, Period::BEGINNING)..=(partner_id, period, Period::NEVER);
        self.recomputed.partner.range(range).map(|((_, _, rate_period), sum)| (*rate_period, *sum)).collect()
    }

    /// Whether the partner was suspended when the period was closed: what the closing recorded.
    fn gate(&self, partner_id: Uuid, period: Period) -> bool {
        let standing = self.on_record.standings.get(&(partner_id, period.next()));
        standing.is_some_and(|standing| standing.was_suspended)
    }

    fn tier<'b>(&'b self, first: &'b str, partner_id: Uuid, period: Period) -> &'b str {
        self.on_record.standings.get(&(partner_id, period)).map_or(first, |standing| standing.tier.as_str())
    }
}

/// Rule 20, said a second time so that a mistake in the first shows.
fn figures_of(
    sums: &[(Period, Sum)],
    rate: &impl Fn(Period) -> RateBasisPoints,
    previous: &Previous,
    settlement: &settlement::Model,
    active_clients: u32,
    is_suspended: bool,
) -> StatementFigures {
    let base = sums.iter().map(|(_, sum)| sum.base).sum();
    let products = sums.iter().map(|(period, sum)| i128::from(sum.base) * i128::from(rate(*period).0));
    let commission = i64::try_from(products.sum::<i128>() / 10_000).unwrap_or(i64::MAX);
    let net = previous.carried.0.saturating_add(commission);
    let too_few = i64::from(active_clients) < i64::from(settlement.minimum_active_clients);
    let carry_reason = match net {
        0 => None,
        _ if is_suspended => Some(CarryReason::PartnerSuspended),
        ..0 => Some(CarryReason::NegativeNet),
        _ if too_few => Some(CarryReason::TooFewActiveClients),
        _ => None,
    };
    let (credited, carried_out) = if carry_reason.is_some() { (0, net) } else { (net, 0) };
    StatementFigures {
        top_ups: sums.iter().map(|(_, sum)| sum.top_ups).sum(),
        base: Money(base),
        commission: Money(commission),
        carried_in: previous.carried,
        credited: Money(credited),
        carried_out: Money(carried_out),
        carry_reason,
    }
}

async fn load(
    snapshot: &DatabaseTransaction,
    chunk: Chunk,
    partners: &[Uuid],
) -> Result<OnRecord, ServiceError> {
    let statements = statement::Entity::find()
        .filter(statement::Column::PartnerId.between(chunk.first, chunk.last))
        .all(snapshot)
        .await?;
    let standings = standing::Entity::find()
        .filter(standing::Column::PartnerId.between(chunk.first, chunk.last))
        .all(snapshot)
        .await?;
    let history = suspension::Entity::find()
        .filter(suspension::Column::PartnerId.between(chunk.first, chunk.last))
        .order_by_asc(suspension::Column::Since)
        .all(snapshot)
        .await?;
    let mut suspensions: HashMap<Uuid, Vec<suspension::Model>> = HashMap::new();
    history.into_iter().for_each(|one| suspensions.entry(one.partner_id).or_default().push(one));
    let ids: BTreeSet<Uuid> = partners.iter().copied().collect();
    Ok(OnRecord {
        statements: statements.into_iter().map(|one| ((one.partner_id, one.period), one)).collect(),
        standings: standings.into_iter().map(|one| ((one.partner_id, one.period), one)).collect(),
        suspensions,
        individual: IndividualRates::load(snapshot, &ids).await?,
    })
}
