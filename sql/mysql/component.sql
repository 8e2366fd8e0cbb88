-- SPDX-License-Identifier: BSD-3-Clause
-- Makes the functions, the system variables gman.… and the privilege GMAN_SUBMIT known to MySQL, by
-- the component of component_gman.so. Copy the file into @@plugin_dir first. In place of
-- install.sql, never beside it: uninstall.sql first, where that was run.
-- Needs INSERT on mysql.component. What each function does: docs/MYSQL.md.
INSTALL COMPONENT 'file://component_gman';

-- Who may call the functions is who has this, or whose wrapper, procedure or trigger it is.
GRANT GMAN_SUBMIT ON *.* TO CURRENT_USER() WITH GRANT OPTION;
