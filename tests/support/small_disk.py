# SPDX-License-Identifier: BSD-3-Clause
"""A small disk for a server under test: a tmpfs in a mount namespace of its own.

Root may make such a namespace anywhere; others may in a user namespace of theirs, where the system
allows that.

It is there as long as the `with` block, also between two servers that are started on it.

    with SmallDisk("/var/tmp/somewhere", "size=24m") as disk:
        with Gmand("--store", "sqlite:/var/tmp/somewhere/jobs.db", prefix=disk.prefix):
            ...
"""
import os
import subprocess

_AS_ROOT = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


class SmallDisk:
    def __init__(self, mount_point, options):
        self._mount_point = str(mount_point)
        # It says that it has mounted, and lives until its input ends.
        self._keeper = subprocess.Popen(
            # In a chroot, "/" is no mount whose propagation could be changed.
            ["unshare", *_AS_ROOT, "--mount", "--propagation", "unchanged", "sh", "-c",
             'mount --make-rprivate / 2>/dev/null; '
             'mount -t tmpfs -o "$1" none "$2" && echo mounted && cat; umount -l "$2"',
             "sh", options, self._mount_point],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self._keeper.stdout.readline() != "mounted\n":
            raise AssertionError("no disk could be mounted: " + self._keeper.communicate()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._keeper.communicate(timeout=30)

    @property
    def prefix(self):
        """A command before another one, which then has the disk. It keeps its process id."""
        user = [] if not _AS_ROOT else ["--user", "--preserve-credentials"]
        return ("nsenter", f"--target={self._keeper.pid}", *user, "--mount", "--root", "--wd")

    def remount(self, options):
        subprocess.run([*self.prefix, "mount", "-o", f"remount,{options}", self._mount_point],
                       check=True, timeout=30)
