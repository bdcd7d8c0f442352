-- The index: which instances are stored, what their headers say, and which studies changed.
-- Lock order everywhere: patient, study, series, instance, study row, series row, outbox.
create schema isthmus;
grant usage on schema isthmus to isthmus_scp, isthmus_fhir;
set local search_path = isthmus;

create table schema_version (
    version integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
);

create table patient (
    patient_key bigint generated always as identity primary key,
    issuer_of_patient_id text not null default '',
    patient_id text not null default '',
    -- Study Instance UID when the study has no Patient ID: strangers are never merged
    stray_study_uid text not null default '',
    patient_name text,
    patient_name_folded text,
    patient_birth_date date,
    patient_sex text,
    attributes jsonb not null,
    unique (patient_id, issuer_of_patient_id, stray_study_uid)
);

create table study (
    study_key bigint generated always as identity primary key,
    patient_key bigint not null references patient,
    study_instance_uid text not null unique,
    study_date date,
    study_time time,
    accession_number text,
    study_id text,
    study_description text,
    study_description_folded text,
    referring_physician_name text,
    referring_physician_name_folded text,
    modalities_in_study text[] not null default '{}',
    sop_classes_in_study text[] not null default '{}',
    number_of_study_related_series integer not null default 0,
    number_of_study_related_instances integer not null default 0,
    patient_differs boolean not null default false,
    accession_differs boolean not null default false,
    has_conflict boolean not null default false,
    flags integer not null default 0, -- union over the instances, enum instance_flag
    order_state text not null default 'unknown accession number'
        check (order_state in ('matched', 'no accession number', 'unknown accession number',
                               'patient differs', 'several accession numbers')),
    first_received_at timestamptz not null default now(),
    last_received_at timestamptz not null default now(),
    -- as the first instance had it; never changed, instances refer to it by being null
    patient_attributes jsonb not null,
    attributes jsonb not null
) with (fillfactor = 80);
create index on study (patient_key);

create table series (
    series_key bigint generated always as identity primary key,
    study_key bigint not null references study,
    series_instance_uid text not null,
    modality text,
    series_number integer,
    series_date date,
    series_time time,
    series_description text,
    body_part_examined text,
    number_of_series_related_instances integer not null default 0,
    attributes jsonb not null, -- as the first instance had it; never changed
    unique (series_instance_uid, study_key)
) with (fillfactor = 80);
create index on series (study_key);

create table instance (
    instance_key bigint generated always as identity primary key,
    series_key bigint references series, -- null: an object without patient (palette, protocol …)
    sop_instance_uid text not null unique,
    sop_class_uid text not null,
    transfer_syntax_uid text not null,
    calling_ae_title text,
    blob bigint not null,
    size_bytes bigint not null,
    digest bytea not null,
    received_at timestamptz not null default now(),
    instance_number integer,
    sop_instance_status text,
    available boolean not null default true,
    rejected boolean not null default false,
    flags integer not null default 0, -- enum instance_flag
    attributes jsonb not null,
    -- null: the same as in its study and series row
    patient_attributes jsonb,
    study_attributes jsonb,
    series_attributes jsonb
);
create index on instance (series_key);

-- A second object with the UID of a stored one. The first stays what queries and FHIR show.
create table conflict (
    conflict_key bigint generated always as identity primary key,
    sop_instance_uid text not null,
    study_instance_uid text,
    series_instance_uid text,
    sop_class_uid text not null,
    transfer_syntax_uid text not null,
    calling_ae_title text,
    blob bigint not null unique,
    size_bytes bigint not null,
    digest bytea not null,
    received_at timestamptz not null default now(),
    flags integer not null default 0,
    reason text not null check (reason in ('other bytes', 'other study or series')),
    patient_attributes jsonb not null,
    study_attributes jsonb not null,
    series_attributes jsonb not null,
    attributes jsonb not null
);
create index on conflict (sop_instance_uid);

create table target (
    target_key integer generated always as identity primary key,
    name text not null unique,
    description text not null default '',
    quiet_period interval not null,
    longest_delay interval not null,
    paused_until timestamptz,
    paused_why text
);

create table outbox (
    target_key integer not null references target on delete cascade,
    study_key bigint not null references study,
    generation bigint not null default 1,
    first_change_at timestamptz not null default now(),
    due_at timestamptz not null,
    attempts integer not null default 0,
    last_failure text,
    parked_at timestamptz,
    primary key (target_key, study_key)
) with (fillfactor = 60);
create index outbox_due on outbox (target_key, due_at) where parked_at is null;

create table published (
    target_key integer not null references target on delete cascade,
    study_key bigint not null references study,
    digest text not null,
    form text not null,
    published_at timestamptz not null default now(),
    primary key (target_key, study_key)
);

-- When a study that changes now is due: after the quiet period, at the latest longest_delay
-- after its first change. Whole seconds, so that marking again within one second changes no
-- indexed column.
create function due(first_change timestamptz, quiet interval, longest interval)
    returns timestamptz language sql stable
    return date_trunc('second', least(first_change + longest, now() + quiet)
                                + interval '999 milliseconds');

create function mark(p_study_key bigint) returns void language sql as $$
    insert into isthmus.outbox as o (target_key, study_key, due_at)
    select target_key, p_study_key, isthmus.due(now(), quiet_period, longest_delay)
    from isthmus.target order by target_key
    on conflict (target_key, study_key) do update set
        generation = o.generation + 1,
        first_change_at = case when o.parked_at is null then o.first_change_at else now() end,
        due_at = case
            when o.parked_at is not null then excluded.due_at
            when o.attempts > 0 then o.due_at -- backing off: a change does not hurry the server
            else (select isthmus.due(o.first_change_at, t.quiet_period, t.longest_delay)
                  from isthmus.target t where t.target_key = o.target_key) end,
        attempts = case when o.parked_at is null then o.attempts else 0 end,
        parked_at = null
$$;

-- Store one instance: parents, row, counters, flags and outbox marks, or find that it is a
-- duplicate or a conflict. Called in a transaction of its own; a race that it cannot settle by
-- itself ends with serialization_failure, and the caller calls again.
create function put_instance(
    p_sop_instance_uid text, p_sop_class_uid text, p_study_instance_uid text,
    p_series_instance_uid text, p_transfer_syntax_uid text, p_calling_ae_title text,
    p_blob bigint, p_size_bytes bigint, p_digest bytea, p_flags integer,
    p_issuer_of_patient_id text, p_patient_id text, p_patient_name text,
    p_patient_name_folded text, p_patient_birth_date date, p_patient_sex text,
    p_study_date date, p_study_time time, p_accession_number text, p_study_id text,
    p_study_description text, p_study_description_folded text,
    p_referring_physician_name text, p_referring_physician_name_folded text,
    p_modality text, p_series_number integer, p_series_date date, p_series_time time,
    p_series_description text, p_body_part_examined text,
    p_instance_number integer, p_sop_instance_status text,
    p_patient_attributes jsonb, p_study_attributes jsonb, p_series_attributes jsonb,
    p_attributes jsonb
) returns text language plpgsql as $$
declare
    old record;
    st isthmus.study;
    se isthmus.series;
    v_patient_key bigint;
    v_new_series integer := 0;
    v_found integer;
begin
    -- 1. The same UID again?
    select i.blob, i.size_bytes, i.digest,
           s.series_instance_uid is not distinct from p_series_instance_uid
           and t.study_instance_uid is not distinct from p_study_instance_uid as same_place,
           t.study_key
    into old
    from isthmus.instance i
    left join isthmus.series s using (series_key) left join isthmus.study t using (study_key)
    where i.sop_instance_uid = p_sop_instance_uid;
    if found then
        if old.blob = p_blob then
            return 'stored';
        elsif old.same_place and old.digest = p_digest and old.size_bytes = p_size_bytes then
            return 'duplicate';
        end if;
        perform pg_advisory_xact_lock(hashtextextended(p_sop_instance_uid, 1));
        if exists (select from isthmus.conflict c where c.sop_instance_uid = p_sop_instance_uid
                   and c.digest = p_digest and c.size_bytes = p_size_bytes and c.blob <> p_blob
                   and c.study_instance_uid is not distinct from p_study_instance_uid
                   and c.series_instance_uid is not distinct from p_series_instance_uid) then
            return 'duplicate';
        end if;
        insert into isthmus.conflict (sop_instance_uid, study_instance_uid, series_instance_uid,
            sop_class_uid, transfer_syntax_uid, calling_ae_title, blob, size_bytes, digest, flags,
            reason, patient_attributes, study_attributes, series_attributes, attributes)
        values (p_sop_instance_uid, p_study_instance_uid, p_series_instance_uid,
            p_sop_class_uid, p_transfer_syntax_uid, p_calling_ae_title, p_blob, p_size_bytes,
            p_digest, p_flags,
            case when old.same_place then 'other bytes' else 'other study or series' end,
            p_patient_attributes, p_study_attributes, p_series_attributes, p_attributes)
        on conflict (blob) do nothing;
        update isthmus.study set has_conflict = true
        where study_key = old.study_key and not has_conflict;
        return 'conflict';
    end if;

    -- 2. Its parents, unless it is an object without patient and study.
    if p_study_instance_uid is not null then
        select * into st from isthmus.study where study_instance_uid = p_study_instance_uid;
        if not found then
            v_patient_key := isthmus.put_patient(p_study_instance_uid, p_issuer_of_patient_id,
                p_patient_id, p_patient_name, p_patient_name_folded, p_patient_birth_date,
                p_patient_sex, p_patient_attributes);
            insert into isthmus.study (patient_key, study_instance_uid, study_date, study_time,
                accession_number, study_id, study_description, study_description_folded,
                referring_physician_name, referring_physician_name_folded, order_state,
                patient_attributes, attributes)
            values (v_patient_key, p_study_instance_uid, p_study_date, p_study_time,
                p_accession_number, p_study_id, p_study_description, p_study_description_folded,
                p_referring_physician_name, p_referring_physician_name_folded,
                case when p_accession_number is null then 'no accession number'
                     else 'unknown accession number' end,
                p_patient_attributes, p_study_attributes)
            on conflict (study_instance_uid) do nothing;
            select * into strict st from isthmus.study
            where study_instance_uid = p_study_instance_uid;
        end if;

        select * into se from isthmus.series
        where series_instance_uid = p_series_instance_uid and study_key = st.study_key;
        if not found then
            insert into isthmus.series (study_key, series_instance_uid, modality, series_number,
                series_date, series_time, series_description, body_part_examined, attributes)
            values (st.study_key, p_series_instance_uid, p_modality, p_series_number,
                p_series_date, p_series_time, p_series_description, p_body_part_examined,
                p_series_attributes)
            on conflict (series_instance_uid, study_key) do nothing;
            get diagnostics v_new_series = row_count;
            select * into strict se from isthmus.series
            where series_instance_uid = p_series_instance_uid and study_key = st.study_key;
        end if;
    end if;

    -- 3. The instance itself.
    insert into isthmus.instance (series_key, sop_instance_uid, sop_class_uid,
        transfer_syntax_uid, calling_ae_title, blob, size_bytes, digest, instance_number,
        sop_instance_status, flags, attributes, patient_attributes, study_attributes,
        series_attributes)
    values (se.series_key, p_sop_instance_uid, p_sop_class_uid, p_transfer_syntax_uid,
        p_calling_ae_title, p_blob, p_size_bytes, p_digest, p_instance_number,
        p_sop_instance_status, p_flags, p_attributes,
        case when st.patient_attributes is distinct from p_patient_attributes
             then p_patient_attributes end,
        case when st.attributes is distinct from p_study_attributes then p_study_attributes end,
        case when se.attributes is distinct from p_series_attributes
             then p_series_attributes end)
    on conflict (sop_instance_uid) do nothing;
    get diagnostics v_found = row_count;
    if v_found = 0 then
        raise exception 'two associations stored one SOP Instance UID at once'
            using errcode = 'serialization_failure';
    end if;
    if st.study_key is null then
        return 'stored';
    end if;

    -- 4. Counters and flags, then the outbox.
    v_patient_key := isthmus.reconcile_patient(st, p_study_instance_uid, p_issuer_of_patient_id,
        p_patient_id, p_patient_name, p_patient_name_folded, p_patient_birth_date, p_patient_sex,
        p_patient_attributes);
    update isthmus.study s set
        patient_key = coalesce(v_patient_key, s.patient_key),
        patient_differs = s.patient_differs or v_patient_key is null,
        accession_number = coalesce(s.accession_number, p_accession_number),
        accession_differs = s.accession_differs or s.accession_number <> p_accession_number,
        order_state = case
            when s.accession_number <> p_accession_number then 'several accession numbers'
            when s.order_state = 'no accession number' and p_accession_number is not null
                then 'unknown accession number'
            else s.order_state end,
        flags = s.flags | p_flags,
        number_of_study_related_series = s.number_of_study_related_series + v_new_series,
        number_of_study_related_instances = s.number_of_study_related_instances + 1,
        modalities_in_study = case
            when p_modality is null or p_modality = any (s.modalities_in_study)
                then s.modalities_in_study
            else array_append(s.modalities_in_study, p_modality) end,
        sop_classes_in_study = case
            when p_sop_class_uid = any (s.sop_classes_in_study) then s.sop_classes_in_study
            else array_append(s.sop_classes_in_study, p_sop_class_uid) end,
        last_received_at = now()
    where study_key = st.study_key;
    update isthmus.series
    set number_of_series_related_instances = number_of_series_related_instances + 1
    where series_key = se.series_key;
    perform isthmus.mark(st.study_key);
    return 'stored';
end $$;

-- The patient of a new study: found or made. Without Patient ID, a stranger of this study only.
create function put_patient(
    p_study_instance_uid text, p_issuer_of_patient_id text, p_patient_id text,
    p_patient_name text, p_patient_name_folded text, p_patient_birth_date date,
    p_patient_sex text, p_patient_attributes jsonb
) returns bigint language plpgsql as $$
declare
    v_issuer text := case when p_patient_id is null then '' else coalesce(p_issuer_of_patient_id, '') end;
    v_stray text := case when p_patient_id is null then p_study_instance_uid else '' end;
    v_key bigint;
begin
    insert into isthmus.patient (issuer_of_patient_id, patient_id, stray_study_uid, patient_name,
        patient_name_folded, patient_birth_date, patient_sex, attributes)
    values (v_issuer, coalesce(p_patient_id, ''), v_stray, p_patient_name,
        p_patient_name_folded, p_patient_birth_date, p_patient_sex, p_patient_attributes)
    on conflict (patient_id, issuer_of_patient_id, stray_study_uid) do nothing
    returning patient_key into v_key;
    if v_key is null then
        select patient_key into strict v_key from isthmus.patient
        where patient_id = coalesce(p_patient_id, '') and issuer_of_patient_id = v_issuer
          and stray_study_uid = v_stray;
    end if;
    return v_key;
end $$;

-- The patient that study @st belongs to now that one more instance names a patient: the same
-- one; the named one when the study had a stranger; null when they differ.
create function reconcile_patient(
    st isthmus.study, p_study_instance_uid text, p_issuer_of_patient_id text, p_patient_id text,
    p_patient_name text, p_patient_name_folded text, p_patient_birth_date date,
    p_patient_sex text, p_patient_attributes jsonb
) returns bigint language plpgsql as $$
declare
    has isthmus.patient;
begin
    if p_patient_id is null or st.patient_attributes = p_patient_attributes then
        return st.patient_key;
    end if;
    select * into strict has from isthmus.patient where patient_key = st.patient_key;
    if has.patient_id = p_patient_id
       and (has.issuer_of_patient_id = coalesce(p_issuer_of_patient_id, '')
            or has.issuer_of_patient_id = '' or p_issuer_of_patient_id is null) then
        return st.patient_key;
    elsif has.stray_study_uid = '' then
        return null;
    end if;
    return isthmus.put_patient(p_study_instance_uid, p_issuer_of_patient_id, p_patient_id,
        p_patient_name, p_patient_name_folded, p_patient_birth_date, p_patient_sex,
        p_patient_attributes);
end $$;

grant select, insert, update on patient, study, series, instance, conflict, outbox to isthmus_scp;
grant select on schema_version, target, published to isthmus_scp;
grant select on schema_version, patient, study, series, instance, conflict to isthmus_fhir;
grant select, insert, update, delete on target, outbox, published to isthmus_fhir;
