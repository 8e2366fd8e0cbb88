// SPDX-License-Identifier: BSD-3-Clause
#include <boost/url/src.hpp>
