// SPDX-License-Identifier: BSD-3-Clause
#include "db/mariadb_dsn.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace gman::db {

Result<MariadbAddress> parse_mariadb_dsn(std::string_view dsn) {
  const auto parsed = boost::urls::parse_uri(dsn);
  if (!parsed || !parsed->has_authority() ||
      (parsed->scheme() != "mysql" && parsed->scheme() != "mariadb")) {
    return Error{ErrorKind::refused, {}, "not a mysql://user:password@host:port/database"};
  }
  MariadbAddress address;
  address.user = parsed->user();
  address.password = parsed->password();
  address.host = parsed->host_address();
  if (parsed->has_port()) {
    address.port = parsed->port_number();
    if (address.port == 0) return Error{ErrorKind::refused, {}, "port: 1 to 65535"};
  }
  const auto segments = parsed->segments();
  if (segments.size() > 1) return Error{ErrorKind::refused, {}, "more than one database is named"};
  if (!segments.empty()) address.database = segments.front();
  for (const auto& parameter : parsed->params()) {
    if (parameter.key != "socket") {
      return Error{ErrorKind::refused, {}, "unknown option: " + std::string(parameter.key)};
    }
    address.socket = parameter.value;
  }
  return address;
}

}  // namespace gman::db
