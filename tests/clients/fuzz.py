"""schemathesis: requests made at random from the schema, by each kind of caller; the same ones at every run."""

import os
import subprocess
import sys
from pathlib import Path

import requests

url = os.environ["SERVER_URL"] + "/graphql"
# So many for each field of Query and of Mutation.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "6")


def ids():
    """Some objects of the partner's."""
    query = """{ viewer {
        id
        links(first: 2) { edges { node { id } } }
        referredClients(first: 2) { edges { node { id } } }
        commissions(first: 2) { edges { node { id } } }
    } }"""
    headers = {"Authorization": "Bearer " + os.environ["PARTNER_TOKEN"]}
    viewer = requests.post(url, json={"query": query}, headers=headers, timeout=30).json()["data"]["viewer"]
    lists = (viewer["links"], viewer["referredClients"], viewer["commissions"])
    return [viewer["id"], *(edge["node"]["id"] for connection in lists for edge in connection["edges"])]


schemathesis = Path(sys.executable).with_name("st")
environment = os.environ | {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "FUZZ_IDS": ",".join(ids())}
for caller in ["PARTNER", "STAFF", "SERVICE"]:
    print(f"as {caller}:", flush=True)
    subprocess.run(
        [
            schemathesis, "run", url, "--header", "Authorization: Bearer " + os.environ[caller + "_TOKEN"],
            "--checks", "errors_carry_their_code", "--phases", "fuzzing", "--generation-deterministic", "--no-shrink",
            "--max-examples", EXAMPLES, "--continue-on-failure", "--warnings", "off", "--no-color",
            "--suppress-health-check", "all",
        ],
        env=environment,
        check=True,
    )
