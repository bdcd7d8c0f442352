-- Where an instance came from: references between instances.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;
