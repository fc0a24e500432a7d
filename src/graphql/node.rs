//! Any object by its global id.

use async_graphql::{Context, ID, Interface, Object};
use uuid::Uuid;

use super::api_key::ApiKey;
use super::audit_log::AuditRecord;
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
use super::site::Site;
use super::statement::Statement;
use super::ticket::Ticket;
use super::visit::Visit;
use super::webhook_delivery::WebhookDelivery;
use super::webhook_endpoint::WebhookEndpoint;
use super::withdrawal::Withdrawal;
use crate::services::listing::Subject;
use crate::services::webhook;

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
    AuditRecord(AuditRecord),
    Visit(Visit),
    Site(Site),
    ApiKey(ApiKey),
    WebhookEndpoint(WebhookEndpoint),
    WebhookDelivery(WebhookDelivery),
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
pub async fn load(context: &Context<'_>, tag: Tag, id: Uuid) -> Result<Option<(Node, Option<Uuid>)>> {
    let loaders = loaders(context)?;
    Ok(match tag {
        Tag::Partner => loaders.partners.get(id).await?.map(|row| owned(row.id, Partner::from(row))),
        Tag::ReferralLink => loaders.links.get(id).await?.map(|row| owned(row.partner_id, ReferralLink(row))),
        Tag::ReferredClient => {
            loaders.clients.get(id).await?.map(|row| owned(row.partner_id, ReferredClient::from(row)))
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
            loaders.ledger_transfers.get(id).await?.map(|row| owned(row.partner_id, LedgerEntry(row)))
        }
        Tag::ParkedFact => loaders.parked_facts.get(id).await?.map(|row| (ParkedFact(row).into(), None)),
        Tag::Settlement => loaders.settlements.get(id).await?.map(|row| (Settlement(row).into(), None)),
        Tag::AuditRecord => loaders.audit_records.get(id).await?.map(|row| (AuditRecord(row).into(), None)),
        Tag::Visit => match loaders.visits.get(id).await? {
            None => None,
            Some(row) => loaders.links.get(row.link_id).await?.map(|link| owned(link.partner_id, Visit(row))),
        },
        Tag::Site => loaders.sites.get(id).await?.map(|row| owned(row.partner_id, Site(row))),
        Tag::ApiKey => loaders.api_keys.get(id).await?.map(|row| owned(row.partner_id, ApiKey(row))),
        Tag::WebhookEndpoint => {
            let found = webhook::endpoint::find(app(context)?, id).await?;
            found.map(|row| (row.partner_id, row)).map(|(owner, row)| (WebhookEndpoint(row).into(), owner))
        }
        Tag::WebhookDelivery => {
            let found = webhook::delivery::find(app(context)?, id).await?;
            found.map(|row| owned(row.partner_id, WebhookDelivery(row)))
        }
    })
}

fn owned(partner_id: Uuid, object: impl Into<Node>) -> (Node, Option<Uuid>) {
    (object.into(), Some(partner_id))
}

/// An object by an id without a kind, as the audit log keeps it.
pub async fn by_uuid(context: &Context<'_>, id: Uuid) -> Result<Option<Node>> {
    Ok(owned_by_uuid(context, id).await?.map(|(node, _)| node))
}

/// An object of a partner's by an id without a kind, as a ticket keeps it.
pub async fn of_partner(context: &Context<'_>, partner_id: Uuid, id: Uuid) -> Result<Option<Node>> {
    let found = owned_by_uuid(context, id).await?;
    Ok(found.filter(|(_, owner)| *owner == Some(partner_id)).map(|(node, _)| node))
}

async fn owned_by_uuid(context: &Context<'_>, id: Uuid) -> Result<Option<(Node, Option<Uuid>)>> {
    let Some(subject) = loaders(context)?.subjects.get(id).await? else { return Ok(None) };
    let tag = match subject {
        Subject::Partner => Tag::Partner,
        Subject::Link => Tag::ReferralLink,
        Subject::Client => Tag::ReferredClient,
        Subject::Line => Tag::Commission,
        Subject::Statement => Tag::Statement,
        Subject::LedgerTransfer => Tag::LedgerEntry,
        Subject::Withdrawal => Tag::Withdrawal,
        Subject::ServiceTransfer => Tag::ServiceTransfer,
        Subject::Ticket => Tag::Ticket,
        Subject::Settlement => Tag::Settlement,
    };
    load(context, tag, id).await
}
