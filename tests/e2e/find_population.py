"""Studies in many scripts, each stored in its own character set, and queries for them.

A query is JSON: {"root", "level", "charset", "keys": [[tag, VR, text or items of a sequence], …]}.
"""
import dicom_query as q
import dicom_raw as dicom

SERIES = 2
INSTANCES = 2


def escaped(text, escape, codec):
    """@text with an escape sequence before its first character beyond ASCII in each component."""
    parts = []
    for part in text.replace("=", "\t=\t").replace("^", "\t^\t").split("\t"):
        parts.append(part.encode("ascii") if part.isascii() else escape + part.encode(codec))
    return b"".join(parts)


# (name, Specific Character Set, how it is encoded)
PATIENTS = [
    ("Müller^Jürgen^^Dr.", "ISO_IR 100", lambda t: t.encode("latin-1")),
    ("MULLER^Anna", "ISO_IR 6", lambda t: t.encode("ascii")),
    ("Dvořák^Jiří", "ISO_IR 101", lambda t: t.encode("iso8859-2")),
    ("Παπαδόπουλος^Γιώργος", "ISO_IR 126", lambda t: t.encode("iso8859-7")),
    ("Люкceмбypг^Роза", "ISO_IR 144", lambda t: t.encode("iso8859-5")),
    ("שרון^דבורה", "ISO_IR 138", lambda t: t.encode("iso8859-8")),
    ("قباني^لنزار", "ISO_IR 127", lambda t: t.encode("iso8859-6")),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "\\ISO 2022 IR 87", lambda t: t.encode("iso2022_jp")),
    ("Hong^Gildong=洪^吉洞=홍^길동", "\\ISO 2022 IR 149", lambda t: escaped(t, b"\x1b$)C", "euc_kr")),
    ("Wang^XiaoDong=王^小东", "GB18030", lambda t: t.encode("gb18030")),
    ("Zhang^Wei=张^伟", "GBK", lambda t: t.encode("gbk")),
    ("O'Brien^100%_Sure", "ISO_IR 192", lambda t: t.encode("utf-8")),
    ("Smith^John^^^Jr", "ISO_IR 192", lambda t: t.encode("utf-8")),
    ("สมชาย^ใจดี", "ISO_IR 166", lambda t: t.encode("tis-620")),
]


def padded(vr, value):
    value = value.encode("ascii") if isinstance(value, str) else value
    return value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)


def item(elements):
    body = b"".join(dicom.element(tag, vr, padded(vr, value)) for tag, vr, value in sorted(elements))
    return b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body


def data_set(patient, series, instance):
    """Instance @instance of series @series of the one study of patient @patient; all begin at 1."""
    name, charset, encode = PATIENTS[patient - 1]
    study = f"1.2.9.{patient}"
    elements = {
        0x00080005: ("CS", charset), 0x00080016: ("UI", dicom.CT_IMAGE),
        0x00080018: ("UI", f"{study}.{series}.{instance}"),
        0x00080020: ("DA", f"202603{patient:02}"), 0x00080030: ("TM", f"{patient + 6:02}3000.5"),
        0x00080050: ("SH", f"ACC{patient}"), 0x00080060: ("CS", ("CT", "SR")[series - 1]),
        0x00080090: ("PN", encode(name)), 0x00081030: ("LO", encode(name.split("^")[0].split("=")[-1])),
        0x00081032: ("SQ", item([(0x00080100, "SH", f"PROC{patient % 3}"), (0x00080102, "SH", "99TEST"),
                                 (0x00080104, "LO", "a procedure")])),
        0x00100010: ("PN", encode(name)), 0x00100020: ("LO", f"ID-{patient}"),
        0x00100021: ("LO", "HOSPITAL"), 0x00100030: ("DA", f"19{70 + patient}0412"),
        0x00100040: ("CS", "FM"[patient % 2]), 0x0020000D: ("UI", study),
        0x0020000E: ("UI", f"{study}.{series}"), 0x00200010: ("SH", f"S{patient}"),
        0x00200011: ("IS", str(series)), 0x00200013: ("IS", str(instance)),
        0x00400275: ("SQ", item([(0x00400007, "LO", "a step"), (0x00401001, "SH", f"RP{patient}")])),
        0x7FE00010: ("OW", b"\0\0")}
    return b"".join(dicom.element(tag, vr, padded(vr, value))
                    for tag, (vr, value) in sorted(elements.items()))


def store(isthmus):
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    for patient in range(1, len(PATIENTS) + 1):
        for series in range(1, SERIES + 1):
            for instance in range(1, INSTANCES + 1):
                answer = a.c_store(dicom.CT_IMAGE, f"1.2.9.{patient}.{series}.{instance}", dicom.EXPLICIT,
                                   data_set(patient, series, instance))
                assert answer[0x0900] == 0, answer
    a.release()


UNIQUE = {"PATIENT": [0x00100020], "STUDY": [0x0020000D], "SERIES": [0x0020000D, 0x0020000E],
          "IMAGE": [0x0020000D, 0x0020000E, 0x00080018]}
VRS = {0x00100010: "PN", 0x00100020: "LO", 0x0020000D: "UI", 0x0020000E: "UI", 0x00080018: "UI"}


def query(level, *keys, root=q.STUDY_ROOT, charset="ISO_IR 192"):
    """@keys and, to be returned, the name and the unique keys."""
    asked = {tag: [tag, vr, value] for tag, vr, value in keys}
    for tag in [0x00100010, *UNIQUE[level]]:
        asked.setdefault(tag, [tag, VRS[tag], ""])
    return {"root": root, "level": level, "charset": charset, "keys": [asked[t] for t in sorted(asked)]}


def names(*keys):
    return [query("STUDY", (0x00100010, "PN", key)) for key in keys]


def queries():
    """(how many matches, query) for each."""
    procedure = [[0x00080100, "SH", "PROC1"], [0x00080102, "SH", "99TEST"]]
    request = [[0x00401001, "SH", "RP8"]]
    study = (0x0020000D, "UI", "1.2.9.8")
    counted = [
        (2, names("muller*", "MÜLLER*", "mul?er^*")),
        (1, names("Müller^Jürgen*", "dvorak^jiri", "Dvořák*", "παπαδοπουλοσ^*", "Люкceмбypг*", "שרון^*",
                  "قباني^لنزار", "山田*", "=山田^太郎", "==やまだ^たろう", "yamada^tarou", "Yamada^*=山田^*=やまだ^*",
                  "洪^吉洞", "홍^길동", "王^小东", "=张^伟", "*100%_*", "o'brien^*", "สมชาย*")),
        (0, names("Smith", "100%_Sure", "山田", "Jürgen*")),
        (len(PATIENTS), [query("STUDY"), *names("*")]),
        (1, [query("STUDY", (0x00080050, "SH", "ACC3")), query("STUDY", (0x00100020, "LO", "ID-7")),
             query("STUDY", (0x00080020, "DA", "20260304")), query("STUDY", (0x00080030, "TM", "0730-0731")),
             query("STUDY", (0x00200010, "SH", "S?"), (0x00080050, "SH", "ACC9"))]),
        (0, [query("STUDY", (0x00080050, "SH", "acc3")), query("STUDY", (0x00080050, "SH", "ACC_"))]),
        (3, [query("STUDY", (0x00080020, "DA", "20260302-20260304")), query("STUDY", (0x00080020, "DA", "-20260303")),
             query("STUDY", (0x0020000D, "UI", "1.2.9.1\\1.2.9.2\\1.2.9.14\\1.2.9.99"))]),
        (4, [query("STUDY", (0x00080020, "DA", "20260311-"))]),
        (5, [query("STUDY", (0x00081032, "SQ", procedure))]),
        (len(PATIENTS), [query("STUDY", (0x00080061, "CS", "SR"), (0x00201208, "IS", ""))]),
        (1, [query("PATIENT", (0x00100020, "LO", "ID-8"), (0x00201200, "IS", ""), root=q.PATIENT_ROOT),
             query("PATIENT", (0x00100010, "PN", "홍*"), root=q.PATIENT_ROOT)]),
        (SERIES, [query("SERIES", study, (0x00080060, "CS", "")),
                  query("SERIES", study, (0x00400275, "SQ", request)),
                  query("SERIES", study, (0x00100020, "LO", "ID-8"), root=q.PATIENT_ROOT)]),
        (1, [query("SERIES", study, (0x00080060, "CS", "SR"))]),
        (INSTANCES, [query("IMAGE", study, (0x0020000E, "UI", "1.2.9.8.1"), (0x00200013, "IS", ""))]),
        (1, [query("IMAGE", study, (0x0020000E, "UI", "1.2.9.8.1"), (0x00200013, "IS", "2")),
             query("STUDY", (0x00100010, "PN", "müller^j*"), charset="ISO_IR 100")]),
    ]
    return [(n, one) for n, some in counted for one in some]
