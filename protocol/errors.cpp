// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/errors.hpp"

namespace gman {
namespace {

class ProtocolCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "gman.protocol"; }
  std::string message(int value) const override {
    return std::string(refusal_of(static_cast<protocol_errc>(value)).text);
  }
};

}  // namespace

error_code make_error_code(protocol_errc code) {
  static const ProtocolCategory category;
  return {static_cast<int>(code), category};
}

Refusal refusal_of(protocol_errc fault) {
  switch (fault) {
    case protocol_errc::bad_magic: return {"INVALID_MAGIC", "Not a packet: bad magic", true};
    case protocol_errc::unknown_type:
      return {"INVALID_COMMAND", "No packet has this type number", true};
    case protocol_errc::body_too_large:
      return {"ARGUMENT_TOO_LARGE", "Packet body announced above the limit of 67174400 bytes",
              true};
    case protocol_errc::text_line_too_long:
      return {"INVALID_COMMAND", "Admin line above the limit of 8192 bytes", true};
    case protocol_errc::too_many_words:
      return {"INVALID_COMMAND", "Admin line above the limit of 7 words", true};
    case protocol_errc::response_magic: return {"INVALID_MAGIC", "Request magic expected", false};
    case protocol_errc::request_magic: return {"INVALID_MAGIC", "Response magic expected", false};
    case protocol_errc::unexpected_type: return {"INVALID_COMMAND", "Command not expected", false};
    case protocol_errc::missing_argument:
      return {"INVALID_PACKET", "Packet has fewer arguments than its type needs", false};
    case protocol_errc::function_empty:
      return {"INVALID_FUNCTION_NAME", "Function name is empty", false};
    case protocol_errc::function_too_long:
      return {"ARGUMENT_TOO_LARGE", "Function name above the limit of 512 bytes", false};
    case protocol_errc::unique_too_long:
      return {"ARGUMENT_TOO_LARGE", "Unique value too large", false};
    case protocol_errc::handle_too_long:
      return {"ARGUMENT_TOO_LARGE", "Job handle above the limit of 63 bytes", false};
    case protocol_errc::option_name_too_long:
      return {"ARGUMENT_TOO_LARGE", "Option name above the limit of 63 bytes", false};
    case protocol_errc::number_too_long:
      return {"ARGUMENT_TOO_LARGE", "Number above the limit of 20 digits", false};
    case protocol_errc::reducer_too_long:
      return {"ARGUMENT_TOO_LARGE", "Reducer name above the limit of 512 bytes", false};
    case protocol_errc::workload_too_large:
      return {"ARGUMENT_TOO_LARGE", "Workload above the limit of 67108864 bytes", false};
    case protocol_errc::options_too_long:
      return {"ARGUMENT_TOO_LARGE", "Options above the limit of 1024 bytes", false};
    case protocol_errc::jobs_not_framed:
      return {"INVALID_PACKET", "The jobs do not fill the packet exactly", true};
    case protocol_errc::too_many_jobs:
      return {"ARGUMENT_TOO_LARGE", "Packet above the limit of 1000 jobs", true};
    case protocol_errc::abilities_unpaired:
      return {"INVALID_PACKET", "A function without its milliseconds", false};
    case protocol_errc::too_many_abilities:
      return {"ARGUMENT_TOO_LARGE", "Packet above the limit of 10000 functions", false};
  }
  return {"INVALID_PACKET", "Unknown fault", true};
}

}  // namespace gman
