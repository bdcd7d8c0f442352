-- How a stored study finds its order, and what people say about it.
-- Who stores an instance locks the study, then lock_orders() in shared mode, order_match, outbox.
-- Who writes an order only puts it into worklist_due; match_due_orders() looks for the studies in a
-- transaction of its own, which holds lock_orders() alone: no image that is being stored can
-- overlook the order and be overlooked itself. It locks no study. Steps are last, and only those
-- that nobody else holds.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;

create index worklist_step_started on worklist_step (order_key) where status = 'STARTED';

alter table study
    -- What a person set right; null: nothing. Files and instance rows stay as they are.
    add column corrected_patient jsonb,  -- stands for the patient documents of all instances
    add column corrected_identity jsonb, -- see patient_identity()
    add column corrected_study jsonb,    -- attributes laid over the study documents
    -- attributes without corrected_study, for the instances that refer to them by being null
    add column attributes_as_stored jsonb;

-- The requests that the images of a study name (mapping 1.5), each once, and the one that a person
-- named instead.
create table study_request (
    study_key bigint not null references study on delete cascade,
    by_person boolean not null default false,
    accession_number text collate "C" not null default '',
    accession_issuer text not null default '',
    requested_procedure_id text collate "C" not null default '',
    scheduled_procedure_step_id text not null default '',
    settled boolean not null default false, -- a person decided in the knowledge of it
    primary key (study_key, by_person, accession_number, accession_issuer, requested_procedure_id,
                 scheduled_procedure_step_id)
);
create index study_request_accession_number on study_request (accession_number)
    where accession_number <> '';

-- One row a study.
create table order_match (
    study_key bigint primary key references study on delete cascade,
    order_state text not null default 'no accession number'
        check (order_state in ('matched', 'no accession number', 'unknown accession number',
                               'patient differs', 'several accession numbers')),
    open boolean not null default true, -- waits for a person
    strange_accession_numbers text[] not null default '{}', -- only of other patients' orders
    -- What a person said; null: nothing.
    accepted_state text,        -- this state needs no person any more
    chosen_orders bigint[],     -- these and no others, whatever matches
    settled_identities jsonb    -- of the patient, as they were known at the last decision
);
create index order_match_open on order_match (study_key) where open;

-- The orders that a study may belong to. No foreign key: storing an image must not wait for who
-- writes an order.
create table study_order (
    study_key bigint not null references study on delete cascade,
    order_key bigint not null,
    linked boolean not null, -- it does
    agrees boolean not null, -- the patient is the same
    primary key (study_key, order_key)
);
create index study_order_order_key on study_order (order_key);

-- Who decided what, when and why. Rows are only added.
create table reconciliation (
    reconciliation_key bigint generated always as identity primary key,
    study_key bigint references study on delete set null,
    study_instance_uid text collate "C" not null,
    decided_at timestamptz not null default now(),
    who text not null,
    action text not null check (action in ('accept', 'link', 'unlink', 'correct')),
    why text,
    old_values jsonb not null, -- see reconcile_values()
    new_values jsonb not null
);
create index reconciliation_study_key on reconciliation (study_key);

-- Held to COMMIT: many may match studies at once, or one may look for the studies of orders.
create function lock_orders(p_alone boolean) returns void language plpgsql as $$
begin
    if p_alone then
        perform pg_advisory_xact_lock(20306, 1);
    else
        perform pg_advisory_xact_lock_shared(20306, 1);
    end if;
end $$;

-- Text at @p_path, for a key: never too long for an index.
create function key_text(p jsonb, p_path text[]) returns text language sql immutable
    return left(coalesce(p #>> p_path, ''), 64);

-- Name of the issuer that the first item of (0008,0051) gives, local before universal.
create function accession_issuer(p jsonb) returns text language sql immutable
    return coalesce(nullif(isthmus.key_text(p, '{00080051,Value,0,00400031,Value,0}'), ''),
                    isthmus.key_text(p, '{00080051,Value,0,00400032,Value,0}'));

-- The requests that one instance names: items of Request Attributes (0040,0275) and Referenced
-- Request (0040,A370), and the top level (mapping 1.5).
create function requests_of(p_study jsonb, p_series jsonb, p_instance jsonb)
    returns table (accession_number text, accession_issuer text, requested_procedure_id text,
                   scheduled_procedure_step_id text) language plpgsql immutable as $$
begin
    if not (p_series ? '00400275' or p_instance ? '0040A370') then
        accession_number := isthmus.key_text(p_study, '{00080050,Value,0}');
        accession_issuer := isthmus.accession_issuer(p_study);
        requested_procedure_id := isthmus.key_text(p_study, '{00401001,Value,0}');
        scheduled_procedure_step_id := '';
        if accession_number <> '' or requested_procedure_id <> '' then
            return next;
        end if;
        return;
    end if;
    return query
    with item as materialized (
        select e, isthmus.key_text(e, '{00080050,Value,0}') as accession,
               count(*) over () as n
        from (select jsonb_path_query(p_series, '$."00400275"."Value"[*]')
              union all
              select jsonb_path_query(p_instance, '$."0040A370"."Value"[*]')) as both_tags(e)
    ), top as (
        select isthmus.key_text(p_study, '{00080050,Value,0}') as accession,
               isthmus.accession_issuer(p_study) as issuer,
               isthmus.key_text(p_study, '{00401001,Value,0}') as procedure
    )
    select case when item.accession = '' and n = 1 then top.accession else item.accession end,
           coalesce(nullif(isthmus.accession_issuer(e), ''),
                    case when item.accession in ('', top.accession) and n = 1
                         then top.issuer else '' end),
           isthmus.key_text(e, '{00401001,Value,0}'), isthmus.key_text(e, '{00400009,Value,0}')
    from item, top
    union
    select accession, issuer, procedure, '' from top
    where not exists (select from item
                      where item.accession = top.accession or (item.accession = '' and n = 1))
      and (accession <> '' or (procedure <> '' and not exists (select from item)));
end $$;

-- May requests_of() find others by this study document than by that one? With the same series and
-- an instance that refers to none.
create function requests_differ(a jsonb, b jsonb) returns boolean language sql immutable
    return (a -> '00080050') is distinct from (b -> '00080050')
        or (a -> '00080051') is distinct from (b -> '00080051')
        or (a -> '00401001') is distinct from (b -> '00401001');

-- Who the patient of an order is, and whether all of @p_identities may be the same one. Not in SQL:
-- that would be planned at each call.
create function order_identity(o worklist_order) returns jsonb language plpgsql immutable as $$
begin
    return jsonb_strip_nulls(jsonb_build_object('issuer', nullif(o.issuer_of_patient_id, '')))
        || isthmus.patient_identity(nullif(o.patient_id, ''), o.patient_name_folded,
                                    o.patient_birth_date, o.attributes);
end $$;

create function order_agrees(p_identities jsonb, o worklist_order) returns boolean
    language plpgsql immutable as $$
declare
    v_identity jsonb := isthmus.order_identity(o);
begin
    return not exists (select from jsonb_array_elements(p_identities) e
                       where isthmus.patients_differ(e, v_identity));
end $$;

-- The orders that may be meant, by accession number; without any by Study Instance UID, or else by
-- Requested Procedure ID, which is so short that the patient must have the same ID. Of several
-- procedures under one accession number those are meant whose Study Instance UID or Requested
-- Procedure ID the images have, and when there is none of these, all.
create function orders_of_study(p_study_key bigint, p_study_instance_uid text,
                                p_identities jsonb)
    returns table (order_key bigint, accession_number text, agrees boolean, meant boolean)
    language plpgsql stable as $$
begin
    return query
    with r as materialized (
        select * from isthmus.study_request q
        where q.study_key = p_study_key
          and q.by_person = exists (select from isthmus.study_request p
                                    where p.study_key = p_study_key and p.by_person)
    ), named as (
        select o.order_key, isthmus.order_agrees(p_identities, o) as agrees, o.accession_number,
               o.study_instance_uid = p_study_instance_uid
                   or bool_or(r.requested_procedure_id = o.requested_procedure_id) as exact
        from r join isthmus.worklist_order o on o.accession_number = r.accession_number
            and (o.accession_issuer = r.accession_issuer
                 or o.accession_issuer = '' or r.accession_issuer = '')
        where r.accession_number <> '' and o.status <> 'entered-in-error'
        group by o.order_key
    ), by_uid as (
        select o.order_key, isthmus.order_agrees(p_identities, o) as agrees, o.accession_number
        from isthmus.worklist_order o
        where o.study_instance_uid = p_study_instance_uid and o.status <> 'entered-in-error'
          and not exists (select from r where r.accession_number <> '')
    ), by_procedure as (
        select distinct o.order_key, o.accession_number
        from r join isthmus.worklist_order o
            on o.requested_procedure_id = r.requested_procedure_id
        where r.requested_procedure_id <> '' and o.status <> 'entered-in-error'
          and not exists (select from by_uid)
          and not exists (select from r where r.accession_number <> '')
          and isthmus.order_agrees(p_identities, o)
          and exists (select from jsonb_array_elements(p_identities) e
                      where e ->> 'id' = o.patient_id)
    )
    select n.order_key, n.accession_number, n.agrees,
           n.exact or not exists (select from named x where x.exact and x.agrees
                                  and x.accession_number = n.accession_number)
    from named n
    union all select u.order_key, u.accession_number, u.agrees, true from by_uid u
    union all select p.order_key, p.accession_number, true, true from by_procedure p;
end $$;

-- What came after a person had decided and contradicts it: a patient who is none of those known
-- then (that one of them had no ID says nothing about another ID), or another accession number.
create function patient_is_news(p_identities jsonb, p_settled jsonb) returns boolean
    language sql immutable
    return p_settled is not null
        and exists (select from jsonb_array_elements(p_identities) e
                   where not exists (
                       select from jsonb_array_elements(p_settled) x
                       where not isthmus.patients_differ(e, x)
                         and (x ? 'id' or not e ? 'id'
                              or not jsonb_path_exists(p_settled, '$[*].id'))));

create function accession_is_news(p_study_key bigint) returns boolean language sql stable
    return exists (
        select from isthmus.study_request r
        where r.study_key = p_study_key and not r.settled and r.accession_number <> ''
          and not exists (select from isthmus.study_request x
                          where x.study_key = p_study_key and (x.settled or x.by_person)
                            and x.accession_number = r.accession_number)
          and not exists (select from isthmus.study_order so join isthmus.worklist_order o
                              using (order_key)
                          where so.study_key = p_study_key and so.linked
                            and o.accession_number = r.accession_number));

-- All that publishing may show of the match, to see whether it changed.
create function match_shown(p_study_key bigint) returns jsonb language plpgsql stable as $$
begin
    return (select jsonb_build_array(m.order_state, m.open, m.strange_accession_numbers,
                m.chosen_orders, (select jsonb_agg(so.order_key order by so.order_key)
                                  from isthmus.study_order so
                                  where so.study_key = m.study_key and so.linked))
            from isthmus.order_match m where m.study_key = p_study_key);
end $$;

-- Find the orders of a study anew. True: something that is published changed, and the caller marks.
-- Several accession numbers are linked to nothing before a person accepts them.
-- Without sequential scans: plans made while the tables are empty live as long as a connection.
create function match_study(p_study_key bigint) returns boolean language plpgsql
    set enable_seqscan = off as $$
declare
    t isthmus.study;
    m isthmus.order_match;
    v_identities jsonb;
    v_accessions bigint;
    v_differs boolean;
    v_is_news boolean := false;
    v_old jsonb;
begin
    perform isthmus.lock_orders(false);
    select * into m from isthmus.order_match where study_key = p_study_key for update;
    if not found then
        insert into isthmus.order_match (study_key) values (p_study_key) returning * into m;
    end if;
    v_old := isthmus.match_shown(p_study_key);
    select * into strict t from isthmus.study where study_key = p_study_key;
    v_identities := case when t.corrected_identity is null then t.patient_identities
                         else jsonb_build_array(t.corrected_identity) end;
    v_differs := t.patient_differs and t.corrected_identity is null;
    select count(distinct accession_number) into v_accessions from isthmus.study_request r
    where study_key = p_study_key and accession_number <> ''
      and by_person = exists (select from isthmus.study_request p
                              where p.study_key = p_study_key and p.by_person);

    delete from isthmus.study_order where study_key = p_study_key;
    insert into isthmus.study_order (study_key, order_key, linked, agrees)
    select p_study_key, f.order_key,
           case when m.chosen_orders is not null then f.order_key = any (m.chosen_orders)
                else f.agrees and f.meant and not v_differs and (
                    v_accessions < 2
                    or (coalesce(m.accepted_state, '') = 'several accession numbers'
                        and exists (select from isthmus.study_request r
                                    where r.study_key = p_study_key and r.settled
                                      and r.accession_number = f.accession_number))) end,
           f.agrees and not v_differs
    from isthmus.orders_of_study(p_study_key, t.study_instance_uid, v_identities) f;
    if m.chosen_orders <> '{}' then
        insert into isthmus.study_order (study_key, order_key, linked, agrees)
        select p_study_key, o.order_key, true, isthmus.order_agrees(v_identities, o)
        from isthmus.worklist_order o where o.order_key = any (m.chosen_orders)
        on conflict (study_key, order_key) do nothing;
    end if;

    m.strange_accession_numbers := array(
        select o.accession_number
        from isthmus.study_order so join isthmus.worklist_order o using (order_key)
        where so.study_key = p_study_key group by o.accession_number
        having not bool_or(so.agrees or so.linked) order by o.accession_number);
    if m.settled_identities is not null then
        v_differs := v_differs or isthmus.patient_is_news(t.patient_identities, m.settled_identities);
        v_is_news := isthmus.patient_is_news(t.patient_identities, m.settled_identities)
            or isthmus.accession_is_news(p_study_key);
    end if;
    m.order_state := case
        when v_differs then 'patient differs'
        when v_is_news then 'several accession numbers'
        when m.chosen_orders <> '{}' then 'matched'
        when v_accessions > 1 then 'several accession numbers'
        when exists (select from isthmus.study_order
                     where study_key = p_study_key and linked) then 'matched'
        when exists (select from isthmus.study_order
                     where study_key = p_study_key and not agrees) then 'patient differs'
        when v_accessions > 0 then 'unknown accession number'
        else 'no accession number' end;
    m.open := v_is_news
        or (m.order_state <> 'matched' and m.order_state is distinct from m.accepted_state);
    update isthmus.order_match set order_state = m.order_state, open = m.open,
        strange_accession_numbers = m.strange_accession_numbers
    where study_key = p_study_key;
    if exists (select from isthmus.study_order where study_key = p_study_key and linked) then
        perform isthmus.start_steps(p_study_key);
    end if;
    return isthmus.match_shown(p_study_key) is distinct from v_old;
end $$;

-- The usual new study: nobody has decided anything about it and no order can be meant, so there is
-- nothing to find. False: match_study() is to look. Without sequential scans, as there.
create function match_without_orders(p_study_key bigint, p_study_instance_uid text)
    returns boolean language plpgsql set enable_seqscan = off as $$
declare
    v_accessions bigint;
    v_any boolean;
begin
    perform isthmus.lock_orders(false);
    select count(distinct nullif(r.accession_number, '')),
           coalesce(bool_or(
               r.accession_number <> ''
               and exists (select from isthmus.worklist_order o
                           where o.accession_number = r.accession_number)
               or r.requested_procedure_id <> ''
               and exists (select from isthmus.worklist_order o
                           where o.requested_procedure_id = r.requested_procedure_id)), false)
           or exists (select from isthmus.worklist_order o
                      where o.study_instance_uid = p_study_instance_uid)
    into v_accessions, v_any
    from isthmus.study_request r where r.study_key = p_study_key;
    if v_any then
        return false;
    end if;
    insert into isthmus.order_match (study_key, order_state)
    values (p_study_key, case v_accessions when 0 then 'no accession number'
                         when 1 then 'unknown accession number'
                         else 'several accession numbers' end)
    on conflict (study_key) do nothing;
    return found;
end $$;

-- An instance came to a study, which the caller has locked, that is not like those before it: see
-- what it says about requests. It may be the first one of the study, the first one that names the
-- patient as it does, or the first one of its series, whose modality may be that of another step.
create function note_requests(p_study_key bigint, p_study_instance_uid text, p_study jsonb,
    p_series jsonb, p_instance jsonb, p_begun boolean, p_new_patient boolean,
    p_new_series boolean) returns void language plpgsql as $$
begin
    -- Nobody has more than 64 requests.
    insert into isthmus.study_request (study_key, accession_number, accession_issuer,
        requested_procedure_id, scheduled_procedure_step_id)
    select p_study_key, r.accession_number, r.accession_issuer, r.requested_procedure_id,
           r.scheduled_procedure_step_id
    from isthmus.requests_of(p_study, p_series, p_instance) r
    where (select count(*) from isthmus.study_request where study_key = p_study_key) < 64
    limit 64
    on conflict do nothing;
    if found or p_begun or p_new_patient then
        if not p_begun or not isthmus.match_without_orders(p_study_key, p_study_instance_uid) then
            perform isthmus.match_study(p_study_key);
        end if;
    elsif p_new_series and exists (select from isthmus.study_order
                                   where study_key = p_study_key and linked) then
        perform isthmus.start_steps(p_study_key);
    end if;
end $$;

-- The studies that an order may be of, or was; all are marked whose publication changes by it.
-- The caller holds lock_orders() alone.
create function match_studies_of_order(p_order_key bigint) returns void language plpgsql
    set enable_seqscan = off as $$
declare
    o isthmus.worklist_order;
    v_study_key bigint;
    v_linked boolean;
begin
    select * into strict o from isthmus.worklist_order where order_key = p_order_key;
    for v_study_key, v_linked in
        -- From the patient: that few images name a Requested Procedure ID makes plans by it bad.
        with of_patient as materialized (
            select t.study_key from isthmus.patient p join isthmus.study t using (patient_key)
            where p.patient_id = o.patient_id and p.patient_id <> ''
        )
        select s.study_key, bool_or(s.linked) from (
            select so.study_key, so.linked from isthmus.study_order so
            where so.order_key = p_order_key
            union all
            select r.study_key, false from isthmus.study_request r
            where r.accession_number = o.accession_number and r.accession_number <> ''
            union all
            select t.study_key, false from isthmus.study t
            where t.study_instance_uid = o.study_instance_uid
            union all
            select t.study_key, false from of_patient t
            where exists (select from isthmus.study_request r
                          where r.study_key = t.study_key
                            and r.requested_procedure_id = o.requested_procedure_id)) s
        group by s.study_key order by s.study_key
    loop
        if isthmus.match_study(v_study_key) or v_linked then
            perform isthmus.mark(v_study_key);
        end if;
    end loop;
end $$;

-- Look for the studies of orders that are new or changed, @p_max of them; how many it was. Called
-- again while it finds some. An order that somebody is writing is left for the next time.
create function match_due_orders(p_max integer default 250) returns integer language plpgsql as $$
declare
    v_order_key bigint;
    n integer := 0;
begin
    if not exists (select from isthmus.worklist_due) then
        return 0;
    end if;
    perform isthmus.lock_orders(true);
    for v_order_key in
        delete from isthmus.worklist_due where order_key in (
            select order_key from isthmus.worklist_due order by order_key
            limit p_max for update skip locked)
        returning order_key
    loop
        perform isthmus.match_studies_of_order(v_order_key);
        n := n + 1;
    end loop;
    return n;
end $$;

-- Steps ----------------------------------------------------------------------------------------

-- The first image has come: the steps that the images name are STARTED; when they name none of an
-- order, its only step, or those of a modality that the study has. A step that somebody holds is
-- being written, so its order comes by again.
create function start_steps(p_study_key bigint) returns void language plpgsql as $$
begin
    update isthmus.worklist_step set status = 'STARTED', changed_at = now()
    where step_key in (
        select w.step_key
        from isthmus.study_order so
            join isthmus.study t using (study_key)
            join isthmus.worklist_step w using (order_key)
        where so.study_key = p_study_key and so.linked
          and w.status in ('SCHEDULED', 'ARRIVED', 'READY')
          and case when exists (
                  select from isthmus.study_request r join isthmus.worklist_step x
                      using (scheduled_procedure_step_id)
                  where r.study_key = p_study_key and x.order_key = so.order_key)
              then exists (
                  select from isthmus.study_request r
                  where r.study_key = p_study_key
                    and r.scheduled_procedure_step_id = w.scheduled_procedure_step_id)
              else w.modality = any (t.modalities_in_study)
                  or not exists (select from isthmus.worklist_step x
                                 where x.order_key = w.order_key and x.step_key <> w.step_key)
              end
        for no key update of w skip locked);
end $$;

-- COMPLETED are steps that were STARTED and whose studies got nothing for @p_quiet; how many.
create function complete_steps(p_quiet interval) returns integer language plpgsql as $$
declare
    n integer;
begin
    update isthmus.worklist_step set status = 'COMPLETED', changed_at = now()
    where step_key in (
        select w.step_key from isthmus.worklist_step w
        where w.status = 'STARTED'
          and (select max(c.last_received_at)
               from isthmus.study_order so join isthmus.tally c using (study_key)
               where so.order_key = w.order_key and so.linked) < now() - p_quiet
        for no key update skip locked);
    get diagnostics n = row_count;
    return n;
end $$;

-- What people decide -----------------------------------------------------------------------------

-- What a decision may change, for the record.
create function reconcile_values(p_study_key bigint) returns jsonb language sql stable
    return (select jsonb_strip_nulls(jsonb_build_object(
                'order_state', m.order_state, 'open', m.open,
                'accession_number', t.accession_number,
                'accession_issuer', nullif(isthmus.accession_issuer(t.attributes), ''),
                'patient_id', nullif(p.patient_id, ''),
                'issuer_of_patient_id', nullif(p.issuer_of_patient_id, ''),
                'patient_name', p.patient_name, 'patient_birth_date', p.patient_birth_date,
                'patient_sex', p.patient_sex,
                'orders', coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                        'order', o.order_key, 'accession_number', o.accession_number,
                        'requested_procedure_id', o.requested_procedure_id,
                        'reference', o.source_reference)) order by o.order_key)
                    from isthmus.study_order so join isthmus.worklist_order o using (order_key)
                    where so.study_key = t.study_key and so.linked), '[]')))
            from isthmus.study t join isthmus.patient p using (patient_key)
                left join isthmus.order_match m using (study_key)
            where t.study_key = p_study_key);

-- Before a decision: the study is locked, and is matched as it stands. What it was.
create function reconcile_begin(p_study_key bigint) returns jsonb language plpgsql as $$
begin
    perform from isthmus.study where study_key = p_study_key for no key update;
    if not found then
        raise exception 'the study is not in the index' using errcode = 'no_data_found';
    end if;
    perform isthmus.match_study(p_study_key);
    return isthmus.reconcile_values(p_study_key);
end $$;

-- After it: all that was known is settled, the study is matched again, recorded and published.
-- @p_accept: its state, whatever it is, needs nobody any more.
create function reconcile_end(p_study_key bigint, p_old jsonb, p_action text, p_accept boolean,
                              p_who text, p_why text) returns void language plpgsql as $$
declare
    t isthmus.study;
begin
    select * into strict t from isthmus.study where study_key = p_study_key;
    update isthmus.study_request set settled = true where study_key = p_study_key;
    update isthmus.order_match
    set settled_identities = t.patient_identities || coalesce(t.corrected_identity, '[]'),
        accepted_state = null
    where study_key = p_study_key;
    perform isthmus.match_study(p_study_key);
    if p_accept then
        update isthmus.order_match set accepted_state = order_state where study_key = p_study_key;
        perform isthmus.match_study(p_study_key);
    end if;
    insert into isthmus.reconciliation (study_key, study_instance_uid, who, action, why,
        old_values, new_values)
    values (p_study_key, t.study_instance_uid, p_who, p_action, nullif(p_why, ''), p_old,
        isthmus.reconcile_values(p_study_key));
    perform isthmus.mark(p_study_key);
end $$;

-- The study is right as it is. It is linked to no order that has another patient; with several
-- accession numbers to all orders that have the same one.
create function reconcile_accept(p_study_key bigint, p_who text, p_why text) returns void
    language plpgsql as $$
declare
    v_old jsonb := isthmus.reconcile_begin(p_study_key);
begin
    perform isthmus.reconcile_end(p_study_key, v_old, 'accept', true, p_who, p_why);
end $$;

-- The study is of these orders; of none when @p_orders is empty.
create function reconcile_link(p_study_key bigint, p_orders bigint[], p_who text, p_why text)
    returns void language plpgsql as $$
declare
    v_old jsonb := isthmus.reconcile_begin(p_study_key);
begin
    update isthmus.order_match set chosen_orders = p_orders where study_key = p_study_key;
    perform isthmus.reconcile_end(p_study_key, v_old,
        case when p_orders = '{}' then 'unlink' else 'link' end, p_orders = '{}', p_who, p_why);
end $$;

-- A study document with what a person set right laid over it.
create function lay_over(p_attributes jsonb, p_over jsonb) returns jsonb language sql immutable
    return case when p_over is null then p_attributes
                when p_over #> '{00080051,Value}' = '[]'
                    then (p_attributes || p_over) - '00080051'
                else p_attributes || p_over end;

-- Lay another accession number over what the images say.
create function correct_accession(p_study_key bigint, p_accession_number text,
                                  p_accession_issuer text) returns void language plpgsql as $$
declare
    v_overlay jsonb := jsonb_build_object(
        '00080050', jsonb_build_object('vr', 'SH', 'Value', jsonb_build_array(p_accession_number)),
        '00080051', jsonb_build_object('vr', 'SQ', 'Value', case when p_accession_issuer = ''
            then '[]' else jsonb_build_array(jsonb_build_object('00400031', jsonb_build_object(
                'vr', 'UT', 'Value', jsonb_build_array(p_accession_issuer)))) end));
begin
    update isthmus.study set
        accession_number = p_accession_number,
        corrected_study = v_overlay,
        attributes_as_stored = coalesce(attributes_as_stored, attributes),
        attributes = isthmus.lay_over(attributes, v_overlay)
    where study_key = p_study_key;
    delete from isthmus.study_request where study_key = p_study_key and by_person;
    insert into isthmus.study_request (study_key, by_person, accession_number, accession_issuer)
    values (p_study_key, true, left(p_accession_number, 64), left(p_accession_issuer, 64));
    update isthmus.order_match set chosen_orders = null where study_key = p_study_key;
end $$;

-- What the index knows of a patient with another ID: from the patient's row, else from an order.
create function known_patient(p_patient_id text, p_issuer text, out attributes jsonb,
                              out patient_name text, out patient_name_folded text,
                              out patient_birth_date date, out patient_sex text, out issuer text)
    language sql stable as $$
    select * from (
        (select p.attributes, p.patient_name, p.patient_name_folded, p.patient_birth_date,
                p.patient_sex, p.issuer_of_patient_id
         from isthmus.patient p
         where p.patient_id = p_patient_id and p_issuer in ('', p.issuer_of_patient_id)
         order by p.issuer_of_patient_id limit 1)
        union all
        (select (select jsonb_object_agg(key, value) from jsonb_each(o.attributes)
                 where key in ('00100010', '00100020', '00100021', '00100022', '00100024',
                               '00100030', '00100040')),
                o.patient_name, o.patient_name_folded, o.patient_birth_date, o.patient_sex,
                o.issuer_of_patient_id
         from isthmus.worklist_order o
         where o.patient_id = p_patient_id and p_issuer in ('', o.issuer_of_patient_id)
         order by o.issuer_of_patient_id, o.order_key desc limit 1)) known limit 1
$$;

-- Another patient, or the same one written rightly. @p_attributes is what the person said, as DICOM
-- JSON, the other parameters are the same; with another ID the rest is that patient's, if one is
-- known by it. Errors: IS001, name and birth date are those of another patient with this ID.
create function correct_patient(p_study_key bigint, p_patient_id text, p_issuer text,
    p_name text, p_name_folded text, p_birth_date date, p_sex text, p_attributes jsonb)
    returns void language plpgsql as $$
declare
    t isthmus.study;
    p isthmus.patient;
    k record;
    v_id text;
    v_key bigint;
    v_document jsonb;
    v_identity jsonb;
begin
    select * into strict t from isthmus.study where study_key = p_study_key;
    select * into strict p from isthmus.patient where patient_key = t.patient_key;
    v_id := coalesce(p_patient_id, nullif(p.patient_id, ''));
    v_document := coalesce(t.corrected_patient, p.attributes);
    if v_id is distinct from nullif(p.patient_id, '') then
        select * into k from isthmus.known_patient(v_id, coalesce(p_issuer, ''));
        if k.attributes is not null then
            v_document := k.attributes;
            p.patient_name := k.patient_name;
            p.patient_name_folded := k.patient_name_folded;
            p.patient_birth_date := k.patient_birth_date;
            p.patient_sex := k.patient_sex;
            p.issuer_of_patient_id := k.issuer;
        end if;
    end if;
    v_document := v_document || p_attributes;
    p.patient_name := coalesce(p_name, p.patient_name);
    p.patient_name_folded := coalesce(p_name_folded, p.patient_name_folded);
    p.patient_birth_date := coalesce(p_birth_date, p.patient_birth_date);
    p.patient_sex := coalesce(p_sex, p.patient_sex);
    p.issuer_of_patient_id := coalesce(p_issuer, p.issuer_of_patient_id);
    v_identity := isthmus.patient_identity(v_id, p.patient_name_folded, p.patient_birth_date,
                                           v_document);
    v_key := isthmus.put_patient(t.study_instance_uid, p.issuer_of_patient_id, v_id,
        p.patient_name, p.patient_name_folded, p.patient_birth_date, p.patient_sex, v_document);
    update isthmus.patient x set
        patient_name = p.patient_name, patient_name_folded = p.patient_name_folded,
        patient_birth_date = p.patient_birth_date, patient_sex = p.patient_sex,
        attributes = x.attributes || p_attributes
    where x.patient_key = v_key
      and not isthmus.patients_differ(v_identity, isthmus.patient_identity(
          nullif(x.patient_id, ''), x.patient_name_folded, x.patient_birth_date, x.attributes));
    if not found then
        raise exception 'another patient is known by this Patient ID' using errcode = 'IS001';
    end if;
    update isthmus.study set patient_key = v_key, corrected_patient = v_document,
        corrected_identity = v_identity
    where study_key = p_study_key;
end $$;

-- null: as it is. The parameters of the patient are those of correct_patient().
create function reconcile_correct(p_study_key bigint, p_accession_number text,
    p_accession_issuer text, p_patient_id text, p_issuer text, p_name text, p_name_folded text,
    p_birth_date date, p_sex text, p_attributes jsonb, p_who text, p_why text) returns void
    language plpgsql as $$
declare
    v_old jsonb := isthmus.reconcile_begin(p_study_key);
begin
    if p_accession_number is not null then
        perform isthmus.correct_accession(p_study_key, p_accession_number,
                                          coalesce(p_accession_issuer, ''));
    end if;
    if p_attributes <> '{}' then
        perform isthmus.correct_patient(p_study_key, p_patient_id, p_issuer, p_name,
            p_name_folded, p_birth_date, p_sex, p_attributes);
    end if;
    perform isthmus.reconcile_end(p_study_key, v_old, 'correct', false, p_who, p_why);
end $$;

-- What waits for a person, and what a person settled: with the orders that the study is linked to
-- and those that it may belong to.
create function reconcile_why(m order_match, p_differs boolean) returns text language sql immutable
    return case
        when not m.open and m.order_state = 'matched' then ''
        when not m.open then 'accepted'
        when m.order_state = 'patient differs' and p_differs
            then 'its images name several patients'
        when m.order_state = 'patient differs' and m.settled_identities is not null
            then 'a patient differs, or another one came after the decision'
        when m.order_state = 'patient differs' then 'the order is of another patient'
        when m.order_state = 'several accession numbers' and m.settled_identities is not null
            then 'another accession number came after the decision'
        when m.order_state = 'several accession numbers'
            then 'its images name several accession numbers'
        when m.order_state = 'unknown accession number' then 'no order has its accession number'
        else 'it has no accession number and nothing else tells its order' end;

create function order_candidates(p_study_key bigint) returns jsonb language sql stable
    return (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'order', o.order_key, 'linked', coalesce(so.linked, false),
            'same_patient', coalesce(so.agrees, c.agrees),
            'accession_number', o.accession_number,
            'accession_issuer', nullif(o.accession_issuer, ''),
            'requested_procedure_id', o.requested_procedure_id,
            'reference', o.source_reference, 'patient_id', o.patient_id,
            'patient_name', o.patient_name)) order by o.order_key), '[]')
        from (select order_key, agrees from isthmus.study_order where study_key = p_study_key
              union
              (select w.order_key, isthmus.order_agrees(t.patient_identities, w)
               from isthmus.study t join isthmus.patient p using (patient_key)
                   join isthmus.worklist_order w on w.patient_id = p.patient_id
               where t.study_key = p_study_key and p.patient_id <> ''
                 and w.status <> 'entered-in-error'
                 and not exists (select from isthmus.study_order x
                                 where x.study_key = p_study_key and x.order_key = w.order_key)
               order by w.order_key desc limit 5)) c
            join isthmus.worklist_order o using (order_key)
            left join isthmus.study_order so
                on so.study_key = p_study_key and so.order_key = o.order_key);

create view reconcile_list as
    select t.study_key, t.study_instance_uid as study,
        -- Not joined: all studies would be counted for that.
        coalesce((select max(c.last_received_at) from isthmus.tally c
                  where c.study_key = t.study_key), t.first_received_at) as received, m.open,
        m.order_state as state, isthmus.reconcile_why(m, t.patient_differs
                                                      and t.corrected_identity is null) as why,
        array(select distinct r.accession_number from isthmus.study_request r
              where r.study_key = t.study_key and r.accession_number <> ''
              order by r.accession_number) as accession_numbers,
        nullif(p.patient_id, '') as patient_id, p.patient_name,
        isthmus.order_candidates(t.study_key) as candidates
    from isthmus.order_match m join isthmus.study t using (study_key)
        join isthmus.patient p using (patient_key);

grant select, insert, update, delete on study_request, order_match, study_order to isthmus_scp;
grant select, insert, update, delete on order_match, study_order to isthmus_fhir;
grant select on study_request to isthmus_fhir;
