-- Orders and scheduled procedure steps for the Modality Worklist (PS3.4 Annex K).
-- Runs before the switch; the tables are locked while it runs.
set local search_path = isthmus;
