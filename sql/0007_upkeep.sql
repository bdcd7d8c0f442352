-- What the consistency tools keep.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;
