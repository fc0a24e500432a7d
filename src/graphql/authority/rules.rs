//! Who may see each field and run each mutation, field by field. What stands in no rule may nobody.
//!
//! Below a root field an object is seen by whoever may see the object: staff any, a partner his own, the provider's
//! systems what their rule names. What one may not see does not exist: null.

use crate::domain::api_key::Scope as KeyScope;
use crate::domain::caller::{Caller, ServiceScope, StaffScope};

/// Who may. A token of a partner is never narrowed; a key that he made may do what its scopes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    anonymous: bool,
    partner: Partner,
    staff: Staff,
    service: Service,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partner {
    No,
    /// His own, by his token and by any key.
    Own,
    /// His own, by his token and by keys of this scope.
    OwnBy(KeyScope),
    /// His own, by his token alone.
    OwnByToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Staff {
    No,
    Any,
    With(StaffScope),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    No,
    Any,
    With(ServiceScope),
}

impl Rule {
    pub fn allows(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Anonymous => self.anonymous,
            Caller::Partner { .. } => self.partner != Partner::No,
            Caller::ApiKey { scopes, .. } => self.allows_key(scopes),
            Caller::Staff { .. } => match self.staff {
                Staff::No => false,
                Staff::Any => true,
                Staff::With(scope) => caller.staff_may(scope),
            },
            Caller::Service { .. } => match self.service {
                Service::No => false,
                Service::Any => true,
                Service::With(scope) => caller.may_record(scope),
            },
        }
    }

    /// Whether a key with these scopes may.
    pub fn allows_key(&self, scopes: &[KeyScope]) -> bool {
        match self.partner {
            Partner::Own => true,
            Partner::OwnBy(scope) => scopes.contains(&scope),
            Partner::No | Partner::OwnByToken => false,
        }
    }

    /// Also the provider's systems that may record such facts.
    const fn and_service(self, scope: ServiceScope) -> Rule {
        Rule { service: Service::With(scope), ..self }
    }

    const fn and_staff(self, scope: StaffScope) -> Rule {
        Rule { staff: Staff::With(scope), ..self }
    }
}

/// The rule of a field; none where it is no field, or one that nobody thought of.
pub fn of(type_name: &str, field: &str) -> Option<Rule> {
    let (_, fields) = RULES.iter().find(|(name, _)| *name == type_name)?;
    let found = fields.iter().find(|(_, names)| names.split_whitespace().any(|name| name == field));
    found.map(|(rule, _)| *rule)
}

const NOBODY: Rule = Rule { anonymous: false, partner: Partner::No, staff: Staff::No, service: Service::No };
const KNOWN: Rule =
    Rule { anonymous: false, partner: Partner::Own, staff: Staff::Any, service: Service::Any };
const PUBLIC: Rule = Rule { anonymous: true, ..KNOWN };
const STAFF: Rule = Rule { staff: Staff::Any, ..NOBODY };
const SUPPORT: Rule = staff(StaffScope::Support);
const FINANCE: Rule = staff(StaffScope::Finance);
const ADMIN: Rule = staff(StaffScope::Admin);
/// A partner's own, and staff's.
const OWN: Rule = Rule { partner: Partner::Own, ..STAFF };
/// The partner behind the token or the key, and nobody for him.
const VIEWER: Rule = Rule { partner: Partner::Own, ..NOBODY };
const LINKS: Rule = own(KeyScope::ReadLinks);
const CLIENTS: Rule = own(KeyScope::ReadClients);
const COMMISSIONS: Rule = own(KeyScope::ReadCommissions);
const STATISTICS: Rule = own(KeyScope::ReadStatistics);
const BALANCE: Rule = own(KeyScope::ReadBalance);
const WITHDRAWALS: Rule = own(KeyScope::ReadWithdrawals);
const TICKETS: Rule = own(KeyScope::ReadTickets);
const WEBHOOKS: Rule = own(KeyScope::ReadWebhooks);
const BY_TOKEN: Rule = Rule { partner: Partner::OwnByToken, ..STAFF };
/// What a partner does, and nobody for him.
const DO_BY_TOKEN: Rule = Rule { partner: Partner::OwnByToken, ..NOBODY };

const fn own(scope: KeyScope) -> Rule {
    Rule { partner: Partner::OwnBy(scope), ..STAFF }
}

const fn does(scope: KeyScope) -> Rule {
    Rule { partner: Partner::OwnBy(scope), ..NOBODY }
}

const fn staff(scope: StaffScope) -> Rule {
    Rule { staff: Staff::With(scope), ..NOBODY }
}

const fn service(scope: ServiceScope) -> Rule {
    Rule { service: Service::With(scope), ..NOBODY }
}

type Fields = &'static [(Rule, &'static str)];

/// By type: the roots, then the partner's own, then staff's, then plain values.
pub const RULES: &[(&str, Fields)] = &[
    (
        "Query",
        &[
            (PUBLIC, "programme"),
            (KNOWN, "node nodes viewer rateLimit"),
            (STAFF, "partner partners withdrawals tickets heldCommissions settlements settlementPreview"),
            (STAFF, "parkedFacts auditLog"),
        ],
    ),
    (
        "Mutation",
        &[
            (does(KeyScope::WriteLinks), "createReferralLink updateReferralLink archiveReferralLink"),
            (does(KeyScope::WriteLinks), "declareSite"),
            (does(KeyScope::WriteWithdrawals), "requestWithdrawal cancelWithdrawal transferToServiceBalance"),
            (does(KeyScope::WriteTickets), "openTicket"),
            (does(KeyScope::WriteTickets).and_staff(StaffScope::Support), "replyToTicket"),
            (
                does(KeyScope::WriteWebhooks),
                "createWebhookEndpoint updateWebhookEndpoint deleteWebhookEndpoint",
            ),
            (does(KeyScope::WriteWebhooks), "rotateWebhookSecret sendTestWebhook redeliverWebhook"),
            (DO_BY_TOKEN, "requestContract acceptContract createApiKey revokeApiKey"),
            (service(ServiceScope::Visits), "recordVisit"),
            (service(ServiceScope::Registrations), "registerClients"),
            (service(ServiceScope::TopUps), "recordTopUps recordRefunds"),
            (service(ServiceScope::ExchangeRates), "recordExchangeRates"),
            (service(ServiceScope::Transfers), "completeServiceTransfer failServiceTransfer"),
            (SUPPORT, "closeTicket offerContract terminateContract reassignClient holdClient clearClient"),
            (
                FINANCE,
                "approveWithdrawal rejectWithdrawal markWithdrawalPaid markWithdrawalFailed adjustBalance settle",
            ),
            (FINANCE, "releaseCommission rejectCommission"),
            (ADMIN, "setIndividualRate setTiers suspendPartner reinstatePartner eraseAccount"),
        ],
    ),
    ("Subscription", &[(VIEWER, "partnerEvents"), (STAFF, "settlementProgress")]),
    (
        "Partner",
        &[
            (OWN, "id accountId code status statusReason joinedAt changes"),
            (
                COMMISSIONS,
                "individualRatePercent individualRates standing forecast commissions statements whyNot",
            ),
            (BALANCE, "balance contract withdrawalEligibility ledger"),
            (LINKS, "links sites"),
            (STAFF, "visitQuality"),
            (CLIENTS, "referredClients"),
            (WITHDRAWALS, "withdrawals serviceTransfers"),
            (TICKETS, "tickets"),
            (STATISTICS, "statistics"),
            (BY_TOKEN, "apiKeys exportUrl"),
            (WEBHOOKS, "webhookEndpoints"),
        ],
    ),
    (
        "ReferralLink",
        &[
            (LINKS, "id code url target label campaign createdAt archivedAt qrCodeSvg visits"),
            (STATISTICS, "statistics"),
        ],
    ),
    ("Visit", &[(LINKS, "id at verdict referrer")]),
    ("Site", &[(LINKS, "id host declaredAt")]),
    ("VisitQuality", &[(STAFF, "visits forced bots isSuspicious")]),
    (
        "ReferredClient",
        &[
            (CLIENTS, "id reference registeredAt isActive lastTopUpAt topUpCount topUpTotal commissionTotal"),
            (LINKS, "link"),
            (COMMISSIONS, "commissions"),
        ],
    ),
    (
        "Commission",
        &[
            (
                COMMISSIONS.and_service(ServiceScope::TopUps),
                "id kind status reason occurredAt recordedAt topUp",
            ),
            (
                COMMISSIONS.and_service(ServiceScope::TopUps),
                "exchangeRate base ratePercent amount period reverses explanation",
            ),
            (COMMISSIONS, "statement reviewReason"),
            (CLIENTS, "client"),
        ],
    ),
    (
        "Statement",
        &[
            (
                COMMISSIONS,
                "id period activeClients tier ratePercent topUpCount base commission carriedIn credited",
            ),
            (
                COMMISSIONS,
                "carriedOut carryReason openingBalance closingBalance settledAt commissions digest printUrl",
            ),
            (COMMISSIONS, "digestedJson"),
        ],
    ),
    ("LedgerEntry", &[(BALANCE, "id at kind amount availableAfter reservedAfter source")]),
    (
        "Withdrawal",
        &[
            (
                WITHDRAWALS,
                "id amount status destination requestedAt decidedAt paidAt reason paymentReference endToEndId",
            ),
            (STAFF, "paymentBatchId"),
            (FINANCE, "destinationInFull"),
        ],
    ),
    (
        "ServiceTransfer",
        &[(
            WITHDRAWALS.and_service(ServiceScope::Transfers),
            "id amount status requestedAt completedAt reason",
        )],
    ),
    (
        "Contract",
        &[
            (BALANCE, "status version documentUrl documentDigest offer requestedAt acceptedAt"),
            (TICKETS, "ticket"),
        ],
    ),
    ("ContractOffer", &[(BALANCE, "version documentUrl documentDigest offeredAt")]),
    ("WithdrawalEligibility", &[(BALANCE, "eligible obstacles")]),
    ("Balance", &[(BALANCE, "available reserved pending carried lifetimeCredited lifetimePaid")]),
    (
        "Standing",
        &[(COMMISSIONS, "period activeClients tier ratePercent rateSource nextTier clientsToNextTier")],
    ),
    ("IndividualRate", &[(COMMISSIONS, "ratePercent from setAt reason"), (STAFF, "setBy")]),
    ("Forecast", &[(COMMISSIONS, "activeClientsNow tier clientsToNextTier nextCredit nextSettlementAt")]),
    ("Ticket", &[(TICKETS, "id kind subject status openedAt about messages")]),
    ("TicketMessage", &[(TICKETS, "author text at")]),
    ("Explanation", &[(COMMISSIONS.and_service(ServiceScope::TopUps), "summary steps")]),
    ("ExplanationStep", &[(COMMISSIONS.and_service(ServiceScope::TopUps), "code text at facts")]),
    ("Fact", &[(COMMISSIONS.and_service(ServiceScope::TopUps), "name value")]),
    ("Statistics", &[(STATISTICS, "totals points byLink")]),
    ("LinkStatistics", &[(STATISTICS, "link totals")]),
    (
        "StatisticsPoint",
        &[
            (
                STATISTICS,
                "from to visits countedVisits uniqueVisitors visitsByVerdict registrations payingClients",
            ),
            (STATISTICS, "topUps base commission"),
        ],
    ),
    ("VerdictCount", &[(STATISTICS, "verdict visits")]),
    ("ChangeFeed", &[(OWN, "items watermark complete")]),
    ("PartnerEvent", &[(OWN, "type at subject")]),
    ("ApiKey", &[(BY_TOKEN, "id label prefix scopes createdAt expiresAt lastUsedAt revokedAt")]),
    ("WebhookEndpoint", &[(WEBHOOKS, "id url events status createdAt deliveries")]),
    ("WebhookDelivery", &[(WEBHOOKS, "id event attempts lastAttemptAt responseStatus status nextAttemptAt")]),
    ("AuditRecord", &[(STAFF, "id at actor role action subject reason before after requestId origin")]),
    ("ParkedFact", &[(STAFF, "id kind source externalId clientId arrivedAt status reason")]),
    (
        "Settlement",
        &[
            (
                STAFF,
                "id period status startedAt completedAt partnerCount topUpCount base commission credited",
            ),
            (STAFF, "carriedOut digest"),
        ],
    ),
    ("SettlementPreview", &[(STAFF, "period partnerCount commission credited carriedOut digest")]),
    ("SettlementProgress", &[(STAFF, "period partnersDone partnersTotal status")]),
    ("RegisterClientResult", &[(service(ServiceScope::Registrations), "clientId outcome userErrors")]),
    ("TopUpResult", &[(service(ServiceScope::TopUps), "source externalId outcome commission userErrors")]),
    ("RefundResult", &[(service(ServiceScope::TopUps), "source externalId outcome commission userErrors")]),
    (
        "Programme",
        &[
            (PUBLIC, "name currencyCode timeZone tiers minimumActiveClients activeClientWindowDays"),
            (PUBLIC, "withdrawalThreshold currentPeriod nextSettlementAt rules"),
            (STAFF, "comingTiers"),
        ],
    ),
    ("ProgrammeRule", &[(PUBLIC, "code text")]),
    ("TierTable", &[(STAFF, "from tiers")]),
    ("Tier", &[(PUBLIC, "name minimumActiveClients ratePercent")]),
    ("Period", &[(PUBLIC, "start end startsAt endsAt status")]),
    ("Money", &[(PUBLIC, "amount currencyCode")]),
    ("ExchangeRate", &[(PUBLIC, "from to rate publishedOn")]),
    ("RateLimit", &[(KNOWN, "cost limit remaining restoreRate resetAt")]),
    ("UserError", &[(KNOWN, "code field message")]),
    ("PageInfo", &[(KNOWN, "hasNextPage hasPreviousPage startCursor endCursor")]),
];
