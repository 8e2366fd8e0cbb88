// SPDX-License-Identifier: BSD-3-Clause
#include <boost/json/src.hpp>
