-- What an instance is worth: SOP Instance Status, rejection, availability.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

-- Who rejects which instance, also one that is not here yet: each Key Object Selection with a title
-- of rejection (IHE RAD TF-3 4.66) and each instance that it names.
--
-- instance.rejected has the bit of each title under which the instance is rejected, and, shifted by
-- 4, that of its own title if it is such a note. A note that is named by another one is revoked: it
-- rejects nothing any more, whatever becomes of the other.
--
-- Who changes or adds rows here takes the advisory lock (5, 0) before any other lock, who stores an
-- instance shares it: so either sees the other, and a note never waits in a circle.
create table rejection (
    sop_instance_uid text collate "C" not null,
    note_uid text collate "C" not null,
    title integer not null, -- 1 quality, 2 patient safety, 4 worklist entry, 8 retention expired
    revoked boolean not null default false, -- the note is
    lifted boolean not null default false, -- of this instance alone: it was sent again
    primary key (sop_instance_uid, note_uid)
);
create index on rejection (note_uid);

-- What a status may have to be compared with (status_flag).
create index instance_status on instance (sop_instance_status) where sop_instance_status <> 'NS';

-- The title of a note of rejection, 0 of everything else.
create function note_title(p_sop_class_uid text, p_attributes jsonb) returns integer
    language sql immutable
    return case
        when p_sop_class_uid <> '1.2.840.10008.5.1.4.1.1.88.59' then 0
        when p_attributes #>> '{0040A043,Value,0,00080102,Value,0}' is distinct from 'DCM' then 0
        else case p_attributes #>> '{0040A043,Value,0,00080100,Value,0}'
            when '113001' then 1 when '113037' then 2 when '113038' then 4 when '113039' then 8
            else 0 end
        end;

create function is_rejected(p_sop_instance_uid text) returns boolean language sql stable
    return (select rejected & 15 <> 0 from isthmus.instance
            where sop_instance_uid = p_sop_instance_uid);

-- Let instance.rejected of @p_uids be what the notes say by now. Counters follow, and the studies
-- are due again.
create function apply_rejections(p_uids text[]) returns void language plpgsql as $$
declare
    v_study_key bigint;
begin
    perform from isthmus.study where study_key in (
        select s.study_key from isthmus.instance i join isthmus.series s using (series_key)
        where i.sop_instance_uid = any (p_uids)) order by study_key for update;
    for v_study_key in
        with new as (
            select i.instance_key, i.rejected as old, (i.rejected & ~15) | coalesce((
                select bit_or(r.title) from isthmus.rejection r
                where r.sop_instance_uid = i.sop_instance_uid and not r.lifted
                  and (i.rejected > 15 or not r.revoked)), 0) as rejected
            from isthmus.instance i where i.sop_instance_uid = any (p_uids)),
        changed as (
            update isthmus.instance i set rejected = new.rejected from new
            where i.instance_key = new.instance_key and new.rejected <> new.old
            returning i.series_key, (new.rejected <> 0)::integer - (new.old <> 0)::integer as more),
        in_series as (
            update isthmus.series s set rejected_instances = s.rejected_instances + c.more
            from (select series_key, sum(more)::integer as more from changed group by 1) c
            where s.series_key = c.series_key returning s.study_key, c.more)
        update isthmus.study t set rejected_instances = t.rejected_instances + c.more
        from (select study_key, sum(more)::integer as more from in_series group by 1) c
        where t.study_key = c.study_key returning t.study_key
    loop
        perform isthmus.mark(v_study_key);
    end loop;
end $$;

-- A note was stored, revoked already or not. Notes that it names are revoked, and what they
-- rejected is so no more; the other instances that it names are rejected.
create function put_note(p_note_uid text, p_rejected integer, p_references jsonb) returns void
    language plpgsql as $$
declare
    v_named text[];
    v_freed text[];
begin
    insert into isthmus.rejection (sop_instance_uid, note_uid, title, revoked)
    select distinct e ->> 2, p_note_uid, p_rejected >> 4, p_rejected & 15 <> 0
    from jsonb_array_elements(p_references) e
    where e ->> 0 = 'evidence' and e ->> 2 <> p_note_uid
    on conflict do nothing;
    select array_agg(sop_instance_uid) into v_named
    from isthmus.rejection where note_uid = p_note_uid;
    with freed as (
        update isthmus.rejection r set revoked = true
        from isthmus.instance n
        where n.sop_instance_uid = any (v_named) and n.rejected > 15
          and r.note_uid = n.sop_instance_uid and not r.revoked
        returning r.sop_instance_uid)
    select array_agg(distinct sop_instance_uid) into v_freed from freed;
    perform isthmus.apply_rejections(v_named || v_freed);
end $$;

-- Instance @p_uid, perhaps a note, is no more what it was: nothing is rejected or revoked by it.
create function forget_note(p_uid text) returns void language plpgsql as $$
declare
    v_named text[];
    v_back text[];
begin
    with gone as (delete from isthmus.rejection where note_uid = p_uid returning sop_instance_uid)
    select array_agg(sop_instance_uid) into v_named from gone;
    if v_named is null then
        return;
    end if;
    with back as (
        update isthmus.rejection r set revoked = false
        where r.note_uid = any (v_named) and not exists (
            select from isthmus.rejection o where o.sop_instance_uid = r.note_uid)
        returning r.sop_instance_uid)
    select array_agg(sop_instance_uid) into v_back from back;
    perform isthmus.apply_rejections(v_named || v_back);
end $$;

-- What put_instance() leaves to be done for an instance that is not like most: it is authorized,
-- rejected, or a note of rejection.
create function put_worth(p_study_key bigint, p_series_key bigint, p_sop_instance_uid text,
                          p_sop_instance_status text, p_rejected integer, p_references jsonb)
    returns void language plpgsql as $$
declare
    v_rejected integer := (p_rejected <> 0)::integer;
    v_authorized integer := coalesce((p_sop_instance_status in ('AO', 'AC'))::integer, 0);
begin
    update isthmus.study set rejected_instances = rejected_instances + v_rejected,
        authorized_instances = authorized_instances + v_authorized
    where study_key = p_study_key;
    update isthmus.series set rejected_instances = rejected_instances + v_rejected,
        authorized_instances = authorized_instances + v_authorized
    where series_key = p_series_key;
    if p_rejected > 15 then
        perform isthmus.put_note(p_sop_instance_uid, p_rejected, p_references);
    end if;
end $$;

-- An instance that is rejected came again with the same bytes: it is as if it had not been named,
-- if all notes in effect have titles of @p_titles. False: it stays rejected.
create function restore_instance(p_sop_instance_uid text, p_titles integer) returns boolean
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(5, 0);
    update isthmus.rejection r set lifted = true
    from isthmus.instance i
    where r.sop_instance_uid = p_sop_instance_uid and i.sop_instance_uid = p_sop_instance_uid
      and i.rejected between 1 and 15 and i.rejected & ~p_titles = 0 and not r.revoked;
    if not found then
        return false;
    end if;
    perform isthmus.apply_rejections(array[p_sop_instance_uid]);
    return true;
end $$;

-- The file @p_blob of an instance was looked at: it is there as it was stored, or is not. True:
-- that is news.
create function set_available(p_instance_key bigint, p_blob bigint, p_available boolean)
    returns boolean language plpgsql as $$
declare
    v_series_key bigint;
begin
    update isthmus.instance set available = p_available
    where instance_key = p_instance_key and blob = p_blob and available <> p_available
    returning series_key into v_series_key;
    if not found then
        return false;
    end if;
    perform isthmus.mark(study_key) from isthmus.series where series_key = v_series_key;
    return true;
end $$;

-- What tells the content of an instance from that of others of its study: all attributes of the
-- instance that a change of SOP Instance Status or another copy leaves alone. Null: too few are
-- known.
create function content_of(p_sop_class_uid text, p_attributes jsonb) returns text
    language sql immutable
    return case when p_attributes ? '00200013' and p_attributes ?| '{00080033,00080032,0008002A}'
        then p_sop_class_uid || ' ' || (p_attributes
            - '{00080005,00080012,00080013,00080014,01000410,01000420,01000424,01000426}'::text[])
        end;

grant select, insert, update on rejection to isthmus_scp;
grant select on rejection to isthmus_fhir;
