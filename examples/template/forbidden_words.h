#pragma once

#include <modapi/module_api.h>

#include <string>
#include <vector>

/// Refuses messages with a forbidden word, and counts them: GET /_synapse/client/forbidden_words gives `{"refused": N}`.
class ForbiddenWords {
public:
    struct Config {
        std::vector<std::string> words;  ///< in lower case
    };
    /// The module's section of the server's configuration. What is thrown here keeps the server from starting, with the place.
    static Config parse_config(const modapi::ConfigSection& config);

    /// Registers everything the module does. Nothing can be awaited here: that is what start() is for.
    ForbiddenWords(Config config, modapi::ModuleApi& api);

    /// Before the server accepts anybody: makes the module's table.
    async::task<void> start();

private:
    async::task<callbacks::Verdict> check_event_for_spam(const callbacks::Event& event);
    /// How many messages were refused since the table was made.
    async::task<modapi::JsonResponse> count(const modapi::Request& request);

    Config config_;
    modapi::ModuleApi& api_;
};
