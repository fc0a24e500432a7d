//! Who asks, and what he may do.

use std::str::FromStr;

use super::api_key::Scope;
use super::word::{self, UnknownWord};

/// Who stands behind a request. `scopes` narrow a token; `None` is not narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    Partner {
        account_id: String,
    },
    /// A program of a partner's; may do what the scopes say and nothing else.
    ApiKey {
        account_id: String,
        scopes: Vec<Scope>,
    },
    Staff {
        subject: String,
        scopes: Option<Vec<StaffScope>>,
    },
    Service {
        subject: String,
        scopes: Option<Vec<ServiceScope>>,
    },
}

/// What a service may record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceScope {
    Visits,
    Registrations,
    TopUps,
    ExchangeRates,
    Transfers,
}

/// What staff may see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StaffScope {
    Support,
    Finance,
    Admin,
}

impl Caller {
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Caller::Anonymous)
    }

    pub fn is_staff(&self) -> bool {
        matches!(self, Caller::Staff { .. })
    }

    pub fn is_service(&self) -> bool {
        matches!(self, Caller::Service { .. })
    }

    pub fn is_api_key(&self) -> bool {
        matches!(self, Caller::ApiKey { .. })
    }

    /// The account of a partner, or of the one whose key it is; `None` for everybody else.
    pub fn account_id(&self) -> Option<&str> {
        match self {
            Caller::Partner { account_id } | Caller::ApiKey { account_id, .. } => Some(account_id),
            Caller::Anonymous | Caller::Staff { .. } | Caller::Service { .. } => None,
        }
    }

    /// The name in the token; `None` without a token.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Caller::Anonymous => None,
            Caller::Partner { account_id } | Caller::ApiKey { account_id, .. } => Some(account_id),
            Caller::Staff { subject, .. } | Caller::Service { subject, .. } => Some(subject),
        }
    }

    /// The word of the role.
    pub const fn role(&self) -> &'static str {
        match self {
            Caller::Anonymous => "anonymous",
            Caller::Partner { .. } => "partner",
            Caller::ApiKey { .. } => "api_key",
            Caller::Staff { .. } => "staff",
            Caller::Service { .. } => "service",
        }
    }

    /// Whether this is a service that may record such facts.
    pub fn may_record(&self, scope: ServiceScope) -> bool {
        matches!(self, Caller::Service { scopes, .. } if covers(scopes.as_deref(), scope))
    }

    /// Whether this is staff that may see to such things. No scope includes another.
    pub fn staff_may(&self, scope: StaffScope) -> bool {
        matches!(self, Caller::Staff { scopes, .. } if covers(scopes.as_deref(), scope))
    }
}

fn covers<T: PartialEq>(scopes: Option<&[T]>, scope: T) -> bool {
    scopes.is_none_or(|scopes| scopes.contains(&scope))
}

impl ServiceScope {
    pub const ALL: [ServiceScope; 5] = [
        ServiceScope::Visits,
        ServiceScope::Registrations,
        ServiceScope::TopUps,
        ServiceScope::ExchangeRates,
        ServiceScope::Transfers,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            ServiceScope::Visits => "visits",
            ServiceScope::Registrations => "registrations",
            ServiceScope::TopUps => "top_ups",
            ServiceScope::ExchangeRates => "exchange_rates",
            ServiceScope::Transfers => "transfers",
        }
    }
}

impl FromStr for ServiceScope {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        word::find(&Self::ALL, Self::as_str, word)
    }
}

impl StaffScope {
    pub const ALL: [StaffScope; 3] = [StaffScope::Support, StaffScope::Finance, StaffScope::Admin];

    pub const fn as_str(self) -> &'static str {
        match self {
            StaffScope::Support => "support",
            StaffScope::Finance => "finance",
            StaffScope::Admin => "admin",
        }
    }
}

impl FromStr for StaffScope {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        word::find(&Self::ALL, Self::as_str, word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_narrow_their_own_role_and_give_nothing_to_another() {
        let staff = |scopes| Caller::Staff { subject: "ann".into(), scopes };
        let service = |scopes| Caller::Service { subject: "billing".into(), scopes };
        let partner = Caller::Partner { account_id: "7".into() };
        for scope in ServiceScope::ALL {
            assert!(service(None).may_record(scope));
            assert!(!service(Some(vec![])).may_record(scope));
            assert!(
                !staff(None).may_record(scope)
                    && !partner.may_record(scope)
                    && !Caller::Anonymous.may_record(scope)
            );
        }
        for scope in StaffScope::ALL {
            assert!(staff(None).staff_may(scope));
            assert!(!service(None).staff_may(scope) && !partner.staff_may(scope));
        }
        assert!(service(Some(vec![ServiceScope::TopUps])).may_record(ServiceScope::TopUps));
        assert!(!service(Some(vec![ServiceScope::TopUps])).may_record(ServiceScope::Visits));
        assert!(!staff(Some(vec![StaffScope::Admin])).staff_may(StaffScope::Finance));
    }

    #[test]
    fn scopes_read_as_they_are_written() {
        for scope in ServiceScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        for scope in StaffScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert_eq!("TOP_UPS".parse::<ServiceScope>(), Err(UnknownWord));
    }
}
