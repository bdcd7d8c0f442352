-- A worklist: bench.fill_worklist(steps) schedules each on one of 20 stations within 100 days around
-- today, a step an order, straight into the tables; one of 5000 may be done on RARE instead.
create schema if not exists bench;

create function bench.text(p_vr text, p_value text) returns jsonb language sql immutable as $$
    select jsonb_build_object('vr', p_vr, 'Value', jsonb_build_array(p_value))
$$;

create function bench.code(p_value text, p_meaning text) returns jsonb language sql immutable as $$
    select jsonb_build_object('vr', 'SQ', 'Value', jsonb_build_array(jsonb_build_object(
        '00080100', bench.text('SH', p_value), '00080102', bench.text('SH', 'SCT'),
        '00080104', bench.text('LO', p_meaning))))
$$;

create function bench.fill_worklist(p_steps integer) returns void language sql as $$
    insert into isthmus.worklist_order (source, accession_number, requested_procedure_id,
        study_instance_uid, issuer_of_patient_id, patient_id, patient_name, patient_name_folded,
        patient_birth_date, patient_sex, attributes)
    select 'sql', 'A' || lpad(i::text, 9, '0'), 'R' || i, '1.2.826.0.1.3680043.10.2000.' || i,
        'HOSPITAL', 'P' || lpad((i / 2)::text, 8, '0'), name, lower(name),
        date '1930-01-01' + i % 30000, substr('FMO', 1 + i % 3, 1), jsonb_build_object(
            '00080050', bench.text('SH', 'A' || lpad(i::text, 9, '0')),
            '00080090', bench.text('PN', 'Curie^Marie'),
            '00100010', jsonb_build_object('vr', 'PN', 'Value',
                jsonb_build_array(jsonb_build_object('Alphabetic', name))),
            '00101030', jsonb_build_object('vr', 'DS', 'Value', jsonb_build_array(50 + i % 50)),
            '00102110', bench.text('LO', case when i % 5 = 0 then 'Iodine' else 'none known' end),
            '00321032', bench.text('PN', 'Curie^Marie'),
            '00321060', bench.text('LO', 'Computed tomography of the head'),
            '00321064', bench.code('77477000', 'Computed tomography'),
            '00380010', bench.text('LO', 'V' || i),
            '00401002', bench.text('LO', 'Headache since last week'),
            '00401003', bench.text('SH', 'ROUTINE'))
    from generate_series(1, p_steps) i, lateral (select
        (array['SMITH', 'MUELLER', 'GARCIA', 'NGUYEN', 'IVANOV', 'SATO', 'KIM', 'SMITHERS'])
            [1 + i % 8] || '^' || chr(65 + i % 26) || i % 997 as name) n;

    insert into isthmus.worklist_step (order_key, scheduled_procedure_step_id, modality,
        scheduled_station_ae_titles, scheduled_station_names, scheduled_location, start_date,
        start_time, performing_physician_name, performing_physician_name_folded, attributes)
    select order_key, 'S' || i, (array['CT', 'MR', 'US', 'CR'])[1 + i % 4],
        array['STATION' || i % 20] || case when i % 5000 = 0 then '{RARE}'::text[] end, array['NAME' || i % 20], 'Room ' || i % 20,
        current_date - 50 + i / 20 % 100, time '07:00' + i / 2000 * interval '5 minutes',
        'Röntgen^Wilhelm', 'rontgen^wilhelm', jsonb_build_object(
            '00400007', bench.text('LO', 'Head, native'),
            '00400008', bench.code('77477000', 'Computed tomography'))
    from isthmus.worklist_order, lateral (select substr(accession_number, 2)::integer as i) n
    where accession_number ~ '^A[0-9]{9}$';
$$;
