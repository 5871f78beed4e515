"""A PostgreSQL and a Redis server of one's own for one run: they keep nothing, listen on sockets in folders only, and end with whoever
started them."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

POSTGRESQL = Path(__file__).resolve().parents[2] / "tests" / "postgresql" / "server.py"
LONGEST_START = 10  # seconds


class Postgresql:
    """As the tests have one; `settings` beside theirs are texts NAME=VALUE."""

    def __init__(self, folder, settings=()):
        self.link, self.settings = Path(folder) / "postgresql", settings

    def run(self, step, *more):
        running = subprocess.Popen([sys.executable, str(POSTGRESQL), step, str(self.link), *more], start_new_session=True)
        try:
            status = running.wait()
        except BaseException:  # a signal: what goes to its end can be undone
            running.wait()
            raise
        if status != 0:
            raise subprocess.CalledProcessError(status, running.args)

    def start(self):
        self.run("start", *self.settings)

    def stop(self):
        self.run("stop")

    def restart(self, mode, seconds):
        """Ends it, `fast`, or `immediate` as if it had crashed, and starts it after so many seconds; returns when it answers again."""
        self.run("restart", mode, str(seconds))

    @property
    def host(self):
        """The folder of its socket."""
        return self.link.resolve()

    def section(self, user="modapi"):
        """What a homeserver's file says of it."""
        return "{name: psycopg2, args: {host: %s, user: %s, dbname: postgres}}" % (self.host, user)

    def query(self, statement):
        """The rows, each a list of texts."""
        done = subprocess.run(["psql", "-XqAt", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1", "-h", str(self.host), "-U", "modapi",
                               "-d", "postgres", "-c", statement], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        text = done.stdout.removesuffix("\n")
        return [row.split("\x1f") for row in text.split("\x1e")] if text else []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            if self.link.is_symlink():
                self.stop()
            raise
        return self.section()

    def __exit__(self, *_):
        self.stop()


class Redis:
    @staticmethod
    def is_installed():
        return shutil.which("redis-server") is not None

    def __init__(self, folder):
        self.folder, self.process = Path(folder), None
        self.socket = self.folder / "redis.sock"

    def start(self):
        settings = {"--port": "0", "--unixsocket": str(self.socket), "--save": "", "--appendonly": "no", "--dir": str(self.folder)}
        arguments = [word for pair in settings.items() for word in pair]
        self.process = started("redis-server", *arguments, stdout=subprocess.DEVNULL)
        until = time.monotonic() + LONGEST_START
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("redis-server doesn't start")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def restart(self, seconds):
        """As if it had crashed; it is away for so long."""
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)
        time.sleep(seconds)
        self.start()

    def __enter__(self):
        self.start()
        return str(self.socket), self.process.pid

    def __exit__(self, *_):
        self.stop()


def started(*command, **how):
    """A process that doesn't outlive the calling thread, whatever becomes of that; Ctrl-C on the terminal isn't for it."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdin=subprocess.DEVNULL, start_new_session=True, **how)
