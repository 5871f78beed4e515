#include "answers.h"
#include "arguments.h"
#include "command.h"
#include "library.h"
#include "nearest_name.h"

#include <modapi/testing/host.h>

#include <callbacks/contract_words.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <tuple>

namespace command {

namespace {

using modapi::testing::Host;

/// What a signature's parameters are, and their arguments from a command line.
template <class Signature>
struct Parameters;
template <class R, class... Types>
struct Parameters<R(Types...)> {
    template <class T>
    static std::string word() {
        const std::string word = callbacks::contract_word<T>();
        if constexpr (std::is_same_v<T, callbacks::Event>) return word + " by --event";
        if constexpr (std::is_same_v<T, callbacks::StateMap>) return word + " by --state";
        return word;
    }
    /// In the contract's words.
    static std::string words() {
        std::string all;
        ((all += (all.empty() ? "" : ", ") + word<std::remove_cvref_t<Types>>()), ...);
        return "(" + all + ")";
    }
    static auto read(GivenArguments& given) {
        constexpr std::size_t wanted = (std::size_t{0} + ... + (is_read_from_file<std::remove_cvref_t<Types>> ? 0 : 1));
        given.require(wanted, (std::is_same_v<std::remove_cvref_t<Types>, callbacks::Event> || ...),
                      (std::is_same_v<std::remove_cvref_t<Types>, callbacks::StateMap> || ...));
        return std::tuple<HeldArgument<std::remove_cvref_t<Types>>...>{given.next<std::remove_cvref_t<Types>>()...};
    }
    /// Where the callback may change what it is given, that is its answer.
    static constexpr bool may_change = (std::is_same_v<Types, callbacks::JsonDict&> || ...);
};

/// The answer of all modules together, in one line.
template <class Dispatcher, class... Arguments>
std::string answer_of(Host& host, const Dispatcher& callback, std::tuple<Arguments...>& arguments) {
    using Result = typename Dispatcher::result;
    using Signature = typename Dispatcher::slot_type::signature;
    auto asked = std::apply([&](auto&... argument) { return callback(argument...); }, arguments);
    if constexpr (std::is_same_v<Result, std::optional<async::context_manager<int>>>) {
        Result entered = host.run(std::move(asked));
        if (!entered) return "null";
        const int value = host.run(entered->enter());
        host.run(entered->exit(nullptr));
        return std::to_string(value);
    } else if constexpr (!std::is_void_v<Result>) {
        return line_of(host.run(std::move(asked)));
    } else {
        host.run(std::move(asked));
        if constexpr (Parameters<Signature>::may_change) {
            return line_of(std::get<callbacks::JsonDict>(arguments));
        } else {
            return "null";
        }
    }
}

/// Of a callback that is registered for a type of login: the second argument.
template <class Dispatcher, class... Arguments>
std::string answer_for_login(Host& host, const Dispatcher& checkers, std::tuple<Arguments...>& arguments) {
    const std::string& type = std::get<1>(arguments);
    const auto* const of_type =
        checkers.find_if([&](const callbacks::LoginType& registered) { return registered.type == type; });
    if (of_type != nullptr) return answer_of(host, *of_type, arguments);
    std::string types;
    checkers.each_key(
        [&](const callbacks::LoginType& registered, const auto&) { types += (types.empty() ? "" : ", ") + registered.type; });
    throw Failure("no checker is registered for logins of the type " + type + "; there are " + types);
}

/// The answer of the modules; asked by a name.
std::string ask(Host& host, std::string_view name, GivenArguments& given) {
    std::string answer;
    callbacks::each_callback(host.hooks(), [&]<class Dispatcher>(const Dispatcher& callback, std::string_view) {
        if (callback.callback_name != name) return;
        using Signature = typename Dispatcher::slot_type::signature;
        auto arguments = [&] {
            try {
                return Parameters<Signature>::read(given);
            } catch (const std::exception& error) {
                throw Failure(std::string(name) + " takes " + Parameters<Signature>::words() + "; " + error.what());
            }
        }();
        if constexpr (requires { typename Dispatcher::one; }) {
            answer = answer_for_login(host, callback, arguments);
        } else {
            answer = answer_of(host, callback, arguments);
        }
    });
    return answer;
}

std::vector<std::string_view> callback_names() {
    std::vector<std::string_view> names;
    for (const callbacks::CallbackDescription& each : callbacks::callback_descriptions()) names.push_back(each.name);
    return names;
}

/// As a host lists them; without a file all of the library's.
std::vector<modapi::ConfiguredModule> entries_of(const Library& library, const std::optional<std::string>& config) {
    std::vector<modapi::ConfiguredModule> entries;
    if (config) {
        entries = library.entries_in(modapi::ConfigurationFile::load(*config));
        if (entries.empty()) throw Failure(*config + " lists no module of " + library.file().string());
        return entries;
    }
    try {
        for (const std::string& module : library.modules()) entries.push_back(library.entry_without_configuration(module));
    } catch (const modapi::ConfigurationError& error) {
        throw Failure(error.what() + std::string(give_configuration));
    }
    return entries;
}

void require_registered(Host& host, std::string_view name, const Library& library) {
    std::string registered;
    bool is_there = false;
    callbacks::each_callback(host.hooks(), [&](const auto& callback, std::string_view) {
        if (callback.empty()) return;
        registered += (registered.empty() ? "" : ", ") + std::string(callback.callback_name);
        is_there = is_there || callback.callback_name == name;
    });
    if (is_there) return;
    throw Failure(library.file().string() + " registers no " + std::string(name) +
                  (registered.empty() ? ", nor anything else" : "; it registers " + registered));
}

/// What the log says of a callback that failed: also where that isn't the operation's failure. Empty: none did.
std::string failure_in(const std::string& log, std::string_view name) {
    const std::size_t found = log.find(": " + std::string(name) + " failed: ");
    if (found == std::string::npos) return {};
    const std::size_t line = log.rfind('\n', found) + 1;  // npos + 1 is the beginning
    const std::string text = log.substr(line, log.find('\n', found) - line);
    return text.substr(text.find("module "));
}

void add_options_of_call(boost::program_options::options_description& options) {
    add_config_option(options);
    options.add_options()("event", boost::program_options::value<std::string>()->value_name("FILE"), "the event, as JSON")(
        "state", boost::program_options::value<std::string>()->value_name("FILE"),
        "the room's state, a list of state events as JSON; else there is none");
}

int call_callback(const Arguments& given) {
    if (given.positional.empty()) throw Failure("say which callback (modapi call --help says more)");
    const std::string& name = given.positional.front();
    if (callbacks::description_of(name) == nullptr) {
        throw Failure("there is no callback " + name + "; did you mean " + nearest_name(name, callback_names()) + "?");
    }
    auto word = given.positional.begin() + 1;
    std::optional<std::string> file;
    if (word != given.positional.end() && word->ends_with(".so")) file = *word++;
    const Library library(file);
    GivenArguments arguments({word, given.positional.end()}, given.value("event"), given.value("state"));

    Host host;
    host.load_configured(entries_of(library, given.value("config")));
    require_registered(host, name, library);
    std::string answer;
    std::exception_ptr error;
    try {
        answer = ask(host, name, arguments);
    } catch (...) {
        error = std::current_exception();
    }
    if (const std::string failure = failure_in(host.log(), name); !failure.empty()) throw Failure(failure);
    if (error) std::rethrow_exception(error);
    std::cout << answer << std::endl;
    return EXIT_SUCCESS;
}

int print_callback_names(const Arguments&) {
    for (const std::string_view name : callback_names()) std::cout << name << '\n';
    return EXIT_SUCCESS;
}

}  // namespace

const Command call_command{"call", "CALLBACK [MODULE.so] [ARGUMENT...] [--event FILE] [--state FILE] [--config FILE]",
                           "asks the module, in a homeserver that is made up, and prints its answer.\n"
                           "      Texts are given as they are, other arguments as JSON; behind -- one may begin with a dash",
                           &add_options_of_call, &call_callback};

const Command callbacks_command{"callbacks", "", "", [](boost::program_options::options_description&) {},
                                &print_callback_names};

}  // namespace command
