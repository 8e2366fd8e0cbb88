# SPDX-License-Identifier: BSD-3-Clause
"""What many firings of a trigger leave behind in the database server: nothing.

GMAN_FIRINGS says how many; a million take some minutes.
"""
import os
import pathlib
import re
import unittest

from fixture import database
from gmand import Gmand

FIRINGS = int(os.environ.get("GMAN_FIRINGS", "20000"))
ROWS = 1000  # of an UPDATE, hence what the number of firings is brought to a multiple of
# However many there were: what the allocator and the server themselves are uncertain by. A string
# that each firing forgot would be more after twenty thousand.
GROWTH_BYTES_MAX = 1 << 20


class Firings(unittest.TestCase):
    def test_memory_and_descriptors_stay_what_they_were(self):
        with Gmand() as gmand, database(gmand.address) as server:
            # Not transactional and of one size, so that the server's own memory stays what it is.
            server.sql(f"""
                CREATE TABLE page (id INT PRIMARY KEY, visits INT) ENGINE = MyISAM;
                INSERT INTO page SELECT seq, 0 FROM seq_1_to_{ROWS};
                CREATE TRIGGER page_visited AFTER UPDATE ON page FOR EACH ROW
                  SET @job = gman_do_background('visited', NEW.id);
                DELIMITER //
                CREATE PROCEDURE fire(times INT)
                BEGIN
                  WHILE times > 0 DO
                    UPDATE page SET visits = visits + 1;
                    SET times = times - 1;
                  END WHILE;
                END //
                DELIMITER ;""", database="test")
            fired = 0

            def fire(times):
                nonlocal fired
                server.sql(f"CALL fire({times})", database="test")
                fired += times * ROWS
                return resident_bytes(server.pid), descriptors(server.pid)

            fire(2)  # what is made once is made
            bytes_before, descriptors_before = fire(2)
            bytes_after, descriptors_after = fire(FIRINGS // ROWS)
            self.assertEqual(gmand.admin("status"), f"visited\t{fired}\t0\t0\n.\n")
            self.assertEqual(descriptors_after, descriptors_before)
            self.assertLess(bytes_after - bytes_before, GROWTH_BYTES_MAX)


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE).group(1)) * 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


if __name__ == "__main__":
    unittest.main()
