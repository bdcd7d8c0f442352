-- A population of any size for measuring queries: half as many patients as studies, names of which
-- one in two hundred begins with SMI, ten years of days, the usual mix of modalities.
--   select bench.fill(studies => 1000000, series_per_study => 3, instances_per_series => 3)
-- Everything follows from the number of the row: two runs make the same.
create schema if not exists bench;

-- An arbitrary number below @below that belongs to @n and @salt.
create or replace function bench.pick(n bigint, salt integer, below integer) returns integer
    language sql immutable parallel safe
    return (hashint8extended(n, salt) & 2147483647) % below;

create or replace function bench.syllable(n bigint, salt integer) returns text
    language sql immutable parallel safe
    return (array['BA','BER','CO','DA','DEL','FER','GAR','GRO','HAN','HO','JO','KA','KIM','LA',
                  'LER','LO','MAR','ME','MUL','NI','NO','OR','PE','PO','RA','RO','SA','SCH','SI',
                  'STE','TA','TOR','VA','VI','WAL','WE','YA','ZA'])[1 + bench.pick(n, salt, 38)];

create or replace function bench.name(n bigint) returns text language sql immutable parallel safe
    return case when n % 200 = 0 then (array['SMITH','SMITS','SMIRNOW','SMIT'])[1 + n / 200 % 4]
                else bench.syllable(n, 1) || bench.syllable(n, 2) || bench.syllable(n, 3) end
           || '^' || bench.syllable(n, 4) || lower(bench.syllable(n, 5))
           || case when n % 20 = 3 then '=' || chr(19968 + bench.pick(n, 11, 2000)) || chr(19968 + bench.pick(n, 12, 900)) || '^太郎=やまだ^たろう' else '' end;

create or replace function bench.modality(n bigint) returns text language sql immutable parallel safe
    return (array['CT','CT','CT','CT','MR','MR','MR','CR','CR','CR','CR','DX','DX','DX','US','US',
                  'MG','XA','NM','PT'])[1 + bench.pick(n, 6, 20)];

create or replace function bench.value(vr text, value text) returns jsonb
    language sql immutable parallel safe
    return jsonb_build_object('vr', vr, 'Value', jsonb_build_array(value));

create or replace function bench.fill(studies integer, series_per_study integer,
                                      instances_per_series integer) returns void
    language plpgsql as $$
begin
    insert into isthmus.patient (patient_id, issuer_of_patient_id, patient_name,
        patient_name_folded, patient_birth_date, patient_sex, attributes)
    select 'P' || lpad(n::text, 8, '0'), 'HOSPITAL', name, lower(name), birth_date, sex,
           jsonb_build_object('00100010', bench.value('PN', name),
               '00100020', bench.value('LO', 'P' || lpad(n::text, 8, '0')),
               '00100030', bench.value('DA', to_char(birth_date, 'YYYYMMDD')),
               '00100040', bench.value('CS', sex))
    from (select n, bench.name(n) as name, date '1930-01-01' + bench.pick(n, 7, 30000) as birth_date,
                 (array['F','M'])[1 + bench.pick(n, 8, 2)] as sex
          from generate_series(1, greatest(studies / 2, 1)) n) made order by n;
    insert into isthmus.study (patient_key, study_instance_uid, study_date, study_time,
        accession_number, study_id, study_description, study_description_folded,
        referring_physician_name, referring_physician_name_folded, modalities_in_study,
        sop_classes_in_study, number_of_study_related_series, patient_attributes, attributes)
    select p.patient_key, '1.2.826.0.1.3680043.10.1000.' || n,
           date '2016-01-01' + (n::bigint * 3653 / (studies + 1))::integer,
           time '07:00' + bench.pick(n, 9, 43200) * interval '1 second',
           'A' || lpad(n::text, 9, '0'), n::text, modality || ' ' || part, lower(modality || ' ' || part),
           bench.name(n % 500 * 7 + 1), lower(bench.name(n % 500 * 7 + 1)), array[modality],
           array['1.2.840.10008.5.1.4.1.1.2'], series_per_study, p.attributes,
           jsonb_build_object('00081030', bench.value('LO', modality || ' ' || part),
               '00080050', bench.value('SH', 'A' || lpad(n::text, 9, '0')),
               '00401001', bench.value('SH', 'RP' || n), '00402016', bench.value('LO', 'O' || n),
               '00101010', bench.value('AS', '045Y'))
    from (select n, bench.modality(n) as modality,
                 (array['HEAD','CHEST','ABDOMEN','KNEE','SPINE'])[1 + bench.pick(n, 10, 5)] as part
          from generate_series(1, studies) n) made
    join isthmus.patient p on p.issuer_of_patient_id = 'HOSPITAL'
        and p.patient_id = 'P' || lpad((1 + n % greatest(studies / 2, 1))::text, 8, '0')
    order by n;
    insert into isthmus.series (study_key, series_instance_uid, modality, series_number,
        series_description, body_part_examined, attributes)
    select t.study_key, t.study_instance_uid || '.' || s, t.modalities_in_study[1], s, 'SERIES ' || s,
           'CHEST',
           jsonb_build_object('00080060', bench.value('CS', t.modalities_in_study[1]),
               '0008103E', bench.value('LO', 'SERIES ' || s),
               '00081090', bench.value('LO', 'Scanner 3000'),
               '00400275', jsonb_build_object('vr', 'SQ', 'Value', jsonb_build_array(jsonb_build_object(
                   '00400009', bench.value('SH', 'S' || t.study_id), '00401001', bench.value('SH', 'RP' || t.study_id)))))
    from isthmus.study t, generate_series(1, series_per_study) s order by t.study_key, s;
    insert into isthmus.tally (series_key, lane, study_key, instances, size_bytes, last_received_at)
    select series_key, 0, study_key, instances_per_series, 524288 * instances_per_series, now()
    from isthmus.series order by series_key;
    insert into isthmus.instance (series_key, sop_instance_uid, sop_class_uid, transfer_syntax_uid,
        blob, size_bytes, digest, instance_number, attributes)
    select s.series_key, s.series_instance_uid || '.' || i, '1.2.840.10008.5.1.4.1.1.2',
           '1.2.840.10008.1.2.1', s.series_key * instances_per_series + i, 524288,
           '\x000102030405060708090a0b0c0d0e0f', i,
           jsonb_build_object('00200013', bench.value('IS', i::text))
    from isthmus.series s, generate_series(1, instances_per_series) i order by s.series_key, i;
end $$;

-- For populations of millions: indexes and constraints of the tables go before, and come back at
-- once instead of row by row.
create table if not exists bench.shelf (n integer generated always as identity, statement text);

create or replace function bench.shelve() returns void language plpgsql as $$
declare
    v_tables regclass[] := '{isthmus.patient,isthmus.study,isthmus.series,isthmus.tally,
        isthmus.instance}';
    c record;
begin
    insert into bench.shelf (statement)
    select pg_get_indexdef(indexrelid) from pg_index
    where indrelid = any (v_tables)
      and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'));
    insert into bench.shelf (statement)
    select format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint
    where conrelid = any (v_tables) and contype in ('p', 'u', 'f') or confrelid = any (v_tables)
    order by contype = 'f';
    for c in select conrelid::regclass as at, conname from pg_constraint
             where conrelid = any (v_tables) and contype in ('p', 'u', 'f') or confrelid = any (v_tables)
             order by contype <> 'f' loop
        execute format('alter table %s drop constraint %I', c.at, c.conname);
    end loop;
    for c in select indexrelid::regclass as name from pg_index where indrelid = any (v_tables) loop
        execute format('drop index %s', c.name);
    end loop;
end $$;

create or replace procedure bench.unshelve() language plpgsql as $$
declare
    c record;
begin
    for c in select n, statement from bench.shelf order by n loop
        execute c.statement;
        delete from bench.shelf where n = c.n;
        commit;
    end loop;
end $$;
