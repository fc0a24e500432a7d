//! The keys that the service signs and encrypts with, and the secret that it makes for itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

use super::{Config, ConfigError, KeyConfig};

/// A key of 32 bytes and the name under which what was made with it finds it again.
#[derive(Clone)]
pub struct NamedKey {
    pub id: String,
    key: std::sync::Arc<SecretBox<[u8; 32]>>,
}

impl NamedKey {
    fn new(id: &str, key: [u8; 32]) -> NamedKey {
        NamedKey { id: id.to_owned(), key: std::sync::Arc::new(SecretBox::new(Box::new(key))) }
    }

    /// The bytes themselves: for signing and encrypting, never for printing.
    pub fn bytes(&self) -> &[u8; 32] {
        self.key.expose_secret()
    }
}

impl std::fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Every list is in order: the first key is used, the rest are still read.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs visitor tokens (rule 3).
    pub visitor: Vec<NamedKey>,
    /// Encrypts what must not be read from the database alone.
    pub encryption: Vec<NamedKey>,
    /// Keeps the values of an idempotency key as an HMAC (rule 28); one for each encryption key, so that both are
    /// renewed together.
    pub idempotency: Vec<NamedKey>,
    /// Signs addresses that work without a token; one for each encryption key likewise.
    pub address: Vec<NamedKey>,
    /// Keeps account ids that were erased as an HMAC; likewise one for each encryption key. With a key that is no longer
    /// configured goes what it would recognise.
    pub erasure: Vec<NamedKey>,
}

impl Config {
    /// The keys in force: those configured, else derived from the secret by HKDF-SHA256, each for its purpose.
    ///
    /// # Errors
    /// `NoKeys` where neither keys nor a secret are there to derive them from.
    pub fn keys(&self) -> Result<Keys, ConfigError> {
        let secret = self.auth.hs256_secret.as_ref().or(self.own_secret.as_ref());
        let ring = |name: &str, configured: &[KeyConfig]| -> Result<Vec<NamedKey>, ConfigError> {
            if configured.is_empty() {
                let secret = secret.ok_or(ConfigError::NoKeys)?;
                let key = derive(secret.expose_secret().as_bytes(), &format!("parrain {name} key v1"))?;
                return Ok(vec![NamedKey::new("derived", key)]);
            }
            configured.iter().map(|key| decode(name, key)).collect()
        };
        let visitor = ring("visitor", &self.keys.visitor)?;
        let encryption = ring("encryption", &self.keys.encryption)?;
        let derived = |purpose: &str| {
            let keys = encryption.iter();
            keys.map(|key| Ok(NamedKey::new(&key.id, derive(key.bytes(), purpose)?)))
                .collect::<Result<Vec<NamedKey>, ConfigError>>()
        };
        let idempotency = derived("parrain idempotency key v1")?;
        let address = derived("parrain address key v1")?;
        let erasure = derived("parrain erasure key v1")?;
        Ok(Keys { visitor, encryption, idempotency, address, erasure })
    }

    /// Sees to it that tokens can be checked and keys be had. With no `[auth]` on SQLite, a secret is made in a file
    /// beside the database (mode 0600), or read from it where there is one; its path is returned.
    ///
    /// # Errors
    /// `NoAuth` and `NoKeys` on PostgreSQL, where several instances must agree; `SecretFile` where it cannot be made.
    pub fn ensure_auth(&mut self) -> Result<Option<PathBuf>, ConfigError> {
        let has_auth = self.auth.hs256_secret.is_some() || self.auth.uses_jwks();
        let has_keys = !self.keys.visitor.is_empty() && !self.keys.encryption.is_empty();
        if self.auth.hs256_secret.is_some() || (has_auth && has_keys) {
            return Ok(None);
        }
        if !self.database.is_sqlite() {
            return Err(if has_auth { ConfigError::NoKeys } else { ConfigError::NoAuth });
        }
        let path = secret_path(self.database.url.expose_secret());
        let secret = match &path {
            Some(path) => {
                secret_file(path).map_err(|error| ConfigError::SecretFile { path: path.clone(), error })?
            }
            // A database in memory is gone with the process, and so is its secret.
            None => new_secret(),
        };
        if has_auth {
            self.own_secret = Some(secret);
        } else {
            self.auth.hs256_secret = Some(secret);
        }
        Ok(path)
    }

    pub(super) fn check_keys(&self) -> Result<(), ConfigError> {
        for (name, ring) in [("visitor", &self.keys.visitor), ("encryption", &self.keys.encryption)] {
            for (position, key) in ring.iter().enumerate() {
                decode(name, key)?;
                if ring[..position].iter().any(|earlier| earlier.id == key.id) {
                    return Err(ConfigError::refused(
                        format!("keys.{name}"),
                        format!("has the id {:?} twice", key.id),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn decode(name: &str, key: &KeyConfig) -> Result<NamedKey, ConfigError> {
    let refused =
        |message: &str| ConfigError::refused(format!("keys.{name}"), format!("{:?} {message}", key.id));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if key.id.is_empty() || key.id.len() > 32 || !key.id.bytes().all(plain) {
        return Err(refused("is no id of 1 to 32 letters, digits, - and _"));
    }
    let bytes = STANDARD.decode(key.key.expose_secret().trim()).map_err(|_| refused("is not base64"))?;
    let bytes = bytes.try_into().map_err(|_| refused("has not 32 bytes"))?;
    Ok(NamedKey::new(&key.id, bytes))
}

fn derive(secret: &[u8], purpose: &str) -> Result<[u8; 32], ConfigError> {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, secret)
        .expand(purpose.as_bytes(), &mut key)
        .map_err(|_| ConfigError::refused("keys", "could not be derived"))?;
    Ok(key)
}

/// `parrain.db.secret` beside `parrain.db`; nothing for a database in memory.
fn secret_path(database_url: &str) -> Option<PathBuf> {
    let rest = database_url.strip_prefix("sqlite:")?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" || query.contains("mode=memory") {
        return None;
    }
    Some(PathBuf::from(format!("{path}.secret")))
}

fn new_secret() -> SecretString {
    SecretString::from(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// Reads the file, or makes it whole in one step: two processes that start at once end with one secret.
fn secret_file(path: &Path) -> io::Result<SecretString> {
    if !path.try_exists()? {
        let draft = path.with_extension(format!("secret.{}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(new_secret().expose_secret().as_bytes())?;
        file.sync_all()?;
        // A hard link comes into being whole, and fails where the name is taken.
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        linked.or_else(
            |error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) },
        )?;
    }
    let secret = fs::read_to_string(path)?.trim().to_owned();
    if secret.len() < 32 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds less than 32 bytes"));
    }
    Ok(SecretString::from(secret))
}
