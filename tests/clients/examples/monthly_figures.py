"""What a partner's links brought month by month, by an API key with READ_STATISTICS: pip install 'gql[requests]'.

    PARRAIN_URL=https://partners.example.com PARRAIN_API_KEY=prn_... python monthly_figures.py 2026-01-01 2026-07-01
"""

import os
import sys

from gql import Client, GraphQLRequest
from gql.transport.requests import RequestsHTTPTransport

FIGURES = """
query ($from: Date!, $to: Date!) {
  viewer {
    code
    statistics(from: $from, to: $to, interval: MONTH) {
      points { from countedVisits registrations payingClients topUps base { amount } commission { amount currencyCode } }
    }
  }
}
"""

first_day, day_after = sys.argv[1:3]
transport = RequestsHTTPTransport(
    url=os.environ["PARRAIN_URL"] + "/graphql",
    headers={"Authorization": "Bearer " + os.environ["PARRAIN_API_KEY"]},
    retries=3,
)
answer = Client(transport=transport).execute(
    GraphQLRequest(FIGURES, variable_values={"from": first_day, "to": day_after})
)
print(answer["viewer"]["code"])
print(f"{'from':<20} {'visits':>7} {'clients':>7} {'paying':>7} {'top-ups':>7} {'base':>12} {'commission':>12}")
for point in answer["viewer"]["statistics"]["points"]:
    commission = point["commission"]
    # Amounts are decimal strings with six places: two of them do for a table.
    print(
        f"{point['from']:<20} {point['countedVisits']:>7} {point['registrations']:>7} {point['payingClients']:>7}"
        f" {point['topUps']:>7} {point['base']['amount'][:-4]:>12} {commission['amount'][:-4]:>12}"
        f" {commission['currencyCode']}"
    )
