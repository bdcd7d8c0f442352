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

-- Some instance of the study says that it was converted from others; so publishing looks for
-- sources in few studies only.
alter table study add column has_conversion boolean not null default false;

-- Whether a reference names what its instance was converted from: said so, or by purpose an
-- uncompressed or lossy compressed predecessor (PS3.16 CID 7202).
create function is_conversion(p_kind text, p_purpose text) returns boolean language sql immutable
    return p_kind = 'conversion'
        or p_kind = 'source' and coalesce(p_purpose in ('121320 DCM', '121330 DCM'), false);

-- The references of a new instance of a study (null: of none), which the caller has locked, as
-- store/references.h writes them:
-- [[kind, SOP class UID, SOP instance UID, purpose, frames, frames of the other one], ...]
create function put_references(p_instance_key bigint, p_study_key bigint, p_references jsonb)
    returns void language plpgsql as $$
begin
    insert into isthmus.reference (instance_key, sop_instance_uid, kind, purpose, frames,
                                   other_frames)
    select p_instance_key, r ->> 2, r ->> 0, r ->> 3, r ->> 4, r ->> 5
    from jsonb_array_elements(p_references) r;
    update isthmus.study set has_conversion = true
    where study_key = p_study_key and not has_conversion
      and exists (select from jsonb_array_elements(p_references) r
                  where isthmus.is_conversion(r ->> 0, r ->> 3));
end $$;

grant select, insert on reference to isthmus_scp;
grant select on reference to isthmus_fhir;
