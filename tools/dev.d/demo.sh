# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# demo: the whole path, from a row in a table to a search result
#
# Usage: tools/dev demo [--stay]
#
#   --stay   keep everything running when it is done, and say how to look around
#
# Installs what is missing, builds, starts a private PostgreSQL, a private MariaDB, a job server
# and a web site, crawls the site through both databases and searches it from SQL. Nothing is left
# running afterwards.

dev_demo() {
  run deps
  run build
  exec "$python" -B tools/demo.py "$@"
}
