#pragma once

#include <modapi/template.h>

#include <optional>
#include <string>
#include <vector>

namespace homeserver {

struct ServerConfiguration;

/// The mail with the link that validates an address. One a worker.
class ValidationMail {
public:
    /// Reads `validation.txt` and `validation.html`. Errors: those of modapi::read_templates.
    explicit ValidationMail(const ServerConfiguration& configuration);

    /// `purpose` stands between the names and "this e-mail address".
    [[nodiscard]] std::string text(const std::string& link, const std::string& purpose) const;
    [[nodiscard]] std::string html(const std::string& link, const std::string& purpose) const;
    [[nodiscard]] std::string subject() const;

private:
    [[nodiscard]] std::string rendered(std::size_t index, const std::string& link, const std::string& purpose) const;

    const ServerConfiguration& configuration_;
    std::vector<modapi::Template> templates_;
};

}  // namespace homeserver
