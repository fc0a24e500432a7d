# The same as the scripts, for whoever has just.

# Checks format and lints, and runs every test on both databases.
test *arguments:
    ./run-tests {{arguments}}

# Checks format and lints alone.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Formats everything.
format:
    cargo fmt --all

# Looks far for a sequence in which the services and the rules differ.
explore seed cases="500":
    PARRAIN_TEST_MODEL_SEED={{seed}} PARRAIN_TEST_MODEL_CASES={{cases}} cargo nextest run --release --test it -E 'test(/^model::/)'

# Prints the schema to where the tests expect it.
schema:
    cargo run --quiet -- schema > schema.graphql

# A database with two years of lifelike data, served.
demo:
    cargo run --release -- demo

# Looks at licences, advisories and sources of what is built upon.
deny:
    cargo deny check
