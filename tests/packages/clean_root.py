"""A Debian of its own in a folder, for packages to be installed in: made by debootstrap, entered by chroot."""
import os
import pathlib
import shutil
import subprocess

MIRROR = "http://deb.debian.org/debian"
SOURCES = f"""deb {MIRROR} bookworm main
deb {MIRROR} bookworm-updates main
deb {MIRROR}-security bookworm-security main
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


class CleanRoot:
    """What is mounted in it and runs in it ends with the namespaces of the process that made it (`unshare`)."""

    def __init__(self, folder, cache):
        """`cache` keeps the packages that were fetched, for the next time."""
        self.folder = folder
        self.archives = cache / "archives"
        for name in ("base", "archives"):
            (cache / name).mkdir(parents=True, exist_ok=True)
        self.remove()
        subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates", f"--cache-dir={cache / 'base'}",
                        "bookworm", folder, MIRROR], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-t", "proc", "proc", folder / "proc"], check=True)
        link_packages(self.archives, self.path("/var/cache/apt/archives"))
        (folder / "etc/apt/sources.list").write_text(SOURCES)
        (folder / "etc/dpkg/dpkg.cfg.d/quick").write_text("force-unsafe-io\n")  # it needn't outlive a power failure
        no_services = folder / "usr/sbin/policy-rc.d"
        no_services.write_text("#!/bin/sh\nexit 101\n")
        no_services.chmod(0o755)
        if os.path.exists("/etc/resolv.conf"):
            shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        self.run("apt-get update -q")

    def remove(self):
        """Nothing is mounted in it but another file system, which stays as it is."""
        if os.path.ismount(self.folder / "proc"):
            subprocess.run(["umount", "--lazy", self.folder / "proc"], check=True)
        subprocess.run(["rm", "-rf", "--one-file-system", self.folder], check=True)

    def path(self, absolute):
        return self.folder / absolute.lstrip("/")

    def try_to_run(self, command, user="root"):
        """What came of a shell's command."""
        arguments = ["chroot", self.folder, *self.as_user(user), "sh", "-c", command]
        return subprocess.run(arguments, capture_output=True, text=True, env=ENVIRONMENT)

    def run(self, command, user="root"):
        """Gives its output; a failure is one of the test."""
        done = self.try_to_run(command, user)
        if done.returncode != 0:
            raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def start(self, arguments, user):
        return subprocess.Popen(["chroot", self.folder, *self.as_user(user), *arguments], text=True, env=ENVIRONMENT,
                                stdout=subprocess.PIPE, stderr=open(self.path("/srv/log"), "a"))

    def install(self, *packages):
        self.run("apt-get install -q -y --no-install-recommends " + " ".join(packages))
        link_packages(self.path("/var/cache/apt/archives"), self.archives)

    def has(self, absolute):
        return os.path.lexists(self.path(absolute))

    @staticmethod
    def as_user(name):
        return [] if name == "root" else ["setpriv", "--reuid", name, "--regid", name, "--clear-groups", "--no-new-privs"]


def link_packages(source, target):
    """No mount: whoever removes the root must not remove the cache."""
    for package in packages_in(source):
        if not (target / package.name).exists():
            os.link(package, target / package.name)


def packages_in(folder):
    return sorted(pathlib.Path(folder).glob("*.deb"))
