# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the PostgreSQL extension share: a job server with an odd worker, and a private
cluster that has the extension."""
import unittest

from gmand import Gmand
from odd_worker import OddWorker
from postgres import PrivatePostgres


class ExtensionCase(unittest.TestCase):
    """One gmand and one cluster for all tests of a class."""

    schema = ""  # what there is beside the extension, as SQL
    settings = {}  # lines of postgresql.conf
    environment = None  # of the cluster, beside ours

    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.enterClassContext(OddWorker(cls.gmand.address))
        cls.postgres = cls.enterClassContext(
            PrivatePostgres(servers=cls.gmand.address, settings=cls.settings,
                            environment=cls.environment))
        cls.postgres.sql(f"CREATE EXTENSION gman; {cls.schema}")
