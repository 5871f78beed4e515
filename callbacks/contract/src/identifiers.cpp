#include <callbacks/errors.h>
#include <callbacks/identifiers.h>

namespace callbacks {

Identifier::Identifier(std::string text, char sigil, std::string_view kind) : text_(std::move(text)) {
    if (text_.empty() || text_.front() != sigil) {
        throw SynapseError(400, "Expected " + std::string(kind) + " string to start with '" + sigil + "'",
                           Codes::INVALID_PARAM);
    }
    colon_ = text_.find(':');
    if (colon_ == std::string::npos || colon_ + 1 == text_.size()) {
        throw SynapseError(400, "Expected " + std::string(kind) + " of the form '" + sigil + "localname:domain'",
                           Codes::INVALID_PARAM);
    }
}

std::string_view domain_of(std::string_view identifier) noexcept {
    const std::size_t colon = identifier.find(':');
    return colon == std::string_view::npos ? std::string_view() : identifier.substr(colon + 1);
}

std::string_view localpart_of(std::string_view identifier) noexcept {
    const std::size_t colon = identifier.find(':');
    return colon == std::string_view::npos || colon == 0 ? std::string_view() : identifier.substr(1, colon - 1);
}

}  // namespace callbacks
