"""gql, which checks its requests against the schema that introspection tells: the dashboard, and a mutation refused."""

import os
from decimal import Decimal
from pathlib import Path

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport

transport = RequestsHTTPTransport(
    url=os.environ["SERVER_URL"] + "/graphql",
    headers={"Authorization": "Bearer " + os.environ["PARTNER_TOKEN"]},
)
client = Client(transport=transport, fetch_schema_from_transport=True)


def document(name, **variables):
    return GraphQLRequest(Path(name).read_text(), variable_values=variables)


def amount(money):
    assert money["currencyCode"] == "EUR"
    return Decimal(money["amount"])


def nodes(connection):
    return [edge["node"] for edge in connection["edges"]]


with client as session:
    viewer = session.execute(document("dashboard.graphql"))["viewer"]
    assert viewer["accountId"] == "acct-1"
    assert viewer["standing"]["tier"] == {"name": "Standard", "ratePercent": "10"}
    assert amount(viewer["balance"]["available"]) == Decimal("330")
    # Client n of 25 paid n times 11.00, and 10 % of it is earned.
    assert amount(viewer["balance"]["pending"]) == sum(Decimal("1.10") * n for n in range(1, 26))
    assert amount(viewer["forecast"]["nextCredit"]) == amount(viewer["balance"]["pending"])
    assert [link["label"] for link in nodes(viewer["links"])] == [None, "Link 1", "Link 2", "Link 3", "Link 4"]
    clients = nodes(viewer["referredClients"])
    assert [amount(client["topUpTotal"]) for client in clients] == [11 * n for n in range(25, 5, -1)]

    # All pages of the commissions, each line once.
    lines, after, has_next = [], None, True
    while has_next:
        page = session.execute(document("dashboard.graphql", after=after))["viewer"]["commissions"]
        lines += nodes(page)
        after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(lines) == len({line["id"] for line in lines}) == page["totalCount"] == 50
    assert sum(amount(line["amount"]) for line in lines) == Decimal("357.50")
    assert lines[0]["client"]["reference"] == "c•••25"

    made = session.execute(document("create-link.graphql", input={"label": "made by gql"}))["createReferralLink"]
    assert made["userErrors"] == [] and made["referralLink"]["label"] == "made by gql"
    refused = session.execute(document("create-link.graphql", input={"target": "https://evil.example/"}))
    (error,) = refused["createReferralLink"]["userErrors"]
    assert error["code"] == "TARGET_NOT_ALLOWED" and error["field"] == ["input", "target"] and error["message"]
    assert refused["createReferralLink"]["referralLink"] is None

    try:
        session.execute(GraphQLRequest("{ partners(first: 1) { totalCount } }"))
        raise AssertionError("a partner sees no other partners")
    except TransportQueryError as error:
        assert error.errors[0]["extensions"]["code"] == "FORBIDDEN"
