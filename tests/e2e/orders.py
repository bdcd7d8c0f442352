#!/usr/bin/env python3
"""Orders for tests of the worklist: the same ones as worklist items and as FHIR, in several scripts.

    orders.plans(50)              what is ordered, as plain dictionaries
    orders.item(plan)             the worklist item in DICOM JSON, for isthmus.worklist_put()
    orders.bundle(plans, "R4")    a Bundle of ServiceRequests with what belongs to them
    orders.put(isthmus, plans)    into the worklist of a test, as the RIS would

Order n is for station STATIONS[n % 3]; two of three are for today, the others for tomorrow or yesterday.
Run by itself it prints a Bundle: orders.py [N] [R5|R4].
"""
import datetime
import json
import sys

STATIONS = [("CT1", "CT", "Radiology 1"), ("MR1", "MR", "Radiology 2"), ("US1", "US", "Ward 3")]
NAMES = [
    {"Alphabetic": "Müller^Jörg^Maria^Dr."},
    {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"},
    {"Alphabetic": "Люкceмбypг^Роза"},
    {"Alphabetic": "Διονυσιος"},
    {"Alphabetic": "Hong^Gildong", "Ideographic": "洪^吉洞", "Phonetic": "홍^길동"},
    {"Alphabetic": "قباني^لنزار"},
    {"Alphabetic": "שרון^דבורה"},
    {"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小东"},
    {"Alphabetic": "Nguyễn^Thị Ánh"},
    {"Alphabetic": "Smith^John"},
]
PROCEDURES = {"CT": ("77477000", "Computed tomography"), "MR": ("113091000", "Magnetic resonance imaging"),
              "US": ("16310003", "Ultrasonography")}
SYSTEM = {"patient": "http://hospital.example/mrn", "accession": "http://hospital.example/accession",
          "placer": "http://hospital.example/placer", "filler": "http://hospital.example/filler",
          "sct": "http://snomed.info/sct", "dcm": "http://dicom.nema.org/resources/ontology/DCM"}


def plans(n=50, today=None):
    today = today or datetime.date.today()
    made = []
    for i in range(n):
        station, modality, location = STATIONS[i % 3]
        start = datetime.datetime.combine(today, datetime.time(8, 0)) + datetime.timedelta(minutes=7 * (i % 80))
        day = {0: 0, 1: 0, 2: 1 if i % 2 else -1}[i // 3 % 3]
        made.append({
            "n": i, "id": f"o{i}", "accession": f"A{1000 + i}", "placer": f"P{i}", "filler": f"F{i}",
            "procedure_id": f"RP{i}", "step_id": f"SPS{i}", "uid": f"1.2.826.0.1.3680043.10.999.{i + 1}",
            "patient_id": f"PID{i // 2}", "name": NAMES[i // 2 % len(NAMES)],
            "birth": datetime.date(1940 + i // 2 % 60, 1 + i // 2 % 12, 1 + i // 2 % 28),
            "sex": "MFO"[i // 2 % 3],
            "station": station, "modality": modality, "location": location,
            "start": start + datetime.timedelta(days=day), "minutes": 20,
            "code": PROCEDURES[modality], "reason": ["Headache", "Kopfschmerzen – seit März", "頭痛"][i % 3],
            "physician": "Röntgen^Wilhelm", "referrer": "Curie^Marie", "admission": f"ADM{i}",
            "weight": 50 + i // 2 % 40, "allergy": "Iodine" if i // 2 % 5 == 0 else None,
        })
    return made


def _element(vr, *values):
    return {"vr": vr, "Value": list(values)} if values and values[0] is not None else {"vr": vr}


def _code(code):
    return {"00080100": _element("SH", code[0]), "00080102": _element("SH", "SCT"),
            "00080104": _element("LO", code[1])}


def item(plan):
    """The Modality Worklist item of PS3.4 table K.6-1."""
    start = plan["start"]
    step = {
        "00080060": _element("CS", plan["modality"]),
        "00400001": _element("AE", plan["station"]),
        "00400002": _element("DA", start.strftime("%Y%m%d")),
        "00400003": _element("TM", start.strftime("%H%M%S")),
        "00400006": _element("PN", {"Alphabetic": plan["physician"]}),
        "00400007": _element("LO", plan["code"][1]),
        "00400008": _element("SQ", _code(plan["code"])),
        "00400009": _element("SH", plan["step_id"]),
        "00400010": _element("SH", plan["station"] + "NAME"),
        "00400011": _element("SH", plan["location"]),
    }
    return {
        "00080050": _element("SH", plan["accession"]),
        "00080090": _element("PN", {"Alphabetic": plan["referrer"]}),
        "00100010": _element("PN", plan["name"]),
        "00100020": _element("LO", plan["patient_id"]),
        "00100030": _element("DA", plan["birth"].strftime("%Y%m%d")),
        "00100040": _element("CS", plan["sex"]),
        "00101030": _element("DS", str(plan["weight"])),
        "00102110": _element("LO", plan["allergy"]),
        "0020000D": _element("UI", plan["uid"]),
        "00321032": _element("PN", {"Alphabetic": plan["referrer"]}),
        "00321060": _element("LO", plan["code"][1]),
        "00321064": _element("SQ", _code(plan["code"])),
        "00380010": _element("LO", plan["admission"]),
        "00400100": _element("SQ", step),
        "00401001": _element("SH", plan["procedure_id"]),
        "00401002": _element("LO", plan["reason"]),
        "00401003": _element("SH", "ROUTINE"),
        "00402016": _element("LO", plan["placer"]),
        "00402017": _element("LO", plan["filler"]),
    }


def _identifier(system, value, kind=None):
    made = {"system": SYSTEM[system], "value": value}
    if kind:
        made["type"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                                    "code": kind}]}
    return made


def _human_names(name):
    made = []
    for group, code in (("Alphabetic", "ABC"), ("Ideographic", "IDE"), ("Phonetic", "SYL")):
        if group not in name:
            continue
        parts = (name[group].split("^") + [""] * 4)[:4]
        human = {"use": "official", "family": parts[0],
                 "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation",
                                "valueCode": code}]}
        if parts[1]:
            human["given"] = [p for p in parts[1:3] if p]
        if parts[3]:
            human["prefix"] = [parts[3]]
        made.append(human)
    return made


def resources(plan, release="R5", status="active"):
    """What a FHIR server has of one order; the ServiceRequest first."""
    i, code = plan["n"], plan["code"]
    concept = {"coding": [{"system": SYSTEM["sct"], "code": code[0], "display": code[1]}]}
    start = plan["start"]
    end = start + datetime.timedelta(minutes=plan["minutes"])
    stamp = "%Y-%m-%dT%H:%M:%S+00:00"
    request = {
        "resourceType": "ServiceRequest", "id": plan["id"], "status": status, "intent": "order",
        "identifier": [_identifier("accession", plan["accession"], "ACSN"),
                       _identifier("placer", plan["placer"], "PLAC"),
                       _identifier("filler", plan["filler"], "FILL")],
        "category": [{"coding": [{"system": SYSTEM["sct"], "code": "363679005", "display": "Imaging"}]}],
        "priority": "routine", "subject": {"reference": f"Patient/p{i // 2}"},
        "encounter": {"reference": f"Encounter/e{i}"}, "authoredOn": "2026-01-02T03:04:05Z",
        "requester": {"reference": "Practitioner/curie"},
    }
    if release == "R5":
        request["code"] = {"concept": concept}
        request["reason"] = [{"concept": {"text": plan["reason"]}}]
    else:
        request["code"] = concept
        request["reasonCode"] = [{"text": plan["reason"]}]
    appointment = {
        "resourceType": "Appointment", "id": f"a{i}", "status": "booked",
        "basedOn": [{"reference": f"ServiceRequest/{plan['id']}"}],
        "start": start.strftime(stamp), "end": end.strftime(stamp),
        "participant": [
            {"status": "accepted", "actor": {"reference": f"Device/{plan['station'].lower()}"}},
            {"status": "accepted", "actor": {"reference": f"Location/{plan['station'].lower()}"}},
            {"status": "accepted", "actor": {"reference": "Practitioner/roentgen"}}],
    }
    patient = {
        "resourceType": "Patient", "id": f"p{i // 2}",
        "identifier": [_identifier("patient", plan["patient_id"], "MR")],
        "name": _human_names(plan["name"]), "birthDate": plan["birth"].isoformat(),
        "gender": {"M": "male", "F": "female", "O": "other"}[plan["sex"]],
    }
    encounter = {"resourceType": "Encounter", "id": f"e{i}", "subject": {"reference": f"Patient/p{i // 2}"},
                 "identifier": [{"system": "http://hospital.example/visit", "value": plan["admission"]}]}
    weight = {"resourceType": "Observation", "id": f"w{i}", "status": "final",
              "subject": {"reference": f"Patient/p{i // 2}"}, "effectiveDateTime": "2026-01-01",
              "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
              "valueQuantity": {"value": plan["weight"], "system": "http://unitsofmeasure.org",
                                "code": "kg"}}
    made = [request, appointment, patient, encounter, weight]
    if plan["allergy"]:
        made.append({"resourceType": "AllergyIntolerance", "id": f"al{i}",
                     "patient": {"reference": f"Patient/p{i // 2}"}, "code": {"text": plan["allergy"]}})
    return made


def shared(release="R5"):
    """Stations and people of all orders."""
    made = []
    for station, modality, location in STATIONS:
        device = {"resourceType": "Device", "id": station.lower(),
                  "identifier": [{"system": "urn:dicom:ae-title", "value": station}]}
        names = [{"value": station + "NAME", "type": "user-friendly-name"}]
        device["name" if release == "R5" else "deviceName"] = \
            names if release == "R5" else [{"name": station + "NAME", "type": "user-friendly-name"}]
        coding = {"coding": [{"system": SYSTEM["dcm"], "code": modality}]}
        device["type"] = [coding] if release == "R5" else coding
        made += [device, {"resourceType": "Location", "id": station.lower(), "name": location}]
    for id_, family, given in (("curie", "Curie", "Marie"), ("roentgen", "Röntgen", "Wilhelm")):
        made.append({"resourceType": "Practitioner", "id": id_, "name": [{"family": family, "given": [given]}]})
    return made


def bundle(wanted, release="R5", base="http://fhir.example/fhir"):
    there = {}
    for resource in [r for plan in wanted for r in resources(plan, release)] + shared(release):
        there.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
    return {"resourceType": "Bundle", "type": "collection",
            "entry": [{"fullUrl": f"{base}/{name}", "resource": resource}
                      for name, resource in there.items()]}


def put(isthmus, wanted):
    """As a RIS does that writes to the database; the results."""
    text = json.dumps([item(plan) for plan in wanted], ensure_ascii=False).replace("'", "''")
    return json.loads(isthmus.sql(f"select isthmus.worklist_put('{text}'::jsonb)")[0][0])


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    json.dump(bundle(plans(count), *sys.argv[2:3]), sys.stdout, ensure_ascii=False, indent=1)
