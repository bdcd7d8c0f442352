-- What queries look for (PS3.4 C.6). One index for each way that people search; all of them are on
-- columns that are written once for each patient, study or series, so that storing an instance
-- costs what it did. Other keys narrow what these find.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

-- Compared byte by byte: the unique index then serves "1234*" as well.
alter table patient alter column patient_id type text collate "C";

-- Each component group of the folded name with a '^' behind it: "smith^" then begins what both
-- "smith" and "smith^john" are, so that "SMITH^*" is one range of an index. As columns they have
-- statistics of their own; most patients have only the first group.
alter table patient
    add column patient_name_alphabetic text
        generated always as (nullif(split_part(patient_name_folded, '=', 1), '') || '^') stored,
    add column patient_name_ideographic text
        generated always as (nullif(split_part(patient_name_folded, '=', 2), '') || '^') stored,
    add column patient_name_phonetic text
        generated always as (nullif(split_part(patient_name_folded, '=', 3), '') || '^') stored;
create index patient_name_alphabetic on patient (patient_name_alphabetic text_pattern_ops);
create index patient_name_ideographic on patient (patient_name_ideographic text_pattern_ops)
    where patient_name_ideographic is not null;
create index patient_name_phonetic on patient (patient_name_phonetic text_pattern_ops)
    where patient_name_phonetic is not null;
create index patient_birth_date on patient (patient_birth_date);

-- The terms of Specific Character Set as a JSON array, for answers; apart, because the documents
-- are large.
alter table study add column specific_character_set text
    generated always as (attributes #>> '{00080005,Value}') stored;

create index study_date on study (study_date);
create index study_accession_number on study (accession_number text_pattern_ops);
create index study_id on study (study_id text_pattern_ops);

-- What ties a study or series to its order, from its document and the items of Request Attributes
-- Sequence: Admission, Scheduled and Performed Procedure Step, Requested Procedure ID; placer and
-- filler order number. Null when there is none. Cut, because an index entry has an end.
create function order_numbers(attributes jsonb) returns text[]
    language plpgsql immutable parallel safe as $$
begin
    if not attributes ?| '{00380010,00400253,00400275,00401001,00402006,00402007,00402016,00402017}'
    then
        return null;
    end if;
    return (
        select array_agg(distinct left(value, 256))
        from (select attributes
              union all
              select jsonb_array_elements(attributes -> '00400275' -> 'Value')) place (a),
            unnest('{00380010,00400009,00400253,00401001,00402006,00402007,00402016,00402017}'
                   ::text[]) tag,
            jsonb_array_elements_text(a -> tag -> 'Value') value
        where value is not null);
end $$;
-- Inserted at once: a list of what is pending would make one of many studies wait for all.
create index study_order_numbers on study using gin (order_numbers(attributes))
    with (fastupdate = off);
create index series_order_numbers on series using gin (order_numbers(attributes))
    with (fastupdate = off);

-- Without its study, as routers and migration tools ask.
create index series_instance_uid on series (series_instance_uid);

-- Instance Availability: the few that are not there.
create index instance_unavailable on instance (series_key) where not available;
