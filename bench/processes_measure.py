"""How many requests a second three processes answer that are one server, compared with one process with two workers.

usage: processes_measure.py BUILD_FOLDER [--quick] [--seconds SECONDS] [--rounds ROUNDS]

Clients are spread over the processes, as a balancer does it, and there is none, so that its own cost isn't measured. Both run over a
PostgreSQL server of their own. Each operation is measured in turns, one kind of server after the other, and the medians are compared.
"""

import argparse
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from server_contention import Postgresql
from server_load import prepare, run_wrk
from server_process import SERVER_NAME, Failed, MeasuredServer

LOADS = 3  # programs that send requests, whatever they send them to: each costs a processor something
CONNECTIONS = 8  # of each
LEAST_RATIO = 0.9
SETTINGS = """server_name: %s
listeners:
  - port: 0
    bind_addresses: [127.0.0.1]
workers: %d
database: %s
signing_key_path: %s
media_store_path: %s
enable_registration: true
enable_registration_without_verification: true
module_path: %s
%s
"""


class Process(MeasuredServer):
    """One of the processes over a database."""

    def __init__(self, build, shared, name, workers, database):
        folder = shared / (name or "main")
        super().__init__(build, folder)
        more = "" if name is None else "worker_name: %s\n" % name
        (folder / "homeserver.yaml").write_text(SETTINGS % (
            SERVER_NAME, workers, database, shared / "signing.key", shared / "media", self.build / "modules", more))


class Processes:
    """Several of them that are one server."""

    def __init__(self, build, folder, names, workers):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.postgresql = Postgresql(self.folder)
        self.build, self.names, self.workers, self.all = build, names, workers, []

    def __enter__(self):
        database = self.postgresql.__enter__()
        for name in self.names:
            self.all.append(Process(self.build, self.folder, name, self.workers, database).__enter__())
        return self

    def __exit__(self, *failure):
        for process in reversed(self.all):
            process.__exit__(*failure)
        self.postgresql.__exit__(*failure)

    def requests_per_second(self, seconds, arguments, run):
        """All of them together."""
        rates, failures = [], []

        def load(index, process):
            try:
                result = run_wrk(process, CONNECTIONS, seconds, arguments + ["%s-%d" % (run, index)])
                rates.append(result["requests"] / result["seconds"])
            except Failed as failure:
                failures.append(failure)

        threads = [threading.Thread(target=load, args=(index, self.all[index % len(self.all)])) for index in range(LOADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return sum(rates)


def main():
    arguments = argparse.ArgumentParser(description="Measures three processes against one.")
    arguments.add_argument("build", type=Path)
    arguments.add_argument("--quick", action="store_true", help="only show that everything runs")
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    seconds, rounds = (1, 1) if given.quick else (given.seconds, given.rounds)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        with Processes(given.build, folder / "one", [None], 2) as one, \
                Processes(given.build, folder / "three", [None, "worker1", "worker2"], 1) as three:
            operations = {kind: prepare(kind.all[0]) for kind in (one, three)}
            print("| request | one process, two workers: requests/s | three processes: requests/s | ratio |\n|---|---:|---:|---:|")
            held = True
            for name in operations[one]:
                rates = {one: [], three: []}
                for number in range(rounds):
                    for kind in (one, three):
                        rates[kind].append(kind.requests_per_second(seconds, operations[kind][name], "run%d" % number))
                medians = [statistics.median(rates[kind]) for kind in (one, three)]
                ratio = medians[1] / medians[0]
                held = held and ratio >= LEAST_RATIO
                print("| %s | %.0f | %.0f | %.2f |" % (name, *medians, ratio), flush=True)
    if not held and not given.quick:
        print("A ratio is below %.1f." % LEAST_RATIO)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
