//! What changed for a partner, for programs that keep a copy of it.

use async_graphql::{Context, SimpleObject};
use entity::{SubjectKind, partner};
use futures_util::future::join_all;

use super::authority;
use super::error::{Failure, Result};
use super::id::Tag;
use super::node::{self, Node};
use super::request::loaders;
use crate::domain::watermark::Watermark;
use crate::services::change::ChangesKey;
use crate::services::error::ServiceError;

/// The longest page.
const MAX_PAGE: i32 = 100;

/// A page of what changed.
#[derive(SimpleObject)]
pub struct ChangeFeed {
    /// Oldest change first, each object once and as it is now; of an API key those that its scopes open. The partner himself stands for his tier, his contract, his
    /// status and an adjustment of his balance.
    pub items: Vec<Node>,
    /// Where to read on: to be sent with the next request.
    pub watermark: String,
    /// Whether nothing else had changed when this was read.
    pub complete: bool,
}

/// A page of a partner's changes after a watermark.
///
/// # Errors
/// BAD_USER_INPUT unless `first` is from 1 to 100 and the watermark one of ours.
pub async fn changes(
    context: &Context<'_>,
    partner: &partner::Model,
    watermark: Option<String>,
    first: i32,
) -> Result<ChangeFeed> {
    let first = u32::try_from(first).ok().filter(|_| (1..=MAX_PAGE).contains(&first));
    let first = first.ok_or_else(|| Failure::bad_input(format!("first must be from 1 to {MAX_PAGE}")))?;
    let read = |text: String| {
        Watermark::decode(&text).ok_or_else(|| Failure::bad_input("watermark is not one that was given out"))
    };
    let watermark = watermark.map_or(Ok(Watermark::BEGINNING), read)?;
    let key = ChangesKey { partner_id: partner.id, watermark, first };
    let feed = loaders(context)?.changes.get(key).await?;
    let gone = || ServiceError::Broken(format!("partner {} has no changes", partner.id));
    let feed = feed.ok_or_else(gone)?;
    let changed = feed.changed.iter().map(|(kind, id)| (tag_of(*kind), *id));
    let found = changed
        .filter(|(tag, _)| authority::may_be_told(context, *tag))
        .map(|(tag, id)| node::load(context, tag, id));
    let found: Vec<_> = join_all(found).await.into_iter().collect::<Result<_>>()?;
    Ok(ChangeFeed {
        items: found.into_iter().flatten().map(|(node, _)| node).collect(),
        watermark: feed.watermark.encode(),
        complete: feed.is_complete,
    })
}

pub const fn tag_of(kind: SubjectKind) -> Tag {
    match kind {
        SubjectKind::Partner => Tag::Partner,
        SubjectKind::Link => Tag::ReferralLink,
        SubjectKind::Client => Tag::ReferredClient,
        SubjectKind::Line => Tag::Commission,
        SubjectKind::Statement => Tag::Statement,
        SubjectKind::Withdrawal => Tag::Withdrawal,
        SubjectKind::ServiceTransfer => Tag::ServiceTransfer,
        SubjectKind::Ticket => Tag::Ticket,
        SubjectKind::WebhookEndpoint => Tag::WebhookEndpoint,
    }
}
