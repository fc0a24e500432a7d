//! What an API key may do: a document is looked through before it runs, and one field that the rules do not open to the
//! key's scopes fails the whole request.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::Pos;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};

use entity::EventType;

use super::authority::rules;
use super::cost::Prices;
use super::id::Tag;
use crate::domain::api_key::Scope;

/// Types without a rule are but the way to those that have some: connections, edges, payloads.
fn allows(parent: &str, field: &str, scopes: &[Scope]) -> bool {
    let is_way = || !rules::RULES.iter().any(|(name, _)| *name == parent);
    field.starts_with("__") || rules::of(parent, field).map_or_else(is_way, |rule| rule.allows_key(scopes))
}

/// Whether a key with these scopes may see an object of its partner's that was reached by its id.
pub fn may_see(tag: Tag, scopes: &[Scope]) -> bool {
    let scope = match tag {
        Tag::Partner => return true,
        Tag::ReferralLink | Tag::Visit | Tag::Site => Scope::ReadLinks,
        Tag::ReferredClient => Scope::ReadClients,
        Tag::Commission | Tag::Statement => Scope::ReadCommissions,
        Tag::LedgerEntry => Scope::ReadBalance,
        Tag::Withdrawal | Tag::ServiceTransfer => Scope::ReadWithdrawals,
        Tag::Ticket => Scope::ReadTickets,
        Tag::WebhookEndpoint | Tag::WebhookDelivery => Scope::ReadWebhooks,
        _ => return false,
    };
    scopes.contains(&scope)
}

/// Whether a key with these scopes may be told of such events: whoever may read what changed.
pub fn may_be_told(event_type: EventType, scopes: &[Scope]) -> bool {
    let scope = match event_type {
        EventType::ClientRegistered => Scope::ReadClients,
        EventType::CommissionRecorded
        | EventType::CommissionReversed
        | EventType::StatementSettled
        | EventType::TierChanged => Scope::ReadCommissions,
        EventType::WithdrawalChanged | EventType::ServiceTransferChanged => Scope::ReadWithdrawals,
        EventType::ContractChanged => Scope::ReadBalance,
        EventType::TicketChanged => Scope::ReadTickets,
    };
    scopes.contains(&scope)
}

/// The schema as far as it says what each field leads to, read once from its text.
static TYPES: LazyLock<Option<Prices>> = LazyLock::new(|| Prices::read(&super::sdl()).ok());

/// Where the first field stands that these scopes do not open, and its path; none where they open all.
pub fn first_closed(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    scopes: &[Scope],
) -> Option<(Pos, Vec<String>)> {
    // A schema that could not be read opens nothing.
    let Some(types) = &*TYPES else { return Some((Pos::default(), Vec::new())) };
    let mut walk =
        Walk { types, document, scopes, seen: HashSet::new(), at: Pos::default(), path: Vec::new() };
    let root = types.root(operation.ty);
    if walk.is_open(&operation.selection_set.node, root) { None } else { Some((walk.at, walk.path)) }
}

struct Walk<'a> {
    types: &'a Prices,
    document: &'a ExecutableDocument,
    scopes: &'a [Scope],
    /// The fragments that were looked through.
    seen: HashSet<&'a str>,
    /// Where the walk is; where it ended at a closed field, that field's.
    at: Pos,
    path: Vec<String>,
}

impl<'a> Walk<'a> {
    fn is_open(&mut self, selections: &'a SelectionSet, parent: &str) -> bool {
        selections.items.iter().all(|selection| match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                self.at = field.pos;
                self.path.push(field.node.response_key().node.to_string());
                let of = self.types.type_of(parent, name);
                let is_open = allows(parent, name, self.scopes)
                    && of.is_none_or(|of| self.is_open(&field.node.selection_set.node, of));
                if is_open {
                    self.path.pop();
                }
                is_open
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                self.is_open(&fragment.node.selection_set.node, on)
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                let Some((name, fragment)) = self.document.fragments.get_key_value(name) else { return true };
                if !self.seen.insert(name.as_str()) {
                    return true;
                }
                let on = fragment.node.type_condition.node.on.node.as_str();
                self.is_open(&fragment.node.selection_set.node, on)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;

    use super::*;

    #[test]
    fn no_scopes_open_what_is_never_a_keys() {
        for field in ["createApiKey", "revokeApiKey", "acceptContract", "settle", "adjustBalance"] {
            assert!(!allows("Mutation", field, &Scope::ALL), "{field}");
        }
        assert!(!allows("Partner", "apiKeys", &Scope::ALL));
        assert!(!allows("Query", "partners", &Scope::ALL));
        assert!(!allows("Mutation", "whateverComes", &Scope::ALL), "what has no rule is closed");
    }

    #[test]
    fn the_first_closed_field_is_named_by_its_path() {
        let path = |query: &str, scopes: &[Scope]| {
            let document = parse_query(query).unwrap();
            let DocumentOperations::Single(operation) = &document.operations else { panic!("{query}") };
            first_closed(&document, &operation.node, scopes).map(|(_, path)| path.join("."))
        };
        let lines = "{ viewer { commissions(first: 1) { edges { node { amount { amount } client { reference } } } } } }";
        for (query, scopes, closed) in [
            ("{ viewer { code } programme { name } }", &[][..], None),
            ("{ viewer { money: balance { available { amount } } } }", &[], Some("viewer.money")),
            ("{ viewer { balance { available { amount } } } }", &[Scope::ReadBalance], None),
            (lines, &[Scope::ReadCommissions], Some("viewer.commissions.edges.node.client")),
            (lines, &[Scope::ReadCommissions, Scope::ReadClients], None),
            ("{ node(id: \"x\") { id ... on Ticket { subject } } }", &[], Some("node.subject")),
            (
                "{ viewer { ...f } } fragment f on Partner { ...g } fragment g on Partner { apiKeys { id } }",
                &Scope::ALL,
                Some("viewer.apiKeys"),
            ),
            ("{ viewer { ...f } again: viewer { ...f } } fragment f on Partner { code }", &[], None),
            (
                "mutation { acceptContract(input: { documentDigest: \"x\" }) { userErrors { code } } }",
                &Scope::ALL,
                Some("acceptContract"),
            ),
            ("{ partners(first: 1) { totalCount } }", &Scope::ALL, Some("partners")),
        ] {
            assert_eq!(path(query, scopes).as_deref(), closed, "{query}");
        }
    }
}
