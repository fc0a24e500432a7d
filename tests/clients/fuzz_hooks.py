"""How schemathesis makes its requests fit this schema, and what it checks of every answer."""

import dataclasses
import os

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

# Objects that are there, to be named in place of some of the ids that nobody has.
IDS = os.environ["FUZZ_IDS"].split(",")
CODES = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "QUERY_TOO_COMPLEX",
    "THROTTLED",
    "TIMEOUT",
    "PERSISTED_QUERY_NOT_FOUND",
}

texts = {
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str) | st.text(max_size=8),
    "DateTime": st.datetimes().map(lambda at: at.isoformat() + "Z") | st.text(max_size=8),
    "Date": st.dates().map(str) | st.text(max_size=8),
    "CurrencyCode": st.sampled_from(["EUR", "USD", "JPY", "XXX", "eur"]) | st.text(max_size=4),
}
for name, strategy in texts.items():
    schemathesis.graphql.scalar(name, strategy.map(nodes.String))


PAGE = ("first", "last", "after", "before")
FIRST = graphql.ArgumentNode(name=graphql.NameNode(value="first"), value=graphql.IntValueNode(value="3"))


class Fitting(graphql.Visitor):
    """Asks every connection for a page, and names objects that are there."""

    def __init__(self):
        super().__init__()
        self.named = 0

    def leave_field(self, field, *_):
        children = field.selection_set.selections if field.selection_set else ()
        names = {child.name.value for child in children if isinstance(child, graphql.FieldNode)}
        if not names & {"edges", "pageInfo", "totalCount"}:
            return None
        kept = [argument for argument in field.arguments or () if argument.name.value not in PAGE]
        return dataclasses.replace(field, arguments=(*kept, FIRST))

    def leave_argument(self, argument, *_):
        return self.fitting(argument)

    def leave_object_field(self, field, *_):
        return self.fitting(field)

    def fitting(self, named):
        is_id = named.name.value == "id" or named.name.value.endswith("Id")
        if not is_id or not isinstance(named.value, graphql.StringValueNode):
            return None
        self.named += 1
        place = (len(named.value.value) + self.named) % (len(IDS) + 1)
        if place == len(IDS):
            return None
        return dataclasses.replace(named, value=graphql.StringValueNode(value=IDS[place]))


@schemathesis.hook
def map_body(context, body):
    return graphql.visit(body, Fitting())


@schemathesis.check
def errors_carry_their_code(context, response, case):
    assert response.status_code < 500, response.text
    answer = response.json()
    for error in answer.get("errors", []):
        code = error.get("extensions", {}).get("code")
        # An INTERNAL_SERVER_ERROR is none that may come of a request.
        assert code in CODES, f"{code}: {error}"
        assert error["extensions"]["requestId"], error
    assert "errors" in answer or answer["data"] is not None, answer
