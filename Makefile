# SPDX-License-Identifier: BSD-3-Clause
# For PGXN's client, which calls make where META.json lies, and knows of the PostgreSQL extension
# only: everything else is built by CMake (README.md).
.PHONY: all install uninstall clean
.NOTPARALLEL:
all install uninstall clean:
	@$(MAKE) -C ext_postgres $@
