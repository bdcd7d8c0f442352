-- What an instance is worth: SOP Instance Status, rejection, availability.
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;
