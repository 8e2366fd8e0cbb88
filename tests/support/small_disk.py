# SPDX-License-Identifier: BSD-3-Clause
"""A small disk for a server under test: a tmpfs in a user and mount namespace of its own.

It is there as long as the `with` block, also between two servers that are started on it.

    with SmallDisk("/var/tmp/somewhere", "size=24m") as disk:
        with Gmand("--store", "sqlite:/var/tmp/somewhere/jobs.db", prefix=disk.prefix):
            ...
"""
import subprocess


class SmallDisk:
    def __init__(self, mount_point, options):
        self._mount_point = str(mount_point)
        # It says that it has mounted, and lives until its input ends.
        self._keeper = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             'mount -t tmpfs -o "$1" none "$2" && echo mounted && exec cat',
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
        return ("nsenter", f"--target={self._keeper.pid}", "--user", "--mount",
                "--preserve-credentials")

    def remount(self, options):
        subprocess.run([*self.prefix, "mount", "-o", f"remount,{options}", self._mount_point],
                       check=True, timeout=30)
