"""Worklist queries for the orders of orders.py, and table K.6-1 of PS3.4.

A query is as in find_population: {"root", "level", "charset", "keys": [[tag, VR, text or items], …]}.
"""
import datetime

import dicom_query as q

STEPS, PROCEDURE_ID, PN = 0x00400100, 0x00401001, 0x00100010
STATION, DATE, TIME, MODALITY = 0x00400001, 0x00400002, 0x00400003, 0x00080060

# Return keys of types 1, 1C, 2 and 2C: {tag: (VR, type)}, of the item of the sequence and beside it.
STEP_KEYS = {
    0x00080060: ("CS", "1"), 0x00321070: ("LO", "2C"), 0x00400001: ("AE", "1"), 0x00400002: ("DA", "1"),
    0x00400003: ("TM", "1"), 0x00400006: ("PN", "2"), 0x00400007: ("LO", "1C"), 0x00400008: ("SQ", "1C"),
    0x00400009: ("SH", "1"), 0x00400010: ("SH", "2"), 0x00400011: ("SH", "2"), 0x00400012: ("LO", "2C")}
ORDER_KEYS = {
    0x00080050: ("SH", "2"), 0x00080090: ("PN", "2"), 0x00081110: ("SQ", "2"), 0x00081120: ("SQ", "2"),
    0x00100010: ("PN", "1"), 0x00100020: ("LO", "1"), 0x00100030: ("DA", "2"), 0x00100040: ("CS", "2"),
    0x00101030: ("DS", "2"), 0x00102000: ("LO", "2"), 0x00102110: ("LO", "2"), 0x001021C0: ("US", "2"),
    0x0020000D: ("UI", "1"), 0x00321032: ("PN", "2"), 0x00321060: ("LO", "1C"), 0x00321064: ("SQ", "1C"),
    0x00380010: ("LO", "2"), 0x00380050: ("LO", "2"), 0x00380300: ("LO", "2"), 0x00380500: ("LO", "2"),
    0x00401001: ("SH", "1"), 0x00401003: ("SH", "2"), 0x00401004: ("LO", "2"), 0x00403001: ("LO", "2")}


def keys(wanted, given):
    """All of @wanted; those of @given (also others) with their value."""
    values = {tag: [tag, vr, [] if vr == "SQ" else ""] for tag, (vr, _) in wanted.items()}
    values.update({tag: [tag, vr, value] for tag, vr, value in given})
    return [values[tag] for tag in sorted(values)]


def query(order=(), step=(), charset="ISO_IR 192", calling="MODALITY"):
    """What a modality asks that wants to know Patient's Name and Requested Procedure ID."""
    asked = keys({PN: ("PN", 1), PROCEDURE_ID: ("SH", 1)}, order)
    asked.append([STEPS, "SQ", keys({0x00400009: ("SH", 1)}, step)])
    return {"root": q.WORKLIST, "level": None, "charset": charset, "calling": calling,
            "keys": sorted(asked, key=lambda k: k[0])}


def everything(order=(), step=(), calling="MODALITY"):
    """All return keys of types 1 and 2."""
    asked = keys(ORDER_KEYS, order) + [[STEPS, "SQ", keys(STEP_KEYS, step)]]
    return {**query(calling=calling), "keys": sorted(asked, key=lambda k: k[0])}


def names(*texts):
    return [query([(PN, "PN", text)]) for text in texts]


def day(plan):
    return plan["start"].strftime("%Y%m%d")


def queries(plans):
    """Queries, and the plans that each of them finds."""
    today = day(plans[0])
    tomorrow = (plans[0]["start"] + datetime.timedelta(days=1)).strftime("%Y%m%d")
    first, last = min(map(day, plans)), max(map(day, plans))

    def that(condition):
        return [p for p in plans if condition(p)]

    def named(part):
        return that(lambda p: any(part in group for group in p["name"].values()))

    made = [(that(lambda p: True), query()), (that(lambda p: True), query(step=[(STATION, "AE", "*")]))]
    for station in ("CT1", "MR1", "US1"):
        made.append((that(lambda p: p["station"] == station and day(p) == today),
                     query(step=[(STATION, "AE", station), (DATE, "DA", today)], calling=station)))
        made.append((that(lambda p: p["station"] == station and p["start"].hour < 10),
                     query(step=[(STATION, "AE", station), (TIME, "TM", "-095959")])))
    made += [
        (that(lambda p: p["modality"] == "MR"), query(step=[(MODALITY, "CS", "MR")])),
        (that(lambda p: day(p) >= tomorrow), query(step=[(DATE, "DA", f"{tomorrow}-")])),
        (plans, query(step=[(DATE, "DA", f"{first}-{last}")])),
        (that(lambda p: (day(p), p["start"].strftime("%H%M")) >= (first, "1000")),
         query(step=[(DATE, "DA", f"{first}-{last}"), (TIME, "TM", "1000-2359")])),
        (that(lambda p: p["n"] == 7), query([(0x00080050, "SH", "A1007")])),
        (that(lambda p: 1010 <= 1000 + p["n"] < 1020), query([(0x00080050, "SH", "A101?")])),
        (that(lambda p: p["n"] == 7), query([(PROCEDURE_ID, "SH", "RP7")])),
        (that(lambda p: p["patient_id"] == "PID3"), query([(0x00100020, "LO", "PID3")])),
        (that(lambda p: p["admission"] == "ADM9"), query([(0x00380010, "LO", "ADM9")])),
        (that(lambda p: p["allergy"]), query([(0x00102110, "LO", "Iod*")])),
        (that(lambda p: p["weight"] == 60), query([(0x00101030, "DS", "60")])),
        (that(lambda p: p["uid"].endswith(".5")), query([(0x0020000D, "UI", "1.2.826.0.1.3680043.10.999.5")])),
        (that(lambda p: p["modality"] == "CT"),
         query([(0x00321064, "SQ", [[0x00080100, "SH", "77477000"], [0x00080102, "SH", "SCT"]])])),
        (that(lambda p: p["modality"] == "US"),
         query(step=[(0x00400008, "SQ", [[0x00080100, "SH", "16310003"]])])),
        (that(lambda p: p["location"] == "Ward 3"), query(step=[(0x00400011, "SH", "Ward*")])),
        ([], query([(0x00080050, "SH", "NONE")])),
        (named("Müller"), query([(PN, "PN", "Müller*")], charset="ISO_IR 100")),
    ]
    scripts = {"Müller": "MULLER*", "山田": "山田*", "やまだ": "==やまだ*", "Люкceмбypг": "люкceмбypг*",
               "Διονυσιος": "Διονυσιοσ", "홍": "홍*", "قباني": "قباني^لنزار", "שרון": "שרון*", "王": "=王^小东",
               "Nguyễn": "Nguyen^Thi*", "Smith": "smith^john"}
    made += [(named(part), query([(PN, "PN", key)])) for part, key in scripts.items()]
    return made
