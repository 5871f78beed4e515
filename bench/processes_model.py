"""What limits a server of many processes over one PostgreSQL: a simulation of the stream's one turn and of the wakes.

usage: processes_model.py [--turn MS] [--read MS] [--notify MS] [--cores COUNT] [--seconds SECONDS]

Events arrive at random at all processes alike. Each is stored in the stream's turn, one after another, `turn` milliseconds each. Then the
bus wakes every other process, by one packet for all that its process stored within 20 ms, which costs the database `notify` milliseconds
of a core for each that is woken. Who is woken reads what is new, at most every 5 ms, which costs `read` milliseconds of a core. In every
process somebody waits for everything: that is the worst case.

For each number of processes it prints the highest rate at which 99 of 100 events are heard everywhere within 50 ms, and what the
database's cores do then. What was measured goes in by the flags; bench/README.md says where it comes from.
"""

import argparse
import heapq
import random

HEARD_WITHIN = 50.0  # ms, of 99 %
COUNTS = (1, 3, 10, 30, 100, 300, 1000)


class Cores:
    """The database's: work waits for the one that is free first."""

    def __init__(self, count):
        self.free_at = [0.0] * count
        self.busy = 0.0

    def run(self, now, milliseconds):
        """When it is through."""
        began = max(now, heapq.heappop(self.free_at))
        heapq.heappush(self.free_at, began + milliseconds)
        self.busy += milliseconds
        return began + milliseconds


PACKETS_APART, READINGS_APART = 20.0, 5.0  # ms, of one process


class Process:
    """What one has published and not read yet, by the numbers of the events."""

    def __init__(self):
        self.to_publish, self.packet_at = [], -PACKETS_APART
        self.unread, self.reads_at, self.is_reading = [], -READINGS_APART, False


def simulate(given, processes, rate, seed=1):
    """How long 99 of 100 events take to be heard everywhere, in ms, and the part of the cores' time that is used."""
    chance = random.Random(seed)
    cores = Cores(given.cores)
    end = given.seconds * 1000.0
    arrived, committed, queue = [], [], []
    now = turn_free = 0.0
    while now < end:
        now += chance.expovariate(rate / 1000.0)
        turn_free = max(now, turn_free) + given.turn
        queue.append((turn_free, "commit", chance.randrange(processes), len(arrived)))
        arrived.append(now)
        committed.append(turn_free)
    heapq.heapify(queue)
    heard = list(committed)
    all_of_them = [Process() for _ in range(processes)]

    def read_at(process, index, time):
        if not process.is_reading:
            process.is_reading = True
            heapq.heappush(queue, (max(time, process.reads_at + READINGS_APART), "read", index, 0))

    while queue:
        now, what, index, number = heapq.heappop(queue)
        process = all_of_them[index]
        if what == "commit":
            if not process.to_publish:
                heapq.heappush(queue, (max(now, process.packet_at + PACKETS_APART), "packet", index, 0))
            process.to_publish.append(number)
        elif what == "packet":
            published, process.to_publish, process.packet_at = process.to_publish, [], now
            woken = cores.run(now, given.notify * (processes - 1))
            for other_index, other in enumerate(all_of_them):
                if other is not process:
                    other.unread += published
                    read_at(other, other_index, woken)
        else:
            process.reads_at = cores.run(now, given.read)
            for event in process.unread:
                heard[event] = max(heard[event], process.reads_at)
            process.unread, process.is_reading = [], False
    took = sorted(after - before for after, before in zip(heard, arrived))
    return took[int(0.99 * (len(took) - 1))], cores.busy / (given.cores * max(end, now))


def highest_rate(given, processes):
    low, high = 1.0, 1000.0 / given.turn
    for _ in range(10):
        middle = (low + high) / 2
        if simulate(given, processes, middle)[0] <= HEARD_WITHIN:
            low = middle
        else:
            high = middle
    return low


def main():
    arguments = argparse.ArgumentParser(description="Simulates a server of many processes.")
    arguments.add_argument("--turn", type=float, default=0.6, help="ms that an event holds the stream's turn")
    arguments.add_argument("--read", type=float, default=0.4, help="ms of a core for one reading")
    arguments.add_argument("--notify", type=float, default=0.05, help="ms of a core for one wake of one process")
    arguments.add_argument("--cores", type=int, default=8, help="of the database's machine")
    arguments.add_argument("--seconds", type=float, default=5.0, help="that are simulated")
    given = arguments.parse_args()
    print("| processes | events/s | heard everywhere by 99 % within, ms | of the database's cores |\n|---:|---:|---:|---:|")
    for processes in COUNTS:
        rate = highest_rate(given, processes)
        within, used = simulate(given, processes, rate)
        print("| %d | %.0f | %.0f | %.0f %% |" % (processes, rate, within, 100 * used), flush=True)


if __name__ == "__main__":
    main()
