-- The index: which instances are stored, what their headers say, and which studies changed.
-- Lock order everywhere: patient, study, tally, instance, lock_orders(), order_match, outbox.
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
    stray_study_uid text collate "C" not null default '',
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
    study_instance_uid text collate "C" not null unique,
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
    number_of_study_related_series integer not null default 0, -- 0: nothing is left of it
    rejected_instances integer not null default 0, -- those whose rejected is not 0
    authorized_instances integer not null default 0, -- SOP Instance Status AO or AC
    patient_differs boolean not null default false,
    patient_identities jsonb not null default '[]', -- each that came, see patient_identity()
    has_conflict boolean not null default false,
    flags integer not null default 0, -- union over the instances, enum instance_flag
    first_received_at timestamptz not null default now(),
    -- as the first instance had it; never changed, instances refer to it by being null
    patient_attributes jsonb not null,
    attributes jsonb not null
) with (fillfactor = 80);
create index on study (patient_key);

create table series (
    series_key bigint generated always as identity primary key,
    study_key bigint not null references study,
    series_instance_uid text collate "C" not null,
    modality text,
    series_number integer,
    series_date date,
    series_time time,
    series_description text,
    body_part_examined text,
    rejected_instances integer not null default 0,
    authorized_instances integer not null default 0,
    attributes jsonb not null, -- as the first instance had it; never changed
    unique (study_key, series_instance_uid)
) with (fillfactor = 80);

-- What each instance counts in. Apart from study and series: a new version of these is much to
-- write, and here most versions find room where the one before was. Connections count in different
-- lanes, so that those who store into one series do not wait for each other's COMMIT.
create table tally (
    series_key bigint not null references series on delete cascade,
    lane integer not null,
    study_key bigint not null references study,
    instances integer not null,
    size_bytes bigint not null, -- of all data sets
    changes bigint not null default 0, -- those that put_next() did not write into the outbox
    marked_until timestamptz, -- mark() would change nothing before; null: it may
    last_received_at timestamptz not null,
    primary key (series_key, lane)
) with (fillfactor = 50);
create index on tally (study_key);

create function lane() returns integer language sql stable return pg_backend_pid() % 16;

create view series_count as
    select series_key, sum(instances)::integer as number_of_series_related_instances
    from tally group by series_key;

create view study_count as
    select study_key, sum(instances)::integer as number_of_study_related_instances,
        sum(size_bytes)::bigint as size_bytes, sum(changes)::bigint as changes,
        max(last_received_at) as last_received_at
    from tally group by study_key;

create table instance (
    instance_key bigint generated always as identity primary key,
    series_key bigint references series, -- null: an object without patient (palette, protocol …)
    sop_instance_uid text collate "C" not null unique,
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
    rejected integer not null default 0, -- enum rejection
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
    sop_instance_uid text collate "C" not null,
    study_instance_uid text collate "C",
    series_instance_uid text collate "C",
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
    paused_why text,
    fingerprint text, -- of the settings that decide what Bundles for it look like
    filled boolean not null default false -- the studies older than the target are in the outbox
);

create table outbox (
    target_key integer not null references target on delete cascade,
    study_key bigint not null references study,
    generation bigint not null default 1, -- a publisher counts study_count.changes to it
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
    own text not null default '', -- addresses of what we wrote beside the ImagingStudy
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

-- What tally.marked_until is after mark(). Who takes the study out of the outbox, or parks it, makes
-- that null, in generation_of().
create function marked_until() returns timestamptz language sql stable
    return date_trunc('second', now() + interval '999 milliseconds');

-- Another change of a study: due again at every target. The lock keeps a target from being made
-- or forgotten between here and COMMIT (see register_target); stores do not wait for each other.
create function mark(p_study_key bigint) returns void language plpgsql as $$
begin
    lock table isthmus.outbox in row exclusive mode;
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
        parked_at = null;
end $$;

-- When the file began to come: its id has the milliseconds since 1970 above 20 random bits. So a
-- file that waited for the database, or is indexed again, was received when it was.
create function received_at(p_blob bigint) returns timestamptz language sql immutable
    return to_timestamp((p_blob >> 20) / 1000.0::double precision);

-- Store one instance: parents, row, counters, flags and outbox marks, or find that it is a
-- duplicate or a conflict. Called in a transaction of its own; a race that it cannot settle by
-- itself ends with serialization_failure, and the caller calls again. Answers 'stored' (with the
-- key of the series where put_next() may follow), 'conflict', or 'duplicate BLOB'.
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
    p_attributes jsonb, p_references jsonb -- null: none, see put_references()
) returns text language plpgsql as $$
declare
    old record;
    st record;
    se record;
    v_instance_key bigint;
    v_begun boolean := false; -- the study row is new, or was empty
    v_new_series boolean := false;
    v_new_patient boolean := false; -- named as in no instance of the study before
    v_title integer := isthmus.note_title(p_sop_class_uid, p_attributes);
    v_rejected integer;
    v_nothing text;
begin
    -- 1. The same UID again?
    select i.blob, i.size_bytes, i.digest, i.series_key into old
    from isthmus.instance i where i.sop_instance_uid = p_sop_instance_uid;
    if found then
        if old.blob = p_blob then
            return 'stored';
        end if;
        return isthmus.put_again(old.series_key, old.blob,
            old.size_bytes = p_size_bytes and old.digest = p_digest, p_sop_instance_uid,
            p_sop_class_uid, p_study_instance_uid, p_series_instance_uid, p_transfer_syntax_uid,
            p_calling_ae_title, p_blob, p_size_bytes, p_digest, p_flags, p_patient_attributes,
            p_study_attributes, p_series_attributes, p_attributes);
    end if;
    if v_title = 0 then
        v_nothing := pg_advisory_xact_lock_shared(5, 0);
    else
        v_nothing := pg_advisory_xact_lock(5, 0); -- see rejection
    end if;

    -- 2. Its study and series, unless it is an object without patient and study. The study row
    -- stays locked from here to COMMIT.
    if p_study_instance_uid is null or p_series_instance_uid is null then
        select null::bigint as study_key, null::jsonb as patient_attributes,
               null::jsonb as attributes into st;
        select null::bigint as series_key, null::jsonb as attributes into se;
    else
        loop
            select s.study_key, s.patient_key, s.accession_number, s.modalities_in_study,
                s.sop_classes_in_study, s.flags, s.patient_differs, s.patient_identities,
                s.patient_attributes, coalesce(s.attributes_as_stored, s.attributes) as attributes
            into st
            from isthmus.study s
            where s.study_instance_uid = p_study_instance_uid
              and s.number_of_study_related_series > 0
            for no key update;
            exit when found;
            insert into isthmus.study (patient_key, study_instance_uid, study_date, study_time,
                accession_number, study_id, study_description, study_description_folded,
                referring_physician_name, referring_physician_name_folded, modalities_in_study,
                sop_classes_in_study, number_of_study_related_series, flags, patient_identities,
                first_received_at, patient_attributes, attributes)
            values (
                isthmus.put_patient(p_study_instance_uid, p_issuer_of_patient_id,
                    p_patient_id, p_patient_name, p_patient_name_folded, p_patient_birth_date,
                    p_patient_sex, p_patient_attributes),
                p_study_instance_uid, p_study_date, p_study_time,
                p_accession_number, p_study_id, p_study_description, p_study_description_folded,
                p_referring_physician_name, p_referring_physician_name_folded,
                array_remove(array[p_modality], null), array[p_sop_class_uid], 1, p_flags,
                jsonb_build_array(isthmus.patient_identity(p_patient_id, p_patient_name_folded,
                    p_patient_birth_date, p_patient_attributes)),
                isthmus.received_at(p_blob), p_patient_attributes, p_study_attributes)
            on conflict (study_instance_uid) do update set
                -- It lost all its instances (see take_out) and is as this one has it; what a person
                -- set right stays.
                patient_key = case when study.corrected_patient is null
                    then excluded.patient_key else study.patient_key end,
                study_date = excluded.study_date, study_time = excluded.study_time,
                accession_number = case when study.corrected_study is null
                    then excluded.accession_number else study.accession_number end,
                study_id = excluded.study_id, study_description = excluded.study_description,
                study_description_folded = excluded.study_description_folded,
                referring_physician_name = excluded.referring_physician_name,
                referring_physician_name_folded = excluded.referring_physician_name_folded,
                modalities_in_study = excluded.modalities_in_study,
                sop_classes_in_study = excluded.sop_classes_in_study,
                number_of_study_related_series = 1, flags = excluded.flags,
                patient_identities = excluded.patient_identities,
                first_received_at = excluded.first_received_at,
                patient_attributes = excluded.patient_attributes,
                attributes = isthmus.lay_over(excluded.attributes, study.corrected_study),
                attributes_as_stored = case when study.corrected_study is not null
                    then excluded.attributes end
            where study.number_of_study_related_series = 0
            returning study_key, patient_key, patient_differs, study.patient_identities,
                patient_attributes, coalesce(attributes_as_stored, attributes) as attributes
                into st;
            v_begun := found;
            exit when found;
        end loop;

        if not v_begun then
            select s.series_key, s.attributes into se from isthmus.series s
            where s.study_key = st.study_key and s.series_instance_uid = p_series_instance_uid;
            v_new_series := not found;
            -- What it adds to the row of the study.
            if v_new_series or st.flags | p_flags <> st.flags
                    or p_modality <> all (st.modalities_in_study)
                    or p_sop_class_uid <> all (st.sop_classes_in_study)
                    or st.accession_number is null and p_accession_number is not null then
                update isthmus.study s set
                    number_of_study_related_series
                        = s.number_of_study_related_series + v_new_series::integer,
                    accession_number = coalesce(s.accession_number, p_accession_number),
                    flags = s.flags | p_flags,
                    modalities_in_study = case
                        when p_modality is null or p_modality = any (s.modalities_in_study)
                            then s.modalities_in_study
                        else array_append(s.modalities_in_study, p_modality) end,
                    sop_classes_in_study = case
                        when p_sop_class_uid = any (s.sop_classes_in_study)
                            then s.sop_classes_in_study
                        else array_append(s.sop_classes_in_study, p_sop_class_uid) end
                where s.study_key = st.study_key;
            end if;
        end if;
        if v_begun or v_new_series then
            insert into isthmus.series (study_key, series_instance_uid, modality, series_number,
                series_date, series_time, series_description, body_part_examined, attributes)
            values (st.study_key, p_series_instance_uid, p_modality, p_series_number,
                p_series_date, p_series_time, p_series_description, p_body_part_examined,
                p_series_attributes)
            returning series_key, attributes into se;
        end if;
        insert into isthmus.tally as t (series_key, lane, study_key, instances, size_bytes,
            marked_until, last_received_at)
        values (se.series_key, isthmus.lane(), st.study_key, 1, p_size_bytes,
            isthmus.marked_until(), isthmus.received_at(p_blob))
        on conflict (series_key, lane) do update set
            instances = t.instances + 1, size_bytes = t.size_bytes + excluded.size_bytes,
            marked_until = excluded.marked_until,
            last_received_at = greatest(t.last_received_at, excluded.last_received_at);

        if st.patient_attributes <> p_patient_attributes then
            v_new_patient := isthmus.reconcile_patient(st.study_key, st.patient_identities,
                st.patient_differs, st.patient_key, p_study_instance_uid,
                p_issuer_of_patient_id, p_patient_id, p_patient_name, p_patient_name_folded,
                p_patient_birth_date, p_patient_sex, p_patient_attributes);
        end if;
    end if;

    -- 3. The instance itself.
    insert into isthmus.instance (series_key, sop_instance_uid, sop_class_uid,
        transfer_syntax_uid, calling_ae_title, blob, size_bytes, digest, received_at,
        instance_number, sop_instance_status, rejected, flags, attributes, patient_attributes,
        study_attributes, series_attributes)
    values (se.series_key, p_sop_instance_uid, p_sop_class_uid, p_transfer_syntax_uid,
        p_calling_ae_title, p_blob, p_size_bytes, p_digest, isthmus.received_at(p_blob),
        p_instance_number, p_sop_instance_status, (v_title << 4) | coalesce((
            select bit_or(r.title) from isthmus.rejection r
            where r.sop_instance_uid = p_sop_instance_uid and not r.lifted
              and (v_title <> 0 or not r.revoked)), 0),
        p_flags, p_attributes,
        case when st.patient_attributes is distinct from p_patient_attributes
             then p_patient_attributes end,
        case when st.attributes is distinct from p_study_attributes then p_study_attributes end,
        case when se.attributes is distinct from p_series_attributes
             then p_series_attributes end)
    on conflict (sop_instance_uid) do nothing
    returning instance_key, rejected into v_instance_key, v_rejected;
    if not found then
        raise exception 'two associations stored one SOP Instance UID at once'
            using errcode = 'serialization_failure';
    end if;
    if p_references is not null then
        perform isthmus.put_references(v_instance_key, st.study_key, p_references);
    end if;
    if v_rejected <> 0 or p_sop_instance_status in ('AO', 'AC') then
        perform isthmus.put_worth(st.study_key, se.series_key, p_sop_instance_uid,
            p_sop_instance_status, v_rejected, p_references);
    end if;

    -- 4. Its order, where this instance may say something new about it.
    if st.study_key is not null
       and (v_begun or v_new_patient or v_new_series
            or isthmus.requests_differ(st.attributes, p_study_attributes)
            or se.attributes <> p_series_attributes or p_attributes ? '0040A370') then
        perform isthmus.note_requests(st.study_key, p_study_instance_uid, p_study_attributes,
            p_series_attributes, p_attributes, v_begun, v_new_patient, v_new_series);
    end if;

    -- 5. Those who are told of changed studies.
    if st.study_key is null then
        return 'stored';
    end if;
    perform isthmus.mark(st.study_key);
    return case when st.patient_attributes = p_patient_attributes
        and not isthmus.requests_differ(st.attributes, p_study_attributes)
        and se.attributes = p_series_attributes
        then concat_ws(' ', 'stored', se.series_key,
                       case when st.attributes <> p_study_attributes then 'own' end)
        else 'stored' end;
end $$;

-- Store the next instance of a series whose caller, on this connection, has just stored one with the
-- same patient and series, accession number, SOP class and flags, without references:
-- put_instance() answered it 'stored SERIES_KEY', so all that is shared is in the rows, and stays
-- there as long as the series has this key (see take_out). @p_study_attributes: null when they are
-- those of the row. Answers 'stored', or 'other': nothing was done, put_instance() is to do it.
create function put_next(
    p_series_key bigint, p_sop_instance_uid text, p_sop_class_uid text,
    p_transfer_syntax_uid text, p_calling_ae_title text, p_blob bigint, p_size_bytes bigint,
    p_digest bytea, p_flags integer, p_instance_number integer, p_sop_instance_status text,
    p_study_attributes jsonb, p_attributes jsonb
) returns text language plpgsql as $$
declare
    v_received_at timestamptz := isthmus.received_at(p_blob);
    c record;
    v_nothing text;
begin
    if p_sop_class_uid = '1.2.840.10008.5.1.4.1.1.88.59'
       or p_sop_instance_status in ('AO', 'AC') -- see put_worth
       or p_attributes ? '0040A370' then
        return 'other';
    end if;
    v_nothing := pg_advisory_xact_lock_shared(5, 0); -- see rejection
    update isthmus.tally t set
        instances = t.instances + 1, changes = t.changes + 1,
        size_bytes = t.size_bytes + p_size_bytes,
        last_received_at = greatest(t.last_received_at, v_received_at)
    from isthmus.study s
    where t.series_key = p_series_key and t.lane = isthmus.lane() and s.study_key = t.study_key
      and not exists (select from isthmus.instance where sop_instance_uid = p_sop_instance_uid)
      and not exists (select from isthmus.rejection where sop_instance_uid = p_sop_instance_uid)
      and (p_study_attributes is null or not isthmus.requests_differ(
              coalesce(s.attributes_as_stored, s.attributes), p_study_attributes))
    returning t.study_key, t.marked_until, -- the attributes: null when they are those of the row
        nullif(p_study_attributes, coalesce(s.attributes_as_stored, s.attributes)) as attributes
        into c;
    if not found then
        return 'other';
    end if;
    insert into isthmus.instance (series_key, sop_instance_uid, sop_class_uid,
        transfer_syntax_uid, calling_ae_title, blob, size_bytes, digest, received_at,
        instance_number, sop_instance_status, flags, attributes, study_attributes)
    values (p_series_key, p_sop_instance_uid, p_sop_class_uid, p_transfer_syntax_uid,
        p_calling_ae_title, p_blob, p_size_bytes, p_digest, v_received_at,
        p_instance_number, p_sop_instance_status, p_flags, p_attributes, c.attributes)
    on conflict (sop_instance_uid) do nothing;
    if not found then
        raise exception 'it was stored in this moment' using errcode = 'serialization_failure';
    end if;
    if c.marked_until is null or c.marked_until < now() then
        update isthmus.tally set marked_until = isthmus.marked_until()
        where series_key = p_series_key and lane = isthmus.lane();
        perform isthmus.mark(c.study_key);
    end if;
    return 'stored';
end $$;

-- A SOP Instance UID that is taken, by the instance of @p_series_key and by another file, @p_old:
-- the same bytes in the same study and series are not needed twice ('duplicate', or 'rejected' when
-- the instance is, and the blob that has them), anything else is kept aside.
create function put_again(
    p_series_key bigint, p_old bigint, p_same_bytes boolean, p_sop_instance_uid text,
    p_sop_class_uid text, p_study_instance_uid text, p_series_instance_uid text,
    p_transfer_syntax_uid text, p_calling_ae_title text, p_blob bigint, p_size_bytes bigint,
    p_digest bytea, p_flags integer, p_patient_attributes jsonb, p_study_attributes jsonb,
    p_series_attributes jsonb, p_attributes jsonb
) returns text language plpgsql as $$
declare
    v_study_key bigint;
    v_same_place boolean;
    v_old bigint;
begin
    if p_series_key is null then
        v_same_place := p_study_instance_uid is null or p_series_instance_uid is null;
    else
        select t.study_key, s.series_instance_uid is not distinct from p_series_instance_uid
               and t.study_instance_uid is not distinct from p_study_instance_uid
        into v_study_key, v_same_place
        from isthmus.series s join isthmus.study t using (study_key)
        where s.series_key = p_series_key;
        if not found then
            raise exception 'it is being replaced' using errcode = 'serialization_failure';
        end if;
    end if;
    if v_same_place and p_same_bytes then
        return case when isthmus.is_rejected(p_sop_instance_uid) then 'rejected '
            else 'duplicate ' end || p_old;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(p_sop_instance_uid, 1));
    perform from isthmus.instance i where i.sop_instance_uid = p_sop_instance_uid and i.blob = p_old;
    if not found then
        raise exception 'it was replaced' using errcode = 'serialization_failure';
    end if;
    select c.blob into v_old
    from isthmus.conflict c
    where c.sop_instance_uid = p_sop_instance_uid and c.digest = p_digest
      and c.size_bytes = p_size_bytes and c.blob <> p_blob
      and c.study_instance_uid is not distinct from p_study_instance_uid
      and c.series_instance_uid is not distinct from p_series_instance_uid;
    if found then
        return 'duplicate ' || v_old;
    end if;
    insert into isthmus.conflict (sop_instance_uid, study_instance_uid, series_instance_uid,
        sop_class_uid, transfer_syntax_uid, calling_ae_title, blob, size_bytes, digest, received_at,
        flags, reason, patient_attributes, study_attributes, series_attributes, attributes)
    values (p_sop_instance_uid, p_study_instance_uid, p_series_instance_uid, p_sop_class_uid,
        p_transfer_syntax_uid, p_calling_ae_title, p_blob, p_size_bytes, p_digest,
        isthmus.received_at(p_blob), p_flags,
        case when v_same_place then 'other bytes' else 'other study or series' end,
        p_patient_attributes, p_study_attributes, p_series_attributes, p_attributes)
    on conflict (blob) do nothing; -- it may be settled by now
    if found then
        update isthmus.study set has_conflict = true
        where study_key = v_study_key and not has_conflict;
    end if;
    return 'conflict';
end $$;

-- The file @p_old of an instance or of a conflict is gone or damaged, and @p_blob has the same data
-- set. False: the row names another file by now.
create function replace_blob(p_sop_instance_uid text, p_old bigint, p_blob bigint,
                             p_transfer_syntax_uid text) returns boolean language plpgsql as $$
declare
    v_series_key bigint;
begin
    update isthmus.instance
    set blob = p_blob, transfer_syntax_uid = p_transfer_syntax_uid, available = true
    where sop_instance_uid = p_sop_instance_uid and blob = p_old
    returning series_key into v_series_key;
    if found then
        perform isthmus.mark(study_key) from isthmus.series where series_key = v_series_key;
        return true;
    end if;
    update isthmus.conflict set blob = p_blob, transfer_syntax_uid = p_transfer_syntax_uid
    where sop_instance_uid = p_sop_instance_uid and blob = p_old;
    return found;
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

-- What tells one patient from another, as one instance has it: only what is known. The issuer is a
-- local name, an id that is unique everywhere, or both. Not in SQL: that would be planned at each
-- call.
create function patient_identity(p_patient_id text, p_name_folded text, p_birth_date date,
                                 p_attributes jsonb) returns jsonb language plpgsql immutable as $$
begin
    return jsonb_strip_nulls(jsonb_build_object(
        'id', p_patient_id, 'name', p_name_folded, 'birth', p_birth_date,
        'issuer', case when p_patient_id is not null then
            nullif(left(p_attributes #>> '{00100021,Value,0}', 256), '') end,
        'universal', case when p_patient_id is not null then
            nullif(left(p_attributes #>> '{00100024,Value,0,00400032,Value,0}', 256), '') end));
end $$;

-- Are these two patients? What one of them does not say agrees with everything. With one ID the
-- name may change, or the birth date be corrected, but not both.
create function patients_differ(a jsonb, b jsonb) returns boolean language sql immutable
    return case
        when (a ? 'id') <> (b ? 'id') then false
        when not (a ? 'id') then coalesce(a ->> 'name' <> b ->> 'name', false)
            or coalesce(a ->> 'birth' <> b ->> 'birth', false)
        else a ->> 'id' <> b ->> 'id'
            or coalesce(a ->> 'issuer' <> b ->> 'issuer', false)
            or coalesce(a ->> 'universal' <> b ->> 'universal', false)
            or coalesce(a ->> 'name' <> b ->> 'name' and a ->> 'birth' <> b ->> 'birth', false)
        end;

-- An instance whose patient module is not that of the first one comes to a study, which the
-- caller has locked. Each is compared with all that came before, so that the order of arrival does
-- not matter. The study moves to another patient row while that is only more precisely the same
-- one: from a stranger to one with an ID, from an unknown issuer to a known one.
create function reconcile_patient(
    p_study_key bigint, p_identities jsonb, p_differs boolean, p_patient_key bigint,
    p_study_instance_uid text, p_issuer_of_patient_id text, p_patient_id text,
    p_patient_name text, p_patient_name_folded text, p_patient_birth_date date,
    p_patient_sex text, p_patient_attributes jsonb
) returns boolean language plpgsql as $$
declare
    v_identity jsonb := isthmus.patient_identity(p_patient_id, p_patient_name_folded,
                                                 p_patient_birth_date, p_patient_attributes);
    v_differs boolean;
    v_is_stray boolean;
    v_issuer text := p_issuer_of_patient_id;
    v_patient_key bigint := p_patient_key;
begin
    if exists (select from jsonb_array_elements(p_identities) e where e = v_identity) then
        return false;
    end if;
    -- Nobody is written in more than 64 ways.
    v_differs := p_differs or jsonb_array_length(p_identities) >= 64
        or exists (select from jsonb_array_elements(p_identities) e
                   where isthmus.patients_differ(e, v_identity));
    select stray_study_uid <> '' into strict v_is_stray
    from isthmus.patient where patient_key = p_patient_key;
    if p_patient_id is not null and (v_is_stray or not v_differs) then
        if not v_differs then
            select coalesce(max(e ->> 'issuer'), max(e ->> 'universal')) into v_issuer
            from jsonb_array_elements(p_identities || jsonb_build_array(v_identity)) e;
        end if;
        v_patient_key := isthmus.put_patient(p_study_instance_uid, v_issuer, p_patient_id,
            p_patient_name, p_patient_name_folded, p_patient_birth_date, p_patient_sex,
            p_patient_attributes);
    end if;
    if jsonb_array_length(p_identities) < 64 then
        p_identities := p_identities || jsonb_build_array(v_identity);
    end if;
    update isthmus.study
    set patient_key = case when corrected_patient is null then v_patient_key else patient_key end,
        patient_differs = v_differs, patient_identities = p_identities
    where study_key = p_study_key
      and (patient_identities <> p_identities or not patient_differs
           or patient_key <> v_patient_key);
    return found;
end $$;

-- Make target @p_name known or change its delays. The lock waits for the stores that are under way,
-- which do not know it, and later ones see it; so fill_target(), in a transaction of its own, finds
-- every study that nobody marked for it.
create function register_target(p_name text, p_description text, p_quiet_period interval,
                                p_longest_delay interval) returns target language plpgsql as $$
declare
    t isthmus.target;
begin
    update isthmus.target set description = p_description, quiet_period = p_quiet_period,
        longest_delay = p_longest_delay
    where name = p_name returning * into t;
    if found then
        return t;
    end if;
    lock table isthmus.outbox in share row exclusive mode;
    insert into isthmus.target as o (name, description, quiet_period, longest_delay)
    values (p_name, p_description, p_quiet_period, p_longest_delay)
    on conflict (name) do update set description = excluded.description,
        quiet_period = excluded.quiet_period, longest_delay = excluded.longest_delay
    returning * into t;
    return t;
end $$;

create function fill_target(p_target_key integer) returns void language plpgsql as $$
begin
    perform from isthmus.target where target_key = p_target_key for update;
    insert into isthmus.outbox (target_key, study_key, due_at)
    select p_target_key, study_key, now() from isthmus.study order by study_key
    on conflict (target_key, study_key) do nothing;
    update isthmus.target set filled = true where target_key = p_target_key;
end $$;

-- The settings with which Bundles for the target are made from now on. Others than those that made
-- what it has: every study is sent to it again, also what it refused. Whether that is so.
create function configure_target(p_target_key integer, p_fingerprint text) returns boolean
    language plpgsql as $$
declare
    v_before text;
begin
    select fingerprint into v_before from isthmus.target
    where target_key = p_target_key for update;
    if v_before = p_fingerprint then
        return false;
    end if;
    update isthmus.target set fingerprint = p_fingerprint where target_key = p_target_key;
    if v_before is null then
        return false;
    end if;
    insert into isthmus.outbox as o (target_key, study_key, due_at)
    select p_target_key, study_key, now() from isthmus.study order by study_key
    on conflict (target_key, study_key) do update set generation = o.generation + 1,
        due_at = excluded.due_at, attempts = 0, parked_at = null;
    return true;
end $$;

-- Forget a target; no store that is under way can mark for it any more. False: not known.
create function forget_target(p_name text) returns boolean language plpgsql as $$
begin
    lock table isthmus.outbox in share row exclusive mode;
    delete from isthmus.target where name = p_name;
    return found;
end $$;

-- The key of the advisory lock that a publisher holds while it works on a study.
create function claim_key(p_target_key integer, p_study_key bigint) returns bigint
    language sql immutable
    return (p_target_key::bigint << 44) | p_study_key;

-- The keys of those that this session holds: they go with its connection.
create function held_keys() returns bigint[] language sql volatile
    return (select coalesce(array_agg(classid::bigint << 32 | objid::bigint), '{}') from pg_locks
            where locktype = 'advisory' and pid = pg_backend_pid() and objsubid = 1);

-- Claim the study of the target that has been due longest and that nobody, this session included,
-- is working on. Without one, study_key is null and wait_ms says when to ask again: at the next
-- due time, but not later than a change that comes in now can be due.
create function claim(p_target_key integer, out study_key bigint, out generation bigint,
                      out attempts integer, out digest text, out form text, out wait_ms integer)
    language plpgsql as $$
declare
    t isthmus.target;
    c record;
    v_mine bigint[];
    v_busy boolean := false;
    v_next timestamptz;
begin
    select * into strict t from isthmus.target where target_key = p_target_key;
    if t.paused_until > now() then
        v_next := t.paused_until;
    else
        v_mine := isthmus.held_keys();
        for c in select o.study_key, isthmus.claim_key(p_target_key, o.study_key) as lock_key
                 from isthmus.outbox o
                 where o.target_key = p_target_key and o.parked_at is null and o.due_at <= now()
                 order by o.due_at
        loop
            continue when c.lock_key = any (v_mine);
            v_busy := true;
            continue when not pg_try_advisory_lock(c.lock_key);
            -- Another publisher may have settled it since this statement began to look.
            select o.study_key, o.generation + coalesce(n.changes, 0), o.attempts,
                   coalesce(p.digest, ''), coalesce(p.form, '')
            into study_key, generation, attempts, digest, form
            from isthmus.outbox o left join isthmus.study_count n on n.study_key = o.study_key
            left join isthmus.published p
                on p.target_key = o.target_key and p.study_key = o.study_key
            where o.target_key = p_target_key and o.study_key = c.study_key
              and o.parked_at is null and o.due_at <= now();
            if found then
                wait_ms := 0;
                return;
            end if;
            perform pg_advisory_unlock(c.lock_key);
        end loop;
        select min(o.due_at) into v_next from isthmus.outbox o
        where o.target_key = p_target_key and o.parked_at is null and o.due_at > now();
    end if;
    wait_ms := 1000 * extract(epoch from least(
        v_next - now(), greatest(t.quiet_period, interval '1 second'),
        case when v_busy then interval '1 second' else interval '1 minute' end));
    wait_ms := greatest(wait_ms, 10);
end $$;

-- The target works again. A study that was postponed behind the pause is no later than after a
-- change.
create function end_pause(p_target_key integer) returns void language plpgsql as $$
declare
    v_due timestamptz;
begin
    update isthmus.target set paused_until = null, paused_why = null
    where target_key = p_target_key and paused_until is not null
    returning isthmus.due(now(), quiet_period, longest_delay) into v_due;
    update isthmus.outbox set due_at = v_due
    where target_key = p_target_key and parked_at is null and due_at > v_due and attempts = 0;
end $$;

-- Whether this session still holds the claim. A generation does not tell: a row that is made anew
-- begins at the first.
create function is_mine(p_target_key integer, p_study_key bigint) returns boolean
    language sql volatile
    return isthmus.claim_key(p_target_key, p_study_key) = any (isthmus.held_keys());

-- Resources that a target may have, and those that it is sent.
create function own_with(p_before text, p_own text) returns text language sql immutable
    return case when right(' ' || p_before, length(p_own) + 1) = ' ' || p_own then p_before
                else btrim(p_before || ' ' || p_own) end;

-- The target is sent another state of a study that it has, with our resources p_own: until that is
-- settled, nobody knows which state it has, and it may have any of the resources returned.
create function begin_sending(p_target_key integer, p_study_key bigint, p_own text) returns text
    language sql as $$
    update isthmus.published set digest = '', own = isthmus.own_with(own, p_own)
    where target_key = p_target_key and study_key = p_study_key
    returning own
$$;

-- The generation that the outbox has of a study when nothing came since claim() gave @p_generation.
-- Its tallies stay locked to COMMIT: who was storing has counted before this looks at their changes,
-- and who waits, or makes another one, will mark.
create function generation_of(p_study_key bigint, p_generation bigint) returns bigint
    language plpgsql as $$
declare
    v_changes bigint;
begin
    perform from isthmus.tally where study_key = p_study_key
    order by series_key, lane for no key update; -- in one order, as two may do it at once
    with all_of_it as (
        update isthmus.tally set marked_until = null where study_key = p_study_key
        returning changes)
    select coalesce(sum(changes), 0) into v_changes from all_of_it;
    return p_generation - v_changes;
end $$;

-- The target accepted the study as it was at @p_generation. Changed since, the row stays and the
-- quiet period begins again. Our claim lost, another publisher may have sent it too, before us or
-- after: so it is sent again, also when that one settles it yet.
create function settle(p_target_key integer, p_study_key bigint, p_generation bigint,
                       p_digest text, p_form text, p_own text) returns void language plpgsql as $$
declare
    v_mine boolean := isthmus.is_mine(p_target_key, p_study_key);
    v_generation bigint := isthmus.generation_of(p_study_key, p_generation);
    v_settled boolean;
begin
    delete from isthmus.outbox where target_key = p_target_key and study_key = p_study_key
        and generation = v_generation and v_mine;
    v_settled := found;
    insert into isthmus.published as p (target_key, study_key, digest, form, own)
    values (p_target_key, p_study_key, case when v_settled then p_digest else '' end, p_form, p_own)
    on conflict (target_key, study_key) do update set digest = excluded.digest,
        form = excluded.form, published_at = now(), own = case when v_settled then excluded.own
            else isthmus.own_with(p.own, excluded.own) end;
    if v_settled then
        return;
    end if;
    update isthmus.outbox o set attempts = 0, last_failure = null, first_change_at = now(),
        generation = o.generation + (not v_mine)::integer,
        due_at = isthmus.due(now(), t.quiet_period, t.longest_delay)
    from isthmus.target t
    where t.target_key = o.target_key and o.target_key = p_target_key
      and o.study_key = p_study_key;
    if not found then
        insert into isthmus.outbox (target_key, study_key, due_at)
        select target_key, p_study_key, isthmus.due(now(), quiet_period, longest_delay)
        from isthmus.target where target_key = p_target_key
        on conflict (target_key, study_key) do nothing;
    end if;
end $$;

-- The target refused the study for good as it was at @p_generation: parked with its words. Changed
-- since, it gets another chance. Our claim lost, that is for another publisher to say.
create function park(p_target_key integer, p_study_key bigint, p_generation bigint,
                     p_why text) returns void language plpgsql as $$
declare
    v_generation bigint := isthmus.generation_of(p_study_key, p_generation);
begin
    update isthmus.outbox o set last_failure = p_why,
        attempts = case when o.generation = v_generation then o.attempts + 1 else 0 end,
        parked_at = case when o.generation = v_generation then now() end,
        due_at = case when o.generation = v_generation then o.due_at
                      else isthmus.due(now(), t.quiet_period, t.longest_delay) end
    from isthmus.target t
    where t.target_key = o.target_key and o.target_key = p_target_key
      and o.study_key = p_study_key and isthmus.is_mine(p_target_key, p_study_key);
end $$;

grant select, insert, update on patient, study, series, tally, instance, conflict, outbox
    to isthmus_scp;
grant select on schema_version, target, published, study_count, series_count to isthmus_scp;
grant select on schema_version, patient, study, series, tally, study_count, series_count,
    instance, conflict to isthmus_fhir;
grant update (marked_until) on tally to isthmus_fhir;
grant select, insert, update, delete on target, outbox, published to isthmus_fhir;
