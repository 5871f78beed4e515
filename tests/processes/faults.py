"""What happens to the processes and to what they rest on. Each fault lasts until it is mended; `over` is when nothing is in the way any
more of whoever isn't hit."""

import signal
import time

STOPPED = 20  # seconds
LONGEST_TAKEOVER = 15  # seconds, of the lease of the background work
LOOKS_AT_LOCKS = (11, 15, 19)  # seconds after a process was stopped


class World:
    """`processes` and what the run knows of them."""

    def __init__(self, processes, audit, chance):
        self.processes, self.audit, self.chance = processes, audit, chance
        self.complaints = []

    def victim(self):
        """Every other time whoever does the background work."""
        servers = self.processes.servers
        if self.chance.random() < 0.5:
            owner = self.audit.owner()
            return next(server for server in servers if server.name == owner)
        return self.chance.choice(servers)


def wait_for_takeover(world, victim, since):
    """How long it took, if the victim had the lease, as text."""
    if world.audit.owner() != victim.name:
        return ""
    while time.monotonic() - since < LONGEST_TAKEOVER + 5:
        if world.audit.owner() != victim.name:
            took = time.monotonic() - since
            if took > LONGEST_TAKEOVER:
                world.complaints.append("the background work was taken over from %s after %.1f s" % (victim.name, took))
            return ", replaced after %.1f s" % took
        time.sleep(0.2)
    world.complaints.append("nobody took over the background work of %s" % victim.name)
    return ", not replaced"


class Kill:
    """kill -9 of a process. If it had the lease, it comes back at once or when another one has it."""

    def begin(self, world):
        self.victim = world.victim()
        had_lease = world.audit.owner() == self.victim.name
        self.victim.kill()
        self.over = time.monotonic()
        text = "kill -9 of %s%s" % (self.victim.name, ", who had the lease" if had_lease else "")
        if had_lease and world.chance.random() < 0.7:
            text += wait_for_takeover(world, self.victim, self.over)
        else:
            time.sleep(world.chance.uniform(0, 5))
        self.victim.start()
        return text


class Stop:
    """SIGSTOP, and SIGCONT after a while."""

    def begin(self, world):
        victim = world.victim()
        had_lease = world.audit.owner() == victim.name
        victim.process.send_signal(signal.SIGSTOP)
        self.over = time.monotonic()
        try:
            text = "stop of %s for %d s%s" % (victim.name, STOPPED, ", who had the lease" if had_lease else "")
            takeover = None
            for look in LOOKS_AT_LOCKS:
                if had_lease and takeover is None:
                    takeover = wait_for_takeover(world, victim, self.over)
                time.sleep(max(0.0, self.over + look - time.monotonic()))
                world.complaints += ["%s, stopped for %d s, holds a lock: %s" % (victim.name, look, lock)
                                     for lock in world.audit.locks_of(victim.name)]
            time.sleep(max(0.0, self.over + STOPPED - time.monotonic()))
        finally:
            victim.process.send_signal(signal.SIGCONT)
        return text + (takeover or "")


class RestartPostgresql:
    def begin(self, world):
        mode = world.chance.choice(("fast", "immediate"))
        seconds = world.chance.choice((0, 2, 6))
        world.processes.postgresql.restart(mode, seconds)
        self.over = time.monotonic()
        return "restart of PostgreSQL, %s, %d s away" % (mode, seconds)


class RestartRedis:
    def begin(self, world):
        self.over = time.monotonic()  # without it everything goes on
        seconds = world.chance.choice((0, 5))
        world.processes.redis.restart(seconds)
        return "restart of Redis, %d s away" % seconds


class RestartBoth:
    def begin(self, world):
        world.processes.redis.process.kill()
        text = RestartPostgresql().begin(world)
        world.processes.redis.restart(0)
        self.over = time.monotonic()
        return text + ", and of Redis"


FAULTS = {"kill": Kill, "stop": Stop, "postgresql": RestartPostgresql, "redis": RestartRedis, "both": RestartBoth}
