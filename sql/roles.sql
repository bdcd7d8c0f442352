-- Roles of Isthmus, made once by a database superuser, before the first `isthmus migrate`:
--   isthmus       owns the schema and applies migrations (no daemon uses it)
--   isthmus_scp   rights of the listener        isthmus_fhir  rights of the publisher
-- and one login for each daemon, named as its operating system user, so that `peer`
-- authentication works without a password. Running this again changes nothing.
do $$
declare r text;
begin
    foreach r in array array['isthmus_scp', 'isthmus_fhir'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I nologin', r);
        end if;
    end loop;
    foreach r in array array['isthmus', 'isthmus-scp', 'isthmus-fhir'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I login', r);
        end if;
    end loop;
end $$;
grant isthmus_scp to "isthmus-scp";
grant isthmus_fhir to "isthmus-fhir";
