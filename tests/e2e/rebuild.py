"""Indexes compared row by row: that of the listener, and one rebuilt from files."""
import os
import re
import subprocess
from pathlib import Path

from harness import TOP

# Keys are replaced by what they stand for. Studies that lost all instances are not counted.
TABLES = {
    "patient": "select to_jsonb(p) - 'patient_key' from isthmus.patient p "
               "where exists (select from isthmus.study s where s.patient_key = p.patient_key "
               "and s.number_of_study_related_series > 0)",
    "study": "select (to_jsonb(s) || to_jsonb(c)) - array['study_key', 'patient_key', 'changes', "
             "'marked_until'] || "
             "jsonb_build_object('of', array[p.issuer_of_patient_id, p.patient_id, p.stray_study_uid]) "
             "from isthmus.study s join isthmus.study_count c using (study_key) "
             "join isthmus.patient p using (patient_key) "
             "where s.number_of_study_related_series > 0",
    "series": "select (to_jsonb(s) || to_jsonb(c)) - array['series_key', 'study_key'] || "
              "jsonb_build_object('of', t.study_instance_uid) "
              "from isthmus.series s join isthmus.series_count c using (series_key) "
              "join isthmus.study t using (study_key)",
    "instance": "select to_jsonb(i) - array['instance_key', 'series_key'] || jsonb_build_object("
                "'of', t.study_instance_uid || ' ' || s.series_instance_uid) from isthmus.instance i "
                "left join isthmus.series s using (series_key) "
                "left join isthmus.study t on t.study_key = s.study_key",
    "conflict": "select to_jsonb(c) - 'conflict_key' from isthmus.conflict c",
    "reference": "select to_jsonb(r) - 'instance_key' || jsonb_build_object('from', "
                 "i.sop_instance_uid) from isthmus.reference r join isthmus.instance i "
                 "using (instance_key)",
    "rejection": "select to_jsonb(r) from isthmus.rejection r",
    "study_request": "select to_jsonb(r) - 'study_key' || jsonb_build_object('of', "
                     "t.study_instance_uid) from isthmus.study_request r "
                     "join isthmus.study t using (study_key) "
                     "where t.number_of_study_related_series > 0",
    "order_match": "select to_jsonb(m) - 'study_key' || jsonb_build_object('of', "
                   "t.study_instance_uid) from isthmus.order_match m "
                   "join isthmus.study t using (study_key) "
                   "where t.number_of_study_related_series > 0",
}


def ask(isthmus, database, sql):
    """The lines of the answer, as the superuser."""
    socket = re.search(r'conninfo = "host=(\S+)', Path(isthmus.config).read_text())[1]
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", socket, "-U", "postgres",
                           "-d", database, "-c", sql], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


def rows(isthmus, database):
    return {table: ask(isthmus, database, sql) for table, sql in TABLES.items()}


class Fresh:
    """An empty index beside the one that the listener filled, of the same store or that at @root."""

    def __init__(self, isthmus, name, root=None):
        self.isthmus, self.name = isthmus, name
        ask(isthmus, "postgres", f"create database {name} owner isthmus")
        text = Path(isthmus.config).read_text()
        assert "dbname=isthmus" in text
        self.config = isthmus.scratch / f"{name}.conf"
        text = text.replace("dbname=isthmus", f"dbname={name}")
        if root:
            text = re.sub(r"root = .*", f'root = "{root}"', text)
        self.config.write_text(text)
        self.tool("migrate", "--sql", TOP / "sql")

    def command(self, *arguments):
        return [f"{self.isthmus.programs}/isthmus", "--config", str(self.config),
                *map(str, arguments)]

    def tool(self, *arguments, check=True):
        done = subprocess.run(self.command(*arguments), text=True, capture_output=True, check=False,
                              env={**os.environ, "PGUSER": "isthmus"})
        assert not check or done.returncode == 0, done
        return done

    def instances(self):
        return int(ask(self.isthmus, self.name, "select count(*) from isthmus.instance")[0])
