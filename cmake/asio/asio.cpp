// SPDX-License-Identifier: BSD-3-Clause
// The one translation unit that carries Asio's implementation (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
