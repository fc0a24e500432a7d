//! Where the configuration comes from: a file, then the environment, then flags; the later wins.

use std::path::Path;

use secrecy::ExposeSecret;
use toml::{Table, Value};

use super::{Config, ConfigError};

/// What the command line says; it comes last.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub database_url: Option<String>,
    pub listen: Option<String>,
    pub ops_listen: Option<String>,
    pub graphiql: Option<bool>,
}

const PREFIX: &str = "PARRAIN_";
/// Keys that may be given as `..._file`, the path of a file that holds the value alone.
const SECRETS: [&str; 3] = ["database.url", "auth.hs256_secret", "webhooks.secret"];
/// Variables of other purposes: which file to read, the tests, crash points, and what Kubernetes sets for a service named parrain.
const NOT_CONFIGURATION: [&str; 6] = ["CONFIG", "TEST_", "CRASH_", "SERVICE_", "PORT", "LOG"];

impl Config {
    /// Reads the file (if any), then the environment's `PARRAIN_` variables, then the flags.
    ///
    /// # Errors
    /// Names the first key that is unknown or whose value is refused, and where it came from.
    pub fn load(
        file: Option<&Path>,
        overrides: &Overrides,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let defaults = Table::try_from(Config::default()).map_err(|error| invalid("the defaults", error))?;
        let mut layers = Layers { defaults, merged: Table::new() };
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
            let origin = path.display().to_string();
            // The parser's own message would quote the line, which may hold a secret.
            let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Invalid {
                message: format!("{}{}", error.message(), place(&text, error.span())),
                origin: origin.clone(),
            })?;
            layers.add(&origin, table)?;
        }
        let mut variables: Vec<(String, String)> = env.filter(|(name, _)| is_configuration(name)).collect();
        variables.sort();
        for (name, text) in variables {
            let layer = layers.variable(&name, text)?;
            layers.add(&name, layer)?;
        }
        for (flag, path, value) in overrides.values() {
            layers.add(flag, nested(&path, value))?;
        }
        let config = layers.read("the configuration")?;
        config.check()?;
        Ok(config)
    }

    /// The configuration in force as TOML, secrets and passwords masked.
    pub fn masked_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_else(|error| format!("# {error}\n"))
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.programme.check()?;
        let database = self.database.url.expose_secret();
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| database.starts_with(scheme)) {
            return Err(ConfigError::refused("database.url", "must begin with sqlite: or postgres:"));
        }
        if self.database.max_connections == 0 {
            return Err(ConfigError::refused("database.max_connections", "must be above 0"));
        }
        let both = self.auth.hs256_secret.is_some() && self.auth.uses_jwks();
        if both || (self.auth.jwks_url.is_some() && self.auth.jwks_file.is_some()) {
            let message = "has more than one of hs256_secret, jwks_url and jwks_file: a secret and public keys are never both accepted";
            return Err(ConfigError::refused("auth", message));
        }
        if self.auth.hs256_secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < 32) {
            return Err(ConfigError::refused("auth.hs256_secret", "must have at least 32 bytes"));
        }
        let known = ["RS256", "ES256", "EdDSA"];
        if self.auth.algorithms.iter().any(|algorithm| !known.contains(&algorithm.as_str())) {
            return Err(ConfigError::refused("auth.algorithms", "may hold RS256, ES256 and EdDSA alone"));
        }
        for (key, url) in [("public_url", &self.public_url), ("site.front_page", &self.site.front_page)] {
            if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
                return Err(ConfigError::refused(key, "must be an http or https address"));
            }
        }
        for origin in &self.cors.allowed_origins {
            let parsed = url::Url::parse(origin).map(|url| url.origin().ascii_serialization());
            if parsed.as_ref() != Ok(origin) {
                let message =
                    format!("has {origin:?}, which is no origin such as \"https://partners.example.com\"");
                return Err(ConfigError::refused("cors.allowed_origins", message));
            }
        }
        if let Some(iban) = &self.sepa.debtor_iban
            && iban.parse::<iban::Iban>().is_err()
        {
            return Err(ConfigError::refused("sepa.debtor_iban", "is no valid IBAN"));
        }
        self.webhooks.check()?;
        self.check_keys()
    }
}

impl Overrides {
    fn values(&self) -> Vec<(&'static str, Vec<String>, Value)> {
        let text = |value: &Option<String>| value.clone().map(Value::String);
        [
            ("--database-url", "database.url", text(&self.database_url)),
            ("--listen", "listen", text(&self.listen)),
            ("--ops-listen", "ops_listen", text(&self.ops_listen)),
            ("--graphiql", "graphiql", self.graphiql.map(Value::Boolean)),
        ]
        .into_iter()
        .filter_map(|(flag, path, value)| Some((flag, path.split('.').map(str::to_owned).collect(), value?)))
        .collect()
    }
}

/// What has been read so far. Each source is checked as it is added, so that an error can name it.
struct Layers {
    defaults: Table,
    merged: Table,
}

impl Layers {
    fn add(&mut self, origin: &str, mut layer: Table) -> Result<(), ConfigError> {
        read_secret_files(origin, &mut layer)?;
        dates_as_text(&mut layer);
        merge(&mut self.merged, layer);
        self.read(origin).map(|_| ())
    }

    fn read(&self, origin: &str) -> Result<Config, ConfigError> {
        self.merged.clone().try_into().map_err(|error| invalid(origin, error))
    }

    /// `PARRAIN_SECTION__KEY` as a table of its own, the text read as the default's kind says.
    fn variable(&self, name: &str, text: String) -> Result<Table, ConfigError> {
        let rest = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
        let path: Vec<String> = match rest.as_str() {
            "database_url" => vec!["database".to_owned(), "url".to_owned()],
            "database_url_file" => vec!["database".to_owned(), "url_file".to_owned()],
            other => other.split("__").map(str::to_owned).collect(),
        };
        let default = path.iter().try_fold(None, |table: Option<&Value>, key| match table {
            None => self.defaults.get(key).map(Some),
            Some(value) => value.get(key).map(Some),
        });
        let wrong = |expected: &str| ConfigError::Invalid {
            origin: name.to_owned(),
            message: format!("is not {expected}"),
        };
        let value = match default.flatten() {
            Some(Value::Integer(_)) => {
                Value::Integer(text.trim().parse().map_err(|_| wrong("a whole number"))?)
            }
            Some(Value::Boolean(_)) => {
                Value::Boolean(text.trim().parse().map_err(|_| wrong("true or false"))?)
            }
            Some(Value::Array(_)) => list(&text).ok_or_else(|| wrong("a list: a,b or a TOML array"))?,
            Some(Value::Table(_)) => return Err(wrong("a key but a section: write SECTION__KEY")),
            _ => Value::String(text),
        };
        Ok(nested(&path, value))
    }
}

/// `PARRAIN_` variables that are meant for the configuration.
fn is_configuration(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    rest.contains("__") || !NOT_CONFIGURATION.iter().any(|other| rest.starts_with(other))
}

/// `a,b`, or a TOML array where it begins with a bracket.
fn list(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.starts_with('[') {
        let table: Table = format!("list = {text}").parse().ok()?;
        return table.get("list").cloned();
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
}

fn nested(path: &[String], value: Value) -> Table {
    let mut inner = value;
    for key in path.iter().skip(1).rev() {
        inner = Value::Table(Table::from_iter([(key.clone(), inner)]));
    }
    Table::from_iter(path.first().map(|key| (key.clone(), inner)))
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Puts the content of `KEY_file` in the place of KEY. Both in one source is one too many.
fn read_secret_files(origin: &str, layer: &mut Table) -> Result<(), ConfigError> {
    for secret in SECRETS {
        let Some((section, key)) = secret.split_once('.') else { continue };
        let Some(Value::Table(table)) = layer.get_mut(section) else { continue };
        read_secret_file(origin, table, secret, key)?;
    }
    let Some(Value::Table(keys)) = layer.get_mut("keys") else { return Ok(()) };
    for (list, entries) in keys.iter_mut() {
        for entry in entries.as_array_mut().into_iter().flatten() {
            if let Some(table) = entry.as_table_mut() {
                read_secret_file(origin, table, &format!("keys.{list}.key"), "key")?;
            }
        }
    }
    Ok(())
}

fn read_secret_file(origin: &str, table: &mut Table, name: &str, key: &str) -> Result<(), ConfigError> {
    let Some(path) = table.remove(&format!("{key}_file")) else {
        return Ok(());
    };
    let message = |message: String| ConfigError::Invalid { origin: origin.to_owned(), message };
    if table.contains_key(key) {
        return Err(message(format!("has both {name} and {name}_file")));
    }
    let Some(path) = path.as_str() else {
        return Err(message(format!("{name}_file is not a path")));
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| message(format!("{name}_file: cannot read {path}: {error}")))?;
    table.insert(key.to_owned(), Value::String(text.trim_end_matches(['\n', '\r']).to_owned()));
    Ok(())
}

/// A date may be written with or without quotes.
fn dates_as_text(table: &mut Table) {
    for (_, value) in table.iter_mut() {
        match value {
            Value::Datetime(date) => *value = Value::String(date.to_string()),
            Value::Table(inner) => dates_as_text(inner),
            _ => {}
        }
    }
}

fn invalid(origin: &str, error: impl std::fmt::Display) -> ConfigError {
    let message = error.to_string().trim_end().replace('\n', ", ");
    ConfigError::Invalid { origin: origin.to_owned(), message }
}

fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return String::new();
    };
    format!(" (line {})", before.matches('\n').count() + 1)
}
