//! Global ids: opaque, and of one kind of object each.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// What kind of object an id names. The letter is part of every id given out and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    Partner,
    ReferralLink,
    ReferredClient,
    Commission,
    Statement,
    LedgerEntry,
    Withdrawal,
    ServiceTransfer,
    Ticket,
    ParkedFact,
    Settlement,
    AuditRecord,
    Visit,
    Site,
    ApiKey,
    WebhookEndpoint,
    WebhookDelivery,
}

impl Tag {
    pub const ALL: [Tag; 17] = [
        Tag::Partner,
        Tag::ReferralLink,
        Tag::ReferredClient,
        Tag::Commission,
        Tag::Statement,
        Tag::LedgerEntry,
        Tag::Withdrawal,
        Tag::ServiceTransfer,
        Tag::Ticket,
        Tag::ParkedFact,
        Tag::Settlement,
        Tag::AuditRecord,
        Tag::Visit,
        Tag::Site,
        Tag::ApiKey,
        Tag::WebhookEndpoint,
        Tag::WebhookDelivery,
    ];

    const fn letter(self) -> u8 {
        match self {
            Tag::Partner => b'p',
            Tag::ReferralLink => b'l',
            Tag::ReferredClient => b'r',
            Tag::Commission => b'c',
            Tag::Statement => b's',
            Tag::LedgerEntry => b'e',
            Tag::Withdrawal => b'w',
            Tag::ServiceTransfer => b'v',
            Tag::Ticket => b't',
            Tag::ParkedFact => b'f',
            Tag::Settlement => b'm',
            Tag::AuditRecord => b'a',
            Tag::Visit => b'i',
            Tag::Site => b'o',
            Tag::ApiKey => b'k',
            Tag::WebhookEndpoint => b'h',
            Tag::WebhookDelivery => b'd',
        }
    }

    /// The id of an object of this kind.
    pub fn id(self, uuid: Uuid) -> ID {
        let mut bytes = [self.letter(); 17];
        bytes[1..].copy_from_slice(uuid.as_bytes());
        ID(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What an id names, if it is one of this kind.
    pub fn uuid(self, id: &ID) -> Option<Uuid> {
        decode(id).filter(|(tag, _)| *tag == self).map(|(_, uuid)| uuid)
    }
}

/// What an id names; `None` for what was never given out.
pub fn decode(id: &ID) -> Option<(Tag, Uuid)> {
    let bytes = URL_SAFE_NO_PAD.decode(id.as_bytes()).ok()?;
    let (letter, uuid) = bytes.split_first()?;
    let tag = Tag::ALL.into_iter().find(|tag| tag.letter() == *letter)?;
    Some((tag, Uuid::from_slice(uuid).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_object_and_its_kind() {
        let uuid = Uuid::from_u128(0x0192_7f00_0000_7000_8000_0000_0000_0001);
        for tag in Tag::ALL {
            let id = tag.id(uuid);
            assert_eq!(decode(&id), Some((tag, uuid)));
            assert_eq!(tag.uuid(&id), Some(uuid));
            assert_eq!(id.len(), 23);
        }
        assert_eq!(Tag::Partner.uuid(&Tag::Ticket.id(uuid)), None, "an id of another kind");
    }

    #[test]
    fn what_was_never_given_out_names_nothing() {
        let good = Tag::Partner.id(Uuid::nil()).0;
        for text in ["", "p", "42", "!!!", &good[1..], &format!("{good}A"), &format!("x{}", &good[1..]), "\0"]
        {
            assert_eq!(decode(&ID(text.to_owned())), None, "{text:?}");
        }
    }
}
