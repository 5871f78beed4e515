#pragma once

#include <modapi/template.h>

#include <filesystem>
#include <string>
#include <vector>

namespace homeserver {

/// The mail with the link that validates an address. One a worker.
class ValidationMail {
public:
    /// Reads `validation.txt` and `validation.html`, each from the first of `folders` that has it. `app_name` is what mails
    /// call the service. Errors: those of modapi::read_templates.
    ValidationMail(std::string server_name, std::string app_name, const std::vector<std::filesystem::path>& folders);

    /// `purpose` stands between the names and "this e-mail address".
    [[nodiscard]] std::string text(const std::string& link, const std::string& purpose) const;
    [[nodiscard]] std::string html(const std::string& link, const std::string& purpose) const;
    [[nodiscard]] std::string subject() const;

private:
    [[nodiscard]] std::string rendered(std::size_t index, const std::string& link, const std::string& purpose) const;

    std::string server_name_;
    std::string app_name_;
    std::vector<modapi::Template> templates_;
};

}  // namespace homeserver
