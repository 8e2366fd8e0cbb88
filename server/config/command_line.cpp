// SPDX-License-Identifier: BSD-3-Clause
#include "server/config/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <utility>

namespace gman::config {
namespace {

constexpr std::string_view file_option = "config-file";

std::string names_of(char letter, std::string_view name) {
  const std::string long_name = "--" + std::string(name);
  return letter == 0 ? long_name : std::string("-") + letter + "," + long_name;
}

std::string without_double_blank_lines(std::string text) {
  for (std::size_t at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n")) {
    text.erase(at, 1);
  }
  return text;
}

// What both kinds of words share. `where` is put before each mistake.
class Words {
 public:
  explicit Words(std::string where) : where_(std::move(where)) {
    app.allow_extras();
    for (const Option& option : options()) {
      CLI::Option* words = option.field.kind == Kind::flag
                               ? app.add_flag(names_of(option.letter, option.name))
                               : app.add_option(names_of(option.letter, option.name));
      words->description(option.help)->group(option.group);
      words->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      if (!option.value.empty()) words->option_text(option.value);
      if (option.field.kind != Kind::flag) words->allow_extra_args(false);
      known_.emplace_back(&option, words);
    }
    for (const LaterOption& option : later_options()) {
      later_.emplace_back(&option, app.add_option(names_of(option.letter, option.name))
                                       ->expected(0, 1)
                                       ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                                       ->group(""));
    }
    app.add_flag("-v")->group("");
  }

  // What was parsed but cannot be obeyed, or is not known.
  [[nodiscard]] std::optional<Mistake> mistake() const {
    for (const auto& [option, words] : later_) {
      if (words->count() == 0) continue;
      return Mistake{where_ + "--" + std::string(option->name) + ": this version of gmand " +
                     std::string(option->lacks)};
    }
    if (app.get_option("-v")->count() != 0) {
      return Mistake{where_ + "-v: gearmand gave this up, and gmand has --verbose LEVEL"};
    }
    for (const std::string& extra : app.remaining()) {
      if (extra.starts_with('@') || extra == "--") continue;
      if (!extra.starts_with('-')) return Mistake{where_ + "'" + extra + "' is no option"};
      std::string name = extra.substr(0, extra.find('='));
      name.erase(0, name.find_first_not_of('-'));
      return Mistake{where_ + extra + " is no option; the nearest is --" +
                     std::string(nearest_name(name))};
    }
    for (const auto& [option, words] : known_) {
      if (words->count() > 1 && option->field.kind != Kind::list) {
        return Mistake{where_ + "--" + option->name + ": is there " +
                       std::to_string(words->count()) + " times, and takes one value"};
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::vector<Setting> settings() const {
    std::vector<Setting> settings;
    for (const auto& [option, words] : known_) {
      if (words->count() == 0) continue;
      settings.push_back({option, words->results(), where_ + "--" + option->name});
    }
    return settings;
  }

  CLI::App app{"gmand: a job server for Gearman clients and workers", "gmand"};

 private:
  std::string where_;
  std::vector<std::pair<const Option*, CLI::Option*>> known_;
  std::vector<std::pair<const LaterOption*, CLI::Option*>> later_;
};

Mistake in_one_line(const std::string& where, const CLI::ParseError& error) {
  std::string what = error.what();
  std::ranges::replace(what, '\n', ' ');
  return {where + what};
}

}  // namespace

std::variant<CommandLine, CommandLineEnd, Mistake> read_command_line(int argc,
                                                                     const char* const* argv) {
  Words words("");
  CLI::App& app = words.app;
  app.get_formatter()->column_width(44);
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "gmand " GMAN_VERSION, "Print the version and exit");
  CommandLine line;
  app.add_option("--" + std::string(file_option), line.config_file,
                 "Options as TOML, with the same names;\n"
                 "what the command line says goes before")
      ->option_text("FILE")
      ->group("Service");
  app.add_flag("--check-config", line.check_config,
               "Check all options, print them as TOML and exit")
      ->group("Service");
  app.add_flag("--check-args", line.check_args)->group("");
  app.footer(
      "Signals: TERM and INT drain and end (the second one ends at once); USR1 stops listening\n"
      "and ends when no job remains; HUP reads the configuration and opens the log file again.\n\n"
      "Example: gmand --listen 0.0.0.0 --unix-socket /run/gmand/gmand.sock --drain-seconds 30\n"
      "The manual is docs/GMAND.md.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return CommandLineEnd{0, without_double_blank_lines(app.help())};
  } catch (const CLI::CallForVersion&) {
    return CommandLineEnd{0, app.version() + "\n"};
  } catch (const CLI::ParseError& error) {
    return in_one_line("", error);
  }
  if (const auto mistake = words.mistake()) return *mistake;
  // gearmand's other way to name the file.
  for (const std::string& extra : app.remaining()) {
    if (!extra.starts_with('@')) continue;
    if (!line.config_file.empty()) return Mistake{extra + ": there is a --config-file already"};
    line.config_file = extra.substr(1);
  }
  line.settings = words.settings();
  return line;
}

std::variant<std::vector<Setting>, Mistake> read_option_words(const std::vector<std::string>& words,
                                                              const std::string& path) {
  const std::string where = path + ": ";
  Words parsed(where);
  parsed.app.set_help_flag();
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    parsed.app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return in_one_line(where, error);
  }
  if (const auto mistake = parsed.mistake()) return *mistake;
  for (const std::string& extra : parsed.app.remaining()) {
    return Mistake{where + extra + ": a file names no other file"};
  }
  return parsed.settings();
}

}  // namespace gman::config
