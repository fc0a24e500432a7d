#!/bin/sh
# Reports what a client paid in, with curl and a service token. The same payment can be reported as often as you like: it
# counts once. Prints the outcome; fails unless nothing is left to do.
#
#   PARRAIN_URL=https://partners.example.com PARRAIN_TOKEN=... \
#     ./report_top_up.sh pay-1 acct-4711 2026-11-22T10:00:00Z 25.00 EUR
set -eu

query='mutation($input: RecordTopUpsInput!) { recordTopUps(input: $input) {
  results { outcome userErrors { code message } } } }'
body=$(printf '{"query": "%s", "variables": {"input": {"topUps": [{"source": "billing", "externalId": "%s",
  "clientId": "%s", "occurredAt": "%s", "amount": "%s", "currencyCode": "%s"}]}}}' \
  "$(printf %s "$query" | tr '\n' ' ')" "$1" "$2" "$3" "$4" "$5")

# 429 and 5xx, and a server that does not answer, are tried again after a while.
answer=$(curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused \
  --header "Authorization: Bearer $PARRAIN_TOKEN" --header 'Content-Type: application/json' \
  --data "$body" "$PARRAIN_URL/graphql")

printf '%s\n' "$answer"
# REFUSED says why in userErrors; PARKED waits for the account to be reported.
printf %s "$answer" | grep -Eq '"outcome":"(RECORDED|REPLAYED|PARKED|NOT_REFERRED)"'
