"""pynetdicom's C-FIND SCU: address and queries as JSON on standard input, answers as JSON.

An answer is [final status, [{tag in decimal: text}, …]]; its names are as pydicom decodes them.
"""
import json
import sys

from pydicom.dataset import Dataset
from pynetdicom import AE


def dataset(keys):
    found = Dataset()
    for tag, vr, value in keys:
        found.add_new(tag, vr, [dataset(value)] if vr == "SQ" else value.split("\\") if vr == "UI" else value)
    return found


def text(element):
    return "" if element.value is None else str(element.value)


def ask(association, query):
    identifier = dataset(query["keys"])
    identifier.SpecificCharacterSet = query["charset"]
    if query["level"]:
        identifier.QueryRetrieveLevel = query["level"]
    matches, last = [], None
    for status, match in association.send_c_find(identifier, query["root"]):
        last = status.Status
        if match is not None:
            matches.append({e.tag: text(e) for e in match if e.VR != "SQ"})
    return last, matches


def main():
    given = json.load(sys.stdin)
    ae = AE(given["queries"][0].get("calling", "PYNETDICOM"))
    for root in {query["root"] for query in given["queries"]}:
        ae.add_requested_context(root)
    association = ae.associate(*given["address"], ae_title=given["aet"])
    assert association.is_established
    json.dump([ask(association, query) for query in given["queries"]], sys.stdout)
    association.release()


main()
