//! Parsed documents, kept by the hash of their text, and which queries the schema found valid: parsing, validating and
//! pricing the same again is what costs.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::{Error, parse_query};
use moka::future::Cache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::super::error::Failure;
use crate::graphql::code::Code;
use crate::graphql::limits;

/// How many queries are remembered as valid, a hundred bytes each.
const MAX_VALID: u64 = 4_096;
/// Bytes of the longest variables with which a query is remembered: longer ones hardly come twice.
const MAX_VARIABLES: usize = 1_024;

/// Documents that passed the guard and the schema, for callers with a token; bounded by the bytes of their texts.
#[derive(Clone)]
pub struct Documents {
    kept: Cache<[u8; 32], Kept>,
    /// What each costs.
    valid: Cache<Asked, u32>,
}

#[derive(Clone)]
struct Kept {
    document: Arc<ExecutableDocument>,
    bytes: u32,
}

/// A document that passed the guard.
pub struct Found {
    pub document: Arc<ExecutableDocument>,
    hash: [u8; 32],
    /// Bytes of its text, where it is not kept yet.
    new_bytes: Option<u32>,
}

/// All that decides whether an operation is valid: the document, the operation's name and the variables, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asked([u8; 32]);

impl Found {
    /// None where it is not worth remembering.
    pub fn asked(&self, operation_name: Option<&str>, variables: &Map<String, Value>) -> Option<Asked> {
        let variables = serde_json::to_vec(variables).ok().filter(|json| json.len() <= MAX_VARIABLES)?;
        // A name holds no NUL, so no other name with other variables reads the same.
        let hash = Sha256::new().chain_update(self.hash).chain_update(operation_name.unwrap_or_default());
        Some(Asked(hash.chain_update([0]).chain_update(variables).finalize().into()))
    }
}

impl Documents {
    pub fn new(max_bytes: u64) -> Documents {
        let kept = Cache::builder().max_capacity(max_bytes).weigher(|_, kept: &Kept| kept.bytes).build();
        Documents { kept, valid: Cache::new(MAX_VALID) }
    }

    /// The document of a request, by its text or by the hash of one that was sent before.
    ///
    /// # Errors
    /// What the guard or the parser refuses, `PERSISTED_QUERY_NOT_FOUND` for a hash alone that is not known.
    pub async fn find(&self, text: Option<&str>, persisted: Option<[u8; 32]>) -> Result<Found, Failure> {
        let hash = match (text, persisted) {
            (Some(text), persisted) => {
                if text.len() > limits::MAX_DOCUMENT_BYTES {
                    limits::check_text(text)?;
                }
                let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
                if persisted.is_some_and(|persisted| persisted != hash) {
                    return Err(Failure::malformed("sha256Hash is not that of the query."));
                }
                hash
            }
            (None, Some(persisted)) => persisted,
            (None, None) => return Err(Failure::malformed("query is missing.")),
        };
        if let Some(kept) = self.kept.get(&hash).await {
            return Ok(Found { document: kept.document, hash, new_bytes: None });
        }
        // Clients of the protocol know this message.
        let text =
            text.ok_or_else(|| Failure::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound"))?;
        limits::check_text(text)?;
        let document = parse_query(text).map_err(|error| parse_failure(&error))?;
        limits::check_document(&document)?;
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        Ok(Found { document: Arc::new(document), hash, new_bytes: Some(bytes) })
    }

    /// Keeps a document that the schema found valid, and with what it did and at which cost.
    pub async fn keep(&self, found: Found, asked: Option<Asked>, cost: u32) {
        if let Some(bytes) = found.new_bytes {
            self.kept.insert(found.hash, Kept { document: found.document, bytes }).await;
        }
        if let Some(asked) = asked {
            self.valid.insert(asked, cost).await;
        }
    }

    /// What a query costs that the schema found valid before.
    pub async fn cost_of_valid(&self, asked: &Asked) -> Option<u32> {
        self.valid.get(asked).await
    }
}

/// Says where the text cannot be read, never what stands there.
fn parse_failure(error: &Error) -> Failure {
    let locations: Vec<_> = error.positions().collect();
    let message = match (error, locations.first()) {
        (Error::MissingOperation, _) => "The document holds no operation.".to_owned(),
        (Error::MultipleOperations { .. }, _) => {
            "An operation without a name must be the only one.".to_owned()
        }
        (Error::OperationDuplicated { .. }, _) => "Two operations have one name.".to_owned(),
        (Error::FragmentDuplicated { .. }, _) => "Two fragments have one name.".to_owned(),
        (_, Some(place)) => {
            format!("The document cannot be read at line {}, column {}.", place.line, place.column)
        }
        (_, None) => "The document cannot be read.".to_owned(),
    };
    Failure::new(Code::ParseFailed, message).at(locations)
}
