//! What is kept of each client, against his lines and his account.

use std::collections::{BTreeMap, HashMap};

use entity::{Moment, Money, Period, RateBasisPoints};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::lines::{Recomputed, Sum};
use super::{Check, Chunk, Finding, or_none};
use crate::db;
use crate::domain::reference;

/// What is kept of what a client has earned, and what it was counted from.
pub(super) struct KeptEarned {
    subject: String,
    closed_through: Period,
    closed_base: i64,
    closed_commission: i64,
    open_period: Option<Period>,
    /// The bases of his lines by the period whose rate they earn.
    bases: BTreeMap<Period, i64>,
}

impl KeptEarned {
    fn closed(&self) -> impl Iterator<Item = (Period, i64)> + '_ {
        self.bases.range(..=self.closed_through).map(|(period, base)| (*period, *base))
    }

    /// What the lines have earned that are at the rates of the closed periods.
    pub(super) fn closed_commission(&self, rate: impl Fn(Period) -> RateBasisPoints) -> Money {
        let products = self.closed().map(|(period, base)| i128::from(base) * i128::from(rate(period).0));
        Money(i64::try_from(products.sum::<i128>() / 10_000).unwrap_or(i64::MAX))
    }
}

impl<F: FnMut(Finding)> Check<'_, F> {
    /// Checks the totals of some partners' clients and how they are called; answers what is kept of what they have
    /// earned, by partner, to be checked with [`Check::earned`].
    pub(super) async fn clients(
        &mut self,
        snapshot: &DatabaseTransaction,
        chunk: Chunk,
        recomputed: &Recomputed,
    ) -> Result<HashMap<Uuid, Vec<KeptEarned>>, DbErr> {
        let sql = "SELECT r.id, t.base, t.top_up_count, t.last_purchase_at, r.partner_id, t.partner_id, r.link_id, \
                   t.link_id, a.account_id, t.reference, t.closed_through, t.closed_base, t.closed_commission, \
                   t.open_period, r.registered_at, t.registered_at \
                   FROM referral r LEFT JOIN referral_total t ON t.referral_id = r.id JOIN account a ON a.id = r.account_id WHERE r.partner_id BETWEEN $1 AND $2";
        let mut bases: HashMap<Uuid, BTreeMap<Period, i64>> = HashMap::new();
        for ((referral_id, _, rate_period, _), sum) in &recomputed.referral {
            *bases.entry(*referral_id).or_default().entry(*rate_period).or_default() += sum.base;
        }
        let mut sums = BTreeMap::new();
        let mut earned: HashMap<Uuid, Vec<KeptEarned>> = HashMap::new();
        for row in db::query(snapshot, sql, chunk.values()).await? {
            let referral_id: Uuid = row.try_get_by_index(0)?;
            let subject = subject(&referral_id);
            let Some(kept_for) = row.try_get_by_index(5)? else {
                self.report(subject, "is missing");
                continue;
            };
            let sum = Sum {
                base: row.try_get_by_index(1)?,
                top_ups: row.try_get_by_index(2)?,
                last: row.try_get_by_index(3)?,
            };
            sums.insert(referral_id, sum);
            self.named(&row, kept_for, &subject)?;
            let kept = KeptEarned {
                subject,
                closed_through: row.try_get_by_index(10)?,
                closed_base: row.try_get_by_index(11)?,
                closed_commission: row.try_get_by_index(12)?,
                open_period: row.try_get_by_index(13)?,
                bases: bases.remove(&referral_id).unwrap_or_default(),
            };
            earned.entry(row.try_get_by_index(4)?).or_default().push(kept);
        }
        self.compare_sums(&sums, &recomputed.total, subject);
        Ok(earned)
    }

    /// Whose client he is, since when, who brought him, and how he is called: as the referral and the account say.
    fn named(&mut self, row: &QueryResult, kept_for: Uuid, subject: &str) -> Result<(), DbErr> {
        self.compare(subject, "partner", kept_for, row.try_get_by_index(4)?);
        let (link_id, kept): (Option<Uuid>, Option<Uuid>) =
            (row.try_get_by_index(6)?, row.try_get_by_index(7)?);
        if kept != link_id {
            self.compare(subject, "link", or_none(kept), or_none(link_id));
        }
        let (registered_at, kept): (Moment, Moment) = (row.try_get_by_index(14)?, row.try_get_by_index(15)?);
        self.compare(subject, "registration", kept, registered_at);
        let (account_id, kept): (String, String) = (row.try_get_by_index(8)?, row.try_get_by_index(9)?);
        self.compare(subject, "reference", kept, reference::shown(&account_id));
        Ok(())
    }

    /// What is final of what a client has earned is that of the lines at the rates of closed periods; the other lines
    /// are of the period that is named, or of any where it is said to be several.
    pub(super) fn earned(&mut self, kept: &KeptEarned, closed_commission: Money) {
        let subject = &kept.subject;
        let closed_base = kept.closed().map(|(_, base)| base).sum();
        self.compare(subject, "base of closed periods", Money(kept.closed_base), Money(closed_base));
        let found = Money(kept.closed_commission);
        self.compare(subject, "commission of closed periods", found, closed_commission);
        let last = self.settlements.last_key_value().map_or(Period::BEGINNING, |(period, _)| *period);
        if kept.closed_through > last {
            self.compare(subject, "last closed period", kept.closed_through, last);
        }
        let mut open = kept.bases.range(kept.closed_through.next()..).filter(|(_, base)| **base != 0);
        let only = open.next().map(|(period, _)| *period).filter(|_| open.next().is_none());
        let is_several = kept.open_period == Some(Period::NEVER);
        if !is_several && kept.open_period != only {
            self.compare(subject, "open period", or_none(kept.open_period), or_none(only));
        }
    }
}

fn subject(referral: &Uuid) -> String {
    format!("referral_total of {referral}")
}
