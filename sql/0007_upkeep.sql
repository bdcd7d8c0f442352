-- What the consistency tools keep, and what people decide about conflicts.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

-- A conflict that a person settled is history. 'kept': the first instance stayed, the row is the
-- newcomer. 'replaced': the newcomer took its place, the row is what was there before.
alter table conflict
    add column settlement text check (settlement in ('kept', 'replaced')),
    add column settled_at timestamptz,
    add column settled_by text,
    add column settled_why text;
create index conflict_open on conflict (conflict_key) where settled_at is null;

-- Does a study still have an open conflict? The caller has locked it.
create function refresh_has_conflict(p_study_key bigint) returns void language sql as $$
    update isthmus.study t set has_conflict = not t.has_conflict
    where t.study_key = p_study_key
      and t.has_conflict <> exists (
        select from isthmus.conflict c join isthmus.instance i using (sop_instance_uid)
            join isthmus.series s using (series_key)
        where c.settled_at is null and s.study_key = p_study_key)
$$;

-- The study in which the first instance of a conflict is; null: in none.
create function study_of_conflict(p_conflict_key bigint) returns bigint language sql stable
    return (select s.study_key from isthmus.conflict c
            join isthmus.instance i using (sop_instance_uid) join isthmus.series s using (series_key)
            where c.conflict_key = p_conflict_key);

-- The first instance stays. False: there is no such open conflict.
create function keep_conflict(p_conflict_key bigint, p_who text, p_why text) returns boolean
    language plpgsql as $$
declare
    v_study_key bigint := isthmus.study_of_conflict(p_conflict_key);
begin
    perform from isthmus.study where study_key = v_study_key for no key update;
    update isthmus.conflict set settlement = 'kept', settled_at = now(), settled_by = p_who,
        settled_why = nullif(p_why, '')
    where conflict_key = p_conflict_key and settled_at is null;
    if not found then
        return false;
    end if;
    perform isthmus.refresh_has_conflict(v_study_key);
    return true;
end $$;

-- Replacing: the rows of a study are taken out of the index, and what is left of it is put again
-- one by one in the order in which it came, the newcomers last, in the same transaction. So counters,
-- roll-ups, requests and all that put_instance() makes are as if the replaced instances had never
-- come. begin_replace → take_out → put_instance … → end_replace

-- Lock what conflicts of one study are about. Errors: IS002, one of them is not open; IS003, they
-- are not of one study or two are about one instance.
create function begin_replace(p_conflict_keys bigint[], out study_key bigint) language plpgsql as $$
declare
    v_uids text[];
    v_n bigint;
begin
    -- As put_instance() will, but before the study is locked.
    if exists (select from isthmus.conflict c left join isthmus.instance i using (sop_instance_uid)
                   left join isthmus.series s using (series_key)
                   left join isthmus.study t on t.study_key = s.study_key
               where c.conflict_key = any (p_conflict_keys)
                 and (t.rejected_instances > 0
                      or isthmus.note_title(c.sop_class_uid, c.attributes) <> 0)) then
        perform pg_advisory_xact_lock(5, 0);
    else
        perform pg_advisory_xact_lock_shared(5, 0);
    end if;
    select array_agg(sop_instance_uid order by sop_instance_uid) into v_uids
    from isthmus.conflict where conflict_key = any (p_conflict_keys);
    perform pg_advisory_xact_lock(hashtextextended(uid, 1)) from unnest(v_uids) as uid;
    select max(s.study_key) into study_key
    from isthmus.conflict c join isthmus.instance i using (sop_instance_uid)
        join isthmus.series s using (series_key)
    where c.conflict_key = any (p_conflict_keys);
    perform from isthmus.study t
    where t.study_key = begin_replace.study_key
       or t.study_instance_uid in (select c.study_instance_uid from isthmus.conflict c
                                   where c.conflict_key = any (p_conflict_keys))
    order by t.study_key for no key update;
    -- put_next() locks only its tally.
    perform from isthmus.tally t where t.study_key = begin_replace.study_key
    order by t.series_key, t.lane for no key update;
    select count(*) into v_n from isthmus.conflict
    where conflict_key = any (p_conflict_keys) and settled_at is null;
    if v_n <> cardinality(p_conflict_keys) then
        raise exception 'not open' using errcode = 'IS002';
    end if;
    select count(distinct sop_instance_uid) into v_n
    from isthmus.conflict c join isthmus.instance i using (sop_instance_uid)
        left join isthmus.series s using (series_key)
    where c.conflict_key = any (p_conflict_keys)
      and s.study_key is not distinct from begin_replace.study_key;
    if v_n <> cardinality(p_conflict_keys) then
        raise exception 'not of one study' using errcode = 'IS003';
    end if;
end $$;

-- The instances of the study that stay, as put_instance() takes them, oldest first.
create function remaining(p_conflict_keys bigint[], p_study_key bigint)
    returns table (sop_instance_uid text, sop_class_uid text, study_instance_uid text,
                   series_instance_uid text, transfer_syntax_uid text, calling_ae_title text,
                   blob bigint, size_bytes bigint, digest text, flags integer,
                   patient_attributes jsonb, study_attributes jsonb, series_attributes jsonb,
                   attributes jsonb, refs jsonb) language sql stable as $$
    select i.sop_instance_uid, i.sop_class_uid, t.study_instance_uid, s.series_instance_uid,
        i.transfer_syntax_uid, i.calling_ae_title, i.blob, i.size_bytes, encode(i.digest, 'hex'),
        i.flags, coalesce(i.patient_attributes, t.patient_attributes),
        coalesce(i.study_attributes, t.attributes_as_stored, t.attributes),
        coalesce(i.series_attributes, s.attributes), i.attributes,
        (select jsonb_agg(jsonb_build_array(r.kind, null, r.sop_instance_uid, r.purpose, r.frames,
                                            r.other_frames))
         from isthmus.reference r where r.instance_key = i.instance_key)
    from isthmus.study t join isthmus.series s using (study_key)
        join isthmus.instance i using (series_key)
    where t.study_key = p_study_key
      and i.sop_instance_uid not in (select c.sop_instance_uid from isthmus.conflict c
                                     where c.conflict_key = any (p_conflict_keys))
    order by i.blob
$$;

-- Each conflict becomes the history of the instance that was there, whose row goes; with it go
-- those of the whole study. What put_instance() cannot know is returned for end_replace().
create function take_out(p_conflict_keys bigint[], p_study_key bigint, p_who text, p_why text)
    returns jsonb language plpgsql as $$
declare
    v_state jsonb;
begin
    select jsonb_build_object(
        'patient', (select patient_key from isthmus.study where study_key = p_study_key),
        'unavailable', (select coalesce(jsonb_agg(i.sop_instance_uid), '[]')
            from isthmus.series s join isthmus.instance i using (series_key)
            where s.study_key = p_study_key and not i.available),
        'settled', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from isthmus.study_request r
            where r.study_key = p_study_key and r.settled and not r.by_person)) into v_state;
    update isthmus.conflict c set
        study_instance_uid = t.study_instance_uid, series_instance_uid = s.series_instance_uid,
        sop_class_uid = i.sop_class_uid, transfer_syntax_uid = i.transfer_syntax_uid,
        calling_ae_title = i.calling_ae_title, blob = i.blob, size_bytes = i.size_bytes,
        digest = i.digest, received_at = i.received_at, flags = i.flags,
        patient_attributes = coalesce(i.patient_attributes, t.patient_attributes, '{}'),
        study_attributes = coalesce(i.study_attributes, t.attributes_as_stored, t.attributes, '{}'),
        series_attributes = coalesce(i.series_attributes, s.attributes, '{}'),
        attributes = i.attributes,
        settlement = 'replaced', settled_at = now(), settled_by = p_who,
        settled_why = nullif(p_why, '')
    from isthmus.instance i left join isthmus.series s using (series_key)
        left join isthmus.study t on t.study_key = s.study_key
    where c.conflict_key = any (p_conflict_keys) and i.sop_instance_uid = c.sop_instance_uid;
    perform isthmus.forget_note(sop_instance_uid) from isthmus.conflict
    where conflict_key = any (p_conflict_keys);
    delete from isthmus.instance i
    where i.sop_instance_uid in (select c.sop_instance_uid from isthmus.conflict c
                                 where c.conflict_key = any (p_conflict_keys));
    delete from isthmus.instance i using isthmus.series s
    where s.study_key = p_study_key and i.series_key = s.series_key;
    -- A publisher counts both together, so the sum must not fall.
    update isthmus.outbox o set generation = o.generation + n.changes
    from isthmus.study_count n where n.study_key = p_study_key and o.study_key = p_study_key;
    delete from isthmus.series where study_key = p_study_key;
    delete from isthmus.study_request where study_key = p_study_key and not by_person;
    update isthmus.study set number_of_study_related_series = 0, modalities_in_study = '{}',
        sop_classes_in_study = '{}', flags = 0, patient_differs = false, patient_identities = '[]',
        has_conversion = false, rejected_instances = 0, authorized_instances = 0
    where study_key = p_study_key;
    return v_state;
end $$;

-- Everything is put again. Whose patient rows may not show any more what their studies say:
-- patient_source().
create function end_replace(p_conflict_keys bigint[], p_study_key bigint, p_state jsonb)
    returns table (patient_key bigint) language plpgsql as $$
declare
    v_studies bigint[];
begin
    update isthmus.instance i set available = false
    where i.sop_instance_uid in (select jsonb_array_elements_text(p_state -> 'unavailable'))
      and i.sop_instance_uid not in (select c.sop_instance_uid from isthmus.conflict c
                                     where c.conflict_key = any (p_conflict_keys));
    update isthmus.study_request r set settled = true
    from jsonb_populate_recordset(null::isthmus.study_request, p_state -> 'settled') o
    where r.study_key = p_study_key and not r.by_person
      and r.accession_number = o.accession_number and r.accession_issuer = o.accession_issuer
      and r.requested_procedure_id = o.requested_procedure_id
      and r.scheduled_procedure_step_id = o.scheduled_procedure_step_id;
    select array_agg(distinct s.study_key) into v_studies
    from isthmus.conflict c join isthmus.instance i using (sop_instance_uid)
        join isthmus.series s using (series_key)
    where c.conflict_key = any (p_conflict_keys);
    v_studies := array_append(v_studies, p_study_key);
    perform isthmus.refresh_has_conflict(k) from unnest(v_studies) as k;
    if p_study_key is not null then
        perform isthmus.match_study(p_study_key);
        perform isthmus.mark(p_study_key);
    end if;
    return query
    select distinct t.patient_key from isthmus.study t where t.study_key = any (v_studies)
    union select (p_state ->> 'patient')::bigint where p_state ->> 'patient' is not null;
end $$;

-- What the patient row is to show: the document of the first of its studies. Nothing where that is
-- so, where there is no study, or where a person set the patient right.
create function patient_source(p_patient_key bigint) returns jsonb language sql stable
    return (select t.patient_attributes from isthmus.study t
                join isthmus.patient p using (patient_key)
            where t.patient_key = p_patient_key and t.number_of_study_related_series > 0
              and t.patient_attributes <> p.attributes
              and not exists (select from isthmus.study x where x.patient_key = p_patient_key
                              and x.corrected_patient is not null)
            order by t.first_received_at, t.study_key limit 1);

-- Where verify is: the last rows whose files it compared, so that it goes on there.
create table verification (
    one boolean primary key default true check (one),
    started_at timestamptz not null default now(),
    instance_key bigint not null default 0,
    conflict_key bigint not null default 0,
    rows bigint not null default 0, -- compared, since it began
    bytes bigint not null default 0,
    wrong bigint not null default 0
);
grant select, insert, update, delete on verification to isthmus_scp;

-- The rules of SOP Instance Status (PS3.3 C.12.1) that somebody broke, or followed without saying
-- so. Contents are the same under one SOP Instance UID, the newcomer being a conflict, or in one
-- study by content_of().
create view status_flag as
with known as (
    select i.sop_instance_uid, i.sop_instance_status as status, s.study_key,
           isthmus.content_of(i.sop_class_uid, i.attributes) as content
    from isthmus.instance i left join isthmus.series s using (series_key)
    where i.sop_instance_status <> 'NS'
    union all
    select sop_instance_uid, attributes #>> '{01000410,Value,0}', null, null
    from isthmus.conflict where attributes ? '01000410' and settled_at is null),
same as (
    select a.sop_instance_uid, a.status, b.status as other, b.sop_instance_uid as other_uid
    from known a join known b on b.sop_instance_uid = a.sop_instance_uid
    union
    select a.sop_instance_uid, a.status, b.status, b.sop_instance_uid
    from known a join known b on b.study_key = a.study_key and b.content = a.content)
select flag, sop_instance_uid, other_uid from (
    select 'second authorized original' as flag, sop_instance_uid, other_uid from same
    where status = 'AO' and other = 'AO' and sop_instance_uid <> other_uid
    union
    select 'original became authorized', sop_instance_uid, other_uid from same
    where status = 'OR' and other = 'AO'
    union
    select 'copy without authorized original', k.sop_instance_uid, null from known k
    where k.status = 'AC' and not exists (
        select from same where same.sop_instance_uid = k.sop_instance_uid and other = 'AO')
    union
    select 'unknown status', sop_instance_uid, null from known
    where status not in ('NS', 'OR', 'AO', 'AC')) flags;

grant select on status_flag to isthmus_scp, isthmus_fhir;
