#include "command.h"
#include "nearest_name.h"

#include <modapi/hosting/configuration.h>
#include <modapi/version.h>

#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <iostream>

namespace {

namespace program_options = boost::program_options;
using command::Command;
using command::Failure;

constexpr std::array commands{&command::new_command, &command::check_command, &command::run_command, &command::call_command,
                              &command::callbacks_command};

std::vector<std::string_view> listed_names() {
    std::vector<std::string_view> names;
    for (const Command* const each : commands) {
        if (!each->summary.empty()) names.push_back(each->name);
    }
    return names;
}

void print_help() {
    std::cout << "usage: modapi COMMAND ...\n\nFor authors of modules.\n\n";
    for (const Command* const each : commands) {
        if (!each->summary.empty())
            std::cout << "  modapi " << each->name << ' ' << each->parameters << "\n      " << each->summary << '\n';
    }
    std::cout << "  modapi COMMAND --help\n      says which options it has\n  modapi --version\n";
}

const Command& command_named(std::string_view name) {
    for (const Command* const each : commands) {
        if (each->name == name) return *each;
    }
    throw Failure("there is no command " + std::string(name) + "; did you mean " + command::nearest_name(name, listed_names()) +
                  "? (modapi --help lists them)");
}

/// Texts of modules come along, which may have several lines.
std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char character) { return std::iscntrl(character) != 0; }, ' ');
    return text;
}

int run_command_with(const Command& chosen, const std::vector<std::string>& arguments) {
    program_options::options_description shown("Options");
    chosen.add_options(shown);
    shown.add_options()("help", "say this");
    program_options::options_description all;
    all.add(shown).add_options()("given", program_options::value<std::vector<std::string>>());
    program_options::positional_options_description positional;
    positional.add("given", -1);
    command::Arguments given;
    program_options::store(program_options::command_line_parser(arguments).options(all).positional(positional).run(),
                           given.options);
    if (given.has("help")) {
        std::cout << "usage: modapi " << chosen.name << ' ' << chosen.parameters << "\n\n" << chosen.summary << "\n\n" << shown;
        return EXIT_SUCCESS;
    }
    if (given.has("given")) given.positional = given.options["given"].as<std::vector<std::string>>();
    return chosen.run(given);
}

int run_program(const std::vector<std::string>& arguments) {
    if (arguments.empty()) throw Failure("say what to do (modapi --help lists the commands)");
    if (arguments.front() == "--help") {
        print_help();
        return EXIT_SUCCESS;
    }
    if (arguments.front() == "--version") {
        std::cout << "modapi " MODAPI_VERSION "\n";
        return EXIT_SUCCESS;
    }
    const Command& chosen = command_named(arguments.front());
    try {
        return run_command_with(chosen, {arguments.begin() + 1, arguments.end()});
    } catch (const program_options::error& error) {
        throw Failure(std::string(error.what()) + " (modapi " + std::string(chosen.name) + " --help says more)");
    }
}

}  // namespace

void command::add_config_option(program_options::options_description& options) {
    options.add_options()("config", program_options::value<std::string>()->value_name("FILE"),
                          "a homeserver.yaml whose entries of modules: have the module's configuration");
}

int main(int argument_count, char** arguments) {
    try {
        return run_program({arguments + 1, arguments + argument_count});
    } catch (const modapi::ConfigurationError& error) {
        std::cerr << one_line(error.what()) << std::endl;
    } catch (const std::exception& error) {
        std::cerr << "modapi: " << one_line(error.what()) << std::endl;
    }
    return EXIT_FAILURE;
}
