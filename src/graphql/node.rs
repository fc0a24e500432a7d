//! Any object by its global id.

use async_graphql::{Context, ID, Interface, Object};
use uuid::Uuid;

use super::authority;
use super::commission::Commission;
use super::error::{Failure, Result};
use super::id::{Tag, decode};
use super::ledger::LedgerEntry;
use super::parked_fact::ParkedFact;
use super::partner::Partner;
use super::referral_link::ReferralLink;
use super::referred_client::ReferredClient;
use super::request::{app, loaders};
use super::service_transfer::ServiceTransfer;
use super::settlement::Settlement;
use super::statement::Statement;
use super::ticket::Ticket;
use super::withdrawal::Withdrawal;
use crate::services::listing::{self, Subject};

/// How many ids `nodes` takes.
const MAX_NODES: usize = 100;

/// An object with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id: opaque, and the same for ever."))]
pub enum Node {
    Partner(Partner),
    ReferralLink(ReferralLink),
    ReferredClient(ReferredClient),
    Commission(Commission),
    Statement(Statement),
    LedgerEntry(LedgerEntry),
    Withdrawal(Withdrawal),
    ServiceTransfer(ServiceTransfer),
    Ticket(Ticket),
    ParkedFact(ParkedFact),
    Settlement(Settlement),
}

#[derive(Debug, Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Any object the caller may see. Unknown, malformed and foreign ids all answer null.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
    ) -> Result<Option<Result<Node>>> {
        authority::known(context)?;
        Ok(find(context, &id).await.transpose())
    }

    /// Many objects, in the order of the ids; null for each that the caller may not see.
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "At most 100 global ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Result<Node>>>> {
        authority::known(context)?;
        if ids.len() > MAX_NODES {
            return Err(Failure::bad_input(format!("at most {MAX_NODES} ids can be asked for")));
        }
        let found = futures_util::future::join_all(ids.iter().map(|id| find(context, id))).await;
        Ok(found.into_iter().map(Result::transpose).collect())
    }
}

/// What an id names, if the caller may see it.
async fn find(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let Some((tag, id)) = decode(id) else { return Ok(None) };
    let Some((node, owner)) = load(context, tag, id).await? else { return Ok(None) };
    let may_see = authority::may_see(context, tag, owner).await?;
    Ok(Some(node).filter(|_| may_see))
}

/// An object, with the partner it belongs to; none for what is staff's alone.
async fn load(context: &Context<'_>, tag: Tag, id: Uuid) -> Result<Option<(Node, Option<Uuid>)>> {
    let (app, loaders) = (app(context)?, loaders(context)?);
    Ok(match tag {
        Tag::Partner => loaders.partners.get(id).await?.map(|row| owned(row.id, Partner::from(row))),
        Tag::ReferralLink => loaders.links.get(id).await?.map(|row| owned(row.partner_id, ReferralLink(row))),
        Tag::ReferredClient => {
            loaders.clients.get(id).await?.map(|row| owned(row.referral.partner_id, ReferredClient(row)))
        }
        Tag::Commission => {
            loaders.lines.get(id).await?.map(|row| owned(row.partner_id, Commission::from(row)))
        }
        Tag::Statement => loaders.statements.get(id).await?.map(|row| owned(row.partner_id, Statement(row))),
        Tag::Withdrawal => {
            loaders.withdrawals.get(id).await?.map(|row| owned(row.partner_id, Withdrawal(row)))
        }
        Tag::ServiceTransfer => {
            loaders.service_transfers.get(id).await?.map(|row| owned(row.partner_id, ServiceTransfer(row)))
        }
        Tag::Ticket => loaders.tickets.get(id).await?.map(|row| owned(row.partner_id, Ticket(row))),
        Tag::LedgerEntry => {
            listing::ledger_transfer(app, id).await?.map(|row| owned(row.partner_id, LedgerEntry(row)))
        }
        Tag::ParkedFact => listing::parked_fact(app, id).await?.map(|row| (ParkedFact(row).into(), None)),
        Tag::Settlement => listing::settlement(app, id).await?.map(|row| (Settlement(row).into(), None)),
        Tag::AuditRecord => None,
    })
}

fn owned(partner_id: Uuid, object: impl Into<Node>) -> (Node, Option<Uuid>) {
    (object.into(), Some(partner_id))
}

/// An object of a partner's by an id without a kind, as a ticket keeps it.
pub async fn of_partner(context: &Context<'_>, partner_id: Uuid, id: Uuid) -> Result<Option<Node>> {
    let tag = match listing::subject_kind(app(context)?, partner_id, id).await? {
        None => return Ok(None),
        Some(Subject::Withdrawal) => Tag::Withdrawal,
        Some(Subject::ServiceTransfer) => Tag::ServiceTransfer,
        Some(Subject::Line) => Tag::Commission,
        Some(Subject::Statement) => Tag::Statement,
        Some(Subject::Client) => Tag::ReferredClient,
        Some(Subject::Link) => Tag::ReferralLink,
    };
    Ok(load(context, tag, id).await?.map(|(node, _)| node))
}
