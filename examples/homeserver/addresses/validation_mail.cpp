#include "addresses/validation_mail.h"

#include <utility>

namespace homeserver {

ValidationMail::ValidationMail(std::string server_name, std::string app_name, const std::vector<std::filesystem::path>& folders)
    : server_name_(std::move(server_name)),
      app_name_(std::move(app_name)),
      templates_(modapi::read_templates({"validation.txt", "validation.html"}, folders)) {}

std::string ValidationMail::rendered(std::size_t index, const std::string& link, const std::string& purpose) const {
    callbacks::JsonDict values;
    values["app_name"] = app_name_;
    values["server_name"] = server_name_;
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
std::string ValidationMail::subject() const { return "[" + server_name_ + "] Validate your email"; }

}  // namespace homeserver
