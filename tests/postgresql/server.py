#!/usr/bin/env python3
"""A PostgreSQL server of its own for one run of the tests, from Debian's package.

usage: server.py start LINK [NAME=VALUE]...    makes LINK point to the folder with the server's socket; with settings beside SETTINGS
       server.py restart LINK MODE SECONDS     MODE: fast, or immediate, as if it had crashed; it is away for so long
       server.py stop LINK

It listens on a socket in a temporary folder only, trusts everybody but the roles of LOCKED, and keeps nothing. It ends with `stop`,
and by itself when the process that called `start` is gone. The system's own cluster isn't touched.
"""
import glob
import os
import pathlib
import pwd
import select
import shutil
import subprocess
import sys
import tempfile
import time

CALLER = os.getppid()  # now: whoever ends while the server starts is another one's child then
LOCKED = "locked,locked_too"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "autovacuum": "off",
}


def programs():
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    assert folders, "there is no PostgreSQL server: install postgresql-15"
    return pathlib.Path(folders[-1])


def owner():
    """PostgreSQL refuses to run as root: then it runs as the user of Debian's package."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def run(folder, program, *arguments):
    # A file, since the server keeps what it is given open.
    with open(folder / "output", "w+") as output:
        done = subprocess.run([programs() / program, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=output, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **owner())
        output.seek(0)
        assert done.returncode == 0, f"{program}: {output.read()}"


def end(folder):
    """What is in there was for tests only, so that the server need not tidy up."""
    try:
        run(folder, "pg_ctl", "stop", "-w", "-m", "immediate", "-D", "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end_with_caller(folder):
    """Goes to the background until the server or its caller has ended."""
    server = os.pidfd_open(int((folder / "data/postmaster.pid").read_text().splitlines()[0]))
    try:
        caller = os.pidfd_open(CALLER)
    except ProcessLookupError:
        end(folder)
        return
    if os.fork() != 0:
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    ended = select.poll()
    ended.register(server, select.POLLIN)
    ended.register(caller, select.POLLIN)
    if any(descriptor == caller for descriptor, _ in ended.poll()):
        end(folder)
    os._exit(0)


def start(link, *more):
    if link.is_symlink():
        stop(link)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modapi_postgresql_"))
    try:
        if owner():
            os.chown(folder, owner()["user"], owner()["group"])
        run(folder, "initdb", "-D", "data", "-U", "modapi", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions")
        access = folder / "data/pg_hba.conf"
        access.write_text(f"local all {LOCKED} scram-sha-256\n" + access.read_text())
        wanted = {**SETTINGS, **dict(setting.split("=", 1) for setting in more)}
        settings = "".join(f" -c {name}='{value}'" for name, value in wanted.items())
        run(folder, "pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", f"-k '{folder}'{settings}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    end_with_caller(folder)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder)


def restart(link, mode, seconds):
    folder = link.resolve()
    run(folder, "pg_ctl", "stop", "-w", "-m", mode, "-D", "data")
    time.sleep(float(seconds))
    run(folder, "pg_ctl", "restart", "-w", "-D", "data", "-l", "log")  # with the settings that it was started with
    end_with_caller(folder)  # whoever watched the one before is done


def stop(link):
    folder = link.resolve()
    link.unlink()
    if folder.exists():
        end(folder)


{"start": start, "restart": restart, "stop": stop}[sys.argv[1]](pathlib.Path(sys.argv[2]).absolute(), *sys.argv[3:])
