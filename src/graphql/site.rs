//! The sites that partners declare.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::site;

use super::authority;
use super::error::{Result, UserError, outcome};
use super::id::Tag;
use super::request::app;
use super::scalar::DateTime;
use crate::services::site as service;

pub struct Site(pub site::Model);

/// A site that a partner says is his.
#[Object]
impl Site {
    /// The global id.
    pub async fn id(&self) -> ID {
        Tag::Site.id(self.0.id)
    }

    /// The name of its host, letters beyond ASCII in Punycode.
    async fn host(&self) -> &str {
        &self.0.host
    }

    /// When he first said so.
    async fn declared_at(&self) -> DateTime {
        DateTime(self.0.declared_at)
    }
}

#[derive(Debug, Default)]
pub struct SiteMutation;

#[Object]
impl SiteMutation {
    /// Puts a site on the partner's list, 100 at most. One whose name could be taken for the provider's is refused.
    async fn declare_site(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The site.")] input: DeclareSiteInput,
    ) -> Result<SitePayload> {
        let partner = authority::partner(context).await?;
        let declared = service::declare(app(context)?, partner.id, &input.url).await;
        let (site, user_errors) = outcome(declared, &["input"])?;
        Ok(SitePayload { site: site.map(Site), user_errors })
    }
}

/// A site.
#[derive(Clone, Debug, InputObject)]
pub struct DeclareSiteInput {
    /// Any page of it, or the bare name of its host.
    pub url: String,
}

/// The site, or why there is none.
#[derive(SimpleObject)]
pub struct SitePayload {
    /// The site as it is on the list.
    pub site: Option<Site>,
    /// Why the business says no; empty where it did not.
    pub user_errors: Vec<UserError>,
}
