-- SPDX-License-Identifier: BSD-3-Clause
-- Takes the component away, and its functions and variables with it. Refused while a session calls
-- a function. Grants of GMAN_SUBMIT stay, and count again once it is there.
UNINSTALL COMPONENT 'file://component_gman';
