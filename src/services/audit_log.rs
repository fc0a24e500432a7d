//! Reads the audit log: who changed what, when and why.

use entity::Moment;
use sea_orm::Value;
use uuid::Uuid;

use super::paging::List;

/// Which records are asked for: those for which all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// A mutation, as the interface calls it.
    pub action: Option<String>,
    /// The subject of a token, or a user of the command line.
    pub actor: Option<String>,
    /// What was changed.
    pub subject_id: Option<Uuid>,
    pub from: Option<Moment>,
    pub before: Option<Moment>,
}

/// Newest first.
pub fn records(filter: AuditFilter) -> List {
    let AuditFilter { action, actor, subject_id, from, before } = filter;
    let mut condition = "1 = 1".to_owned();
    let mut values: Vec<Value> = Vec::new();
    let asked: [(&str, Option<Value>); 5] = [
        ("action =", action.map(Value::from)),
        ("actor =", actor.map(Value::from)),
        ("subject_id =", subject_id.map(Value::from)),
        ("at >=", from.map(|at| at.0.into())),
        ("at <", before.map(|at| at.0.into())),
    ];
    for (compared, value) in asked {
        if let Some(value) = value {
            values.push(value);
            condition.push_str(&format!(" AND t.{compared} ${}", values.len()));
        }
    }
    List {
        columns: "t.*",
        from: "audit_record t".to_owned(),
        condition,
        values,
        key: "t.at",
        id: "t.id",
        is_descending: true,
    }
}
