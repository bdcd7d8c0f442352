-- Four steps of three orders. Order 1 has two steps, the second on either of two stations; order 3
-- lacks what may be missing, and its step is for a group of stations.
insert into isthmus.worklist_order
    (source, accession_number, requested_procedure_id, study_instance_uid, issuer_of_patient_id,
     patient_id, patient_name, patient_name_folded, patient_birth_date, patient_sex, attributes)
values
    ('sql', 'A1', 'RP1', '1.1', 'HOSPITAL', 'P1', 'Müller^Zoë', 'muller^zoe', '1970-01-31', 'F', '{
        "00080051": {"vr": "SQ", "Value": [{"00400031": {"vr": "UT", "Value": ["RIS"]}}]},
        "00081110": {"vr": "SQ", "Value": [{"00081150": {"vr": "UI", "Value": ["1.2.3"]},
                                            "00081155": {"vr": "UI", "Value": ["1.1"]}}]},
        "00101030": {"vr": "DS", "Value": [70.5]},
        "00102110": {"vr": "LO", "Value": ["Latex", "Iodine"]},
        "001021C0": {"vr": "US", "Value": [4]},
        "00321032": {"vr": "PN", "Value": [{"Alphabetic": "Ångström^Åsa"}]},
        "00321060": {"vr": "LO", "Value": ["CT Kopf"]},
        "00321064": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["CT1"]},
                                            "00080102": {"vr": "SH", "Value": ["99X"]},
                                            "00080104": {"vr": "LO", "Value": ["Head"]}}]},
        "00380010": {"vr": "LO", "Value": ["V17"]},
        "00380050": {"vr": "LO", "Value": ["Wheelchair"]},
        "00380100": {"vr": "SQ", "Value": [{"00420010": {"vr": "ST", "Value": ["Letter"]}}]}}'),
    ('sql', 'A2', 'RP2', '1.2', 'HOSPITAL', 'P2', 'Yamada^Tarou=山田^太郎', 'yamada^tarou=山田^太郎',
     '1980-12-24', 'M', '{
        "00102110": {"vr": "LO", "Value": ["Penicillin"]},
        "00321060": {"vr": "LO", "Value": ["MR Knie"]}}'),
    ('sql', 'A3', 'RP3', '1.3', '', 'P3', 'Smith', 'smith', null, null, '{}');

insert into isthmus.worklist_step
    (order_key, scheduled_procedure_step_id, modality, scheduled_station_ae_titles,
     scheduled_station_names, scheduled_location, start_date, start_time,
     performing_physician_name, performing_physician_name_folded, status, attributes)
select order_key, id, modality, stations::text[], names::text[], location, date::date, time::time,
       physician, folded, step.status, step.attributes::jsonb
from (values
    ('A1', 'S1', 'CT', '{CT1}', '{Aquila}', 'Room 1', '2026-07-05', '10:00', 'Özil^Ada', 'ozil^ada',
     'SCHEDULED', '{
        "00400007": {"vr": "LO", "Value": ["Head"]},
        "00400008": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["K1"]}}]},
        "00400012": {"vr": "LO", "Value": ["Sedate"]}}'),
    ('A1', 'S2', 'CT', '{CT1,CT2}', '{}', null, '2026-07-06', '09:00', null, null, 'STARTED', '{
        "00400008": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["K2"]}},
                                           {"00080100": {"vr": "SH", "Value": ["K3"]}}]}}'),
    ('A2', 'S3', 'MR', '{MR1}', '{}', 'Room 2', '2026-07-07', '18:30:00.5', null, null, 'ARRIVED',
     '{"00400007": {"vr": "LO", "Value": ["Knee"]}}'),
    ('A3', 'S4', 'CT', '{CT}', '{}', null, '2026-07-07', null, null, null, 'READY', '{}')
) step (accession_number, id, modality, stations, names, location, date, time, physician, folded,
        status, attributes)
join isthmus.worklist_order using (accession_number);
