#pragma once

#include "yaml_document.h"

#include <yaml.h>

#include <new>
#include <string>
#include <string_view>

namespace modapi {

/// libyaml's parser over a text that outlives it.
class YamlParser {
public:
    YamlParser(std::string_view text, const std::string& name) : name_(name) {
        if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
        // Said, so that it doesn't look for an encoding: the text is known to be UTF-8.
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    }
    YamlParser(const YamlParser&) = delete;
    YamlParser& operator=(const YamlParser&) = delete;
    ~YamlParser() { yaml_parser_delete(&parser_); }

    /// Fills what the caller has to delete.
    void next_event(yaml_event_t& event) {
        if (yaml_parser_parse(&parser_, &event) == 0) fail();
    }
    void next_token(yaml_token_t& token) {
        if (yaml_parser_scan(&parser_, &token) == 0) fail();
    }

private:
    [[noreturn]] void fail() const {
        if (parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
        const std::string problem = parser_.problem != nullptr ? parser_.problem : "unknown error";
        const std::string context = parser_.context != nullptr ? std::string(parser_.context) + ", " : std::string();
        fail_at_line(name_, static_cast<int>(parser_.problem_mark.line) + 1, "isn't YAML: " + context + problem);
    }

    const std::string& name_;
    yaml_parser_t parser_{};
};

}  // namespace modapi
