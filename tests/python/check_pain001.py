"""Checks a payment file against pain.001.001.09.xsd, and prints what its transfers come to."""

import decimal
import json
import pathlib
import sys

import sepaxml
import xmlschema

NAMESPACE = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}
LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")

path = pathlib.Path(sepaxml.__file__).parent / "schemas" / "pain.001.001.09.xsd"
schema = xmlschema.XMLSchema(str(path))
schema.validate(sys.argv[1])
root = xmlschema.XMLResource(sys.argv[1]).root


def texts(path):
    return [element.text for element in root.iterfind(path, NAMESPACE)]


transfers = root.findall(".//p:CdtTrfTxInf", NAMESPACE)
amounts = [decimal.Decimal(text) for text in texts(".//p:InstdAmt")]
strange = [text for element in root.iter() for text in [element.text or ""] if set(text.strip()) - LETTERS]
print(
    json.dumps(
        {
            "transfers": len(transfers),
            "sum": str(sum(amounts)),
            "control_sums": texts(".//p:CtrlSum"),
            "numbers": texts(".//p:NbOfTxs"),
            "end_to_end_ids": texts(".//p:EndToEndId"),
            "names": sorted(set(texts(".//p:Cdtr/p:Nm"))),
            "strange": strange,
        }
    )
)
