#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace command {

/// What is wrong, in one line that says what to do.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What a command was given.
struct Arguments {
    std::vector<std::string> positional;
    boost::program_options::variables_map options;

    [[nodiscard]] bool has(const char* option) const { return options.contains(option); }
    [[nodiscard]] std::optional<std::string> value(const char* option) const {
        return has(option) ? std::optional<std::string>(options[option].as<std::string>()) : std::nullopt;
    }
};

/// One of the program's commands.
struct Command {
    std::string_view name;
    std::string_view parameters;  ///< as its usage shows them
    std::string_view summary;     ///< a sentence; empty: it isn't listed
    void (*add_options)(boost::program_options::options_description& options);
    /// Gives the program's status. Errors: Failure, and whatever the framework throws.
    int (*run)(const Arguments& given);
};

extern const Command new_command;
extern const Command check_command;
extern const Command run_command;
extern const Command call_command;
extern const Command callbacks_command;

/// What is said behind a host's line about a module that isn't taken without a configuration.
inline constexpr std::string_view give_configuration = "; give its configuration with --config FILE";
/// Adds `--config FILE`, which several commands have.
void add_config_option(boost::program_options::options_description& options);

}  // namespace command
