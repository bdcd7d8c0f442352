-- Orders and scheduled procedure steps for the Modality Worklist (PS3.4 Annex K).
-- Lock order: worklist rows come last, after outbox, since storing an instance may set the status
-- of a step. Who writes an order touches no study in that transaction: it sets match_due, and
-- whoever finds that in a transaction of his own locks the study first, then the order.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

-- One requested procedure with its imaging service request and patient.
create table worklist_order (
    order_key bigint generated always as identity primary key,
    source text not null, -- 'fhir', 'file', 'dicom', 'sql'
    source_url text, -- FHIR base URL without slash at the end; null: no server has it
    source_reference text, -- 'ServiceRequest/123'
    source_version text,
    source_updated_at timestamptz,
    patient_reference text, -- 'Patient/9'
    encounter_reference text,
    placer_order_number text,
    placer_issuer text,
    filler_order_number text,
    filler_issuer text,
    accession_number text collate "C" not null,
    accession_issuer text not null default '',
    requested_procedure_id text collate "C" not null,
    study_instance_uid text not null unique,
    issuer_of_patient_id text not null default '',
    patient_id text collate "C" not null,
    patient_name text,
    patient_name_folded text,
    -- as in patient
    patient_name_alphabetic text
        generated always as (nullif(split_part(patient_name_folded, '=', 1), '') || '^') stored,
    patient_name_ideographic text
        generated always as (nullif(split_part(patient_name_folded, '=', 2), '') || '^') stored,
    patient_name_phonetic text
        generated always as (nullif(split_part(patient_name_folded, '=', 3), '') || '^') stored,
    patient_birth_date date,
    patient_sex text,
    status text not null default 'active' -- FHIR request-status
        check (status in ('draft', 'active', 'on-hold', 'revoked', 'completed',
                          'entered-in-error', 'unknown')),
    match_due boolean not null default true, -- studies that were there before are to be looked for
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    -- DICOM JSON (PS3.18 F, UTF-8): patient, visit, imaging service request, requested procedure
    attributes jsonb not null,
    unique (accession_number, accession_issuer, requested_procedure_id),
    unique (source_reference, source_url)
);
create index worklist_order_placer on worklist_order (placer_order_number)
    where placer_order_number is not null;
create index worklist_order_filler on worklist_order (filler_order_number)
    where filler_order_number is not null;
create index worklist_order_requested_procedure_id on worklist_order (requested_procedure_id);
create index worklist_order_patient_id on worklist_order (patient_id);
create index worklist_order_patient_name_alphabetic
    on worklist_order (patient_name_alphabetic text_pattern_ops);
create index worklist_order_patient_name_ideographic
    on worklist_order (patient_name_ideographic text_pattern_ops)
    where patient_name_ideographic is not null;
create index worklist_order_patient_name_phonetic
    on worklist_order (patient_name_phonetic text_pattern_ops)
    where patient_name_phonetic is not null;
create index worklist_order_match_due on worklist_order (order_key) where match_due;

create table worklist_step (
    step_key bigint generated always as identity primary key,
    order_key bigint not null references worklist_order on delete cascade,
    scheduled_procedure_step_id text collate "C" not null,
    modality text,
    scheduled_station_ae_titles text[] not null default '{}',
    scheduled_station_names text[] not null default '{}',
    scheduled_location text,
    start_date date,
    start_time time,
    end_date date,
    end_time time,
    performing_physician_name text,
    performing_physician_name_folded text,
    status text not null default 'SCHEDULED' -- (0040,0020)
        check (status in ('SCHEDULED', 'ARRIVED', 'READY', 'STARTED', 'DEPARTED', 'COMPLETED',
                          'CANCELED', 'DISCONTINUED')),
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    attributes jsonb not null, -- DICOM JSON: the item of (0040,0100)
    unique (order_key, scheduled_procedure_step_id)
);
create index worklist_step_start on worklist_step (start_date, start_time);

-- The last accession number that was generated for each prefix. The row is locked until COMMIT and
-- a transaction that fails gives its numbers back: there are no gaps.
create table worklist_number (
    prefix text primary key,
    last_number bigint not null
);

-- Where orders are fetched from, and how far: what the server changed since last_updated is asked
-- for next time.
create table worklist_source (
    source_url text primary key,
    last_updated timestamptz,
    looked_at timestamptz,
    failures integer not null default 0,
    last_failure text
);

grant select on worklist_order, worklist_step to isthmus_scp;
grant update (status, changed_at) on worklist_step to isthmus_scp;
grant update (match_due) on worklist_order to isthmus_scp;
grant select, insert, update on worklist_order, worklist_number, worklist_source to isthmus_fhir;
grant select, insert, update, delete on worklist_step to isthmus_fhir;
