#include "addresses/validation_mail.h"

#include "process/server_configuration.h"

#include <filesystem>

namespace homeserver {

namespace {

/// The operator's before the server's.
std::vector<std::filesystem::path> folders_of(const ServerConfiguration& configuration) {
    std::vector<std::filesystem::path> folders;
    if (configuration.custom_template_dir) folders.emplace_back(*configuration.custom_template_dir);
    if (configuration.template_dir) folders.emplace_back(*configuration.template_dir);
    return folders;
}

}  // namespace

ValidationMail::ValidationMail(const ServerConfiguration& configuration)
    : configuration_(configuration),
      templates_(modapi::read_templates({"validation.txt", "validation.html"}, folders_of(configuration))) {}

std::string ValidationMail::rendered(std::size_t index, const std::string& link, const std::string& purpose) const {
    callbacks::JsonDict values;
    values["app_name"] = configuration_.mail.app_name;
    values["server_name"] = configuration_.server_name;
    values["link"] = link;
    values["purpose"] = purpose;
    return templates_.at(index).render(values);
}

std::string ValidationMail::text(const std::string& link, const std::string& purpose) const {
    return rendered(0, link, purpose);
}
std::string ValidationMail::html(const std::string& link, const std::string& purpose) const {
    return rendered(1, link, purpose);
}
std::string ValidationMail::subject() const { return "[" + configuration_.server_name + "] Validate your email"; }

}  // namespace homeserver
