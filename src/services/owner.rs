//! Whose lists are read.

use sea_orm::Value;
use uuid::Uuid;

/// A partner by his id, or whoever the common table `me` of a statement holds: then nothing has to wait until his id is
/// known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Partner(Uuid),
    Me,
}

impl Owner {
    /// The partner's id in SQL, where `$1` is the one of [`Owner::values`], if there is one.
    pub const fn sql(self) -> &'static str {
        match self {
            Owner::Partner(_) => "$1",
            Owner::Me => "(SELECT me.id FROM me)",
        }
    }

    pub fn values(self) -> Vec<Value> {
        match self {
            Owner::Partner(id) => vec![id.into()],
            Owner::Me => Vec::new(),
        }
    }
}

impl From<Uuid> for Owner {
    fn from(id: Uuid) -> Owner {
        Owner::Partner(id)
    }
}
