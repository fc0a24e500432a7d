//! Whose lists are read.

use sea_orm::Value;
use uuid::Uuid;

/// A partner by his id, or the one behind an account: then nothing has to wait until his id is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    Partner(Uuid),
    Account(String),
}

impl Owner {
    /// The partner's id in SQL, where `$1` is [`Owner::value`].
    pub const fn sql(&self) -> &'static str {
        match self {
            Owner::Partner(_) => "$1",
            Owner::Account(_) => {
                "(SELECT p.id FROM account a JOIN partner p ON p.account_id = a.id WHERE a.account_id = $1)"
            }
        }
    }

    pub fn value(&self) -> Value {
        match self {
            Owner::Partner(id) => (*id).into(),
            Owner::Account(account_id) => account_id.as_str().into(),
        }
    }
}

impl From<Uuid> for Owner {
    fn from(id: Uuid) -> Owner {
        Owner::Partner(id)
    }
}
