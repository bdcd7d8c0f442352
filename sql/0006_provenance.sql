-- Where an instance came from: references between instances.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

-- Instance @instance_key says that it refers to @sop_instance_uid, which may be here, come later,
-- come never, or be itself. Frames are text such as "1-3,7"; null: all.
create table reference (
    instance_key bigint not null references instance on delete cascade,
    sop_instance_uid text collate "C" not null,
    kind text not null check (kind in ('conversion', 'source', 'derivation', 'image', 'instance',
                                       'predecessor', 'evidence')),
    purpose text,       -- "121320 DCM": Purpose of Reference Code Sequence (0040,A170)
    frames text,        -- of the one that refers
    other_frames text   -- of the one that is referred to: Referenced Frame Number (0008,1160)
);
create index reference_from on reference (instance_key);
create index reference_to on reference (sop_instance_uid);

-- The references of a new instance, as store/references.h writes them:
-- [[kind, SOP class UID, SOP instance UID, purpose, frames, frames of the other one], ...]
create function put_references(p_instance_key bigint, p_references jsonb) returns void
    language sql as $$
    insert into isthmus.reference (instance_key, sop_instance_uid, kind, purpose, frames,
                                   other_frames)
    select p_instance_key, r ->> 2, r ->> 0, r ->> 3, r ->> 4, r ->> 5
    from jsonb_array_elements(p_references) r
$$;

grant select, insert on reference to isthmus_scp;
grant select on reference to isthmus_fhir;
