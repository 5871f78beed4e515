#include "yaml_tokens.h"

#include "yaml_characters.h"
#include "yaml_parser.h"

#include <cstddef>
#include <optional>

namespace modapi {

namespace {

constexpr std::string_view tab_refusal = "isn't YAML: a tab stands where only spaces may";

struct YamlToken {
    YamlToken() = default;
    YamlToken(const YamlToken&) = delete;
    YamlToken& operator=(const YamlToken&) = delete;
    ~YamlToken() { yaml_token_delete(&token); }

    yaml_token_t token{};
};

/// Walks libyaml's tokens and, beside them, the characters that they were made of.
class TokenCheck {
public:
    TokenCheck(std::string_view text, const std::string& name) : name_(name), parser_(text, name), cursor_(text) {}

    void run() {
        while (true) {
            YamlToken next;
            parser_.next_token(next.token);
            const yaml_token_t& token = next.token;
            skip_to(token);
            if (token.type == YAML_STREAM_END_TOKEN) return;
            check(token);
            last_type_ = token.type;
            last_end_ = token.end_mark.index;
        }
    }

private:
    char32_t take() { return cursor_.take().value_or(U' '); }
    bool is_before(std::size_t index) const { return cursor_.index() < index && !cursor_.at_end(); }
    [[noreturn]] void fail(std::string_view message) const { fail_at_line(name_, cursor_.line(), message); }

    void skip_to(const yaml_token_t& token) {
        bool in_comment = false;
        while (is_before(token.start_mark.index)) {
            const char32_t character = take();
            if (is_yaml_line_break(character)) in_comment = false;
            if (character == U'#') in_comment = true;
            if (character == U'\t' && !in_comment) fail(tab_refusal);
        }
    }

    void check(const yaml_token_t& token) {
        switch (token.type) {
            case YAML_FLOW_SEQUENCE_START_TOKEN:
            case YAML_FLOW_MAPPING_START_TOKEN:
                refuse_right_behind_tag(token);
                ++brackets_;
                break;
            case YAML_FLOW_SEQUENCE_END_TOKEN:
            case YAML_FLOW_MAPPING_END_TOKEN:
                refuse_right_behind_tag(token);
                --brackets_;
                break;
            case YAML_FLOW_ENTRY_TOKEN:
                refuse_right_behind_tag(token);
                break;
            case YAML_SCALAR_TOKEN:
                check_scalar(token);
                break;
            default:
                break;
        }
        while (is_before(token.end_mark.index)) take();
    }

    void refuse_right_behind_tag(const yaml_token_t& token) const {
        if (last_type_ == YAML_TAG_TOKEN && last_end_ == token.start_mark.index)
            fail("isn't YAML: a tag must be followed by a space");
    }

    void check_scalar(const yaml_token_t& token) {
        const yaml_scalar_style_t style = token.data.scalar.style;
        if (style == YAML_PLAIN_SCALAR_STYLE) {
            while (is_before(token.end_mark.index)) {
                const char32_t character = take();
                if (character == U'\t') fail(tab_refusal);
                if (character == U'?' && brackets_ > 0)
                    fail("isn't YAML 1.1: a text with a ? must be in quotes between brackets");
            }
        } else if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
            check_block_header(token.end_mark.index);
        }
    }

    /// `|` or `>` with indicators, then nothing, or spaces and perhaps a comment.
    void check_block_header(std::size_t end) {
        bool after_space = false;
        while (is_before(end)) {
            const char32_t character = take();
            if (is_yaml_line_break(character)) return;
            if (character == U'\t') fail(tab_refusal);
            if (character == U'#') {
                if (!after_space) fail("isn't YAML: a comment must stand after a space");
                return;
            }
            after_space = character == U' ';
        }
    }

    const std::string& name_;
    YamlParser parser_;
    YamlCursor cursor_;
    /// How many brackets and braces are open.
    int brackets_ = 0;
    yaml_token_type_t last_type_ = YAML_NO_TOKEN;
    std::size_t last_end_ = 0;
};

}  // namespace

void refuse_looser_tokens(std::string_view text, const std::string& name) { TokenCheck(text, name).run(); }

}  // namespace modapi
