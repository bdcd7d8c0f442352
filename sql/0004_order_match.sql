-- How a stored study finds its order.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;
