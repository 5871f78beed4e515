#include "notices.h"

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/runtime_symbol_info.hpp>

#include <array>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace account_validity {

namespace {

/// Beside this library, wherever that is.
std::string template_folder() {
    const std::filesystem::path library = boost::dll::this_line_location();
    return (library.parent_path() / EMAIL_ACCOUNT_VALIDITY_TEMPLATES).string();
}

std::string date_of(std::int64_t timestamp_ms) {
    constexpr std::int64_t ms_per_second = 1000;
    const std::time_t seconds = timestamp_ms / ms_per_second;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
    return std::string(text.data(), length);
}

callbacks::JsonDict expiration_values(std::int64_t expiration_ts) {
    callbacks::JsonDict values;
    values["expiration_ts"] = expiration_ts;
    values["expiration"] = date_of(expiration_ts);
    return values;
}

}  // namespace

std::string subject_of(const std::string& format, const std::string& app_name) {
    constexpr std::string_view name = "%(app)s";
    constexpr std::string_view percent = "%%";
    std::string subject;
    std::string_view rest = format;
    while (!rest.empty()) {
        if (rest.starts_with(name)) {
            subject += app_name;
            rest.remove_prefix(name.size());
        } else if (rest.starts_with(percent)) {
            subject += '%';
            rest.remove_prefix(percent.size());
        } else if (rest.front() == '%') {
            return format;
        } else {
            subject += rest.front();
            rest.remove_prefix(1);
        }
    }
    return subject;
}

Notices::Notices(const modapi::ModuleApi& api, const std::string& subject)
    : Notices(api, subject,
              api.read_templates({"notice_expiry.html", "notice_expiry.txt", "account_renewed.html",
                                  "account_previously_renewed.html", "invalid_token.html"},
                                 template_folder())) {}

Notices::Notices(const modapi::ModuleApi& api, const std::string& subject, std::vector<modapi::Template> templates)
    : app_name_(api.email_app_name()),
      subject_(subject_of(subject, app_name_)),
      html_mail_(std::move(templates.at(0))),
      text_mail_(std::move(templates.at(1))),
      renewed_page_(std::move(templates.at(2))),
      renewed_before_page_(std::move(templates.at(3))),
      invalid_token_page_(std::move(templates.at(4))) {}

callbacks::JsonDict Notices::values_of(const Notice& notice) const {
    callbacks::JsonDict values = expiration_values(notice.expiration_ts);
    values["app_name"] = app_name_;
    values["display_name"] = notice.display_name;
    values["url"] = nullptr;
    if (notice.url) values["url"] = *notice.url;
    values["renewal_token"] = notice.renewal_token;
    return values;
}

std::string Notices::renewed_page(std::int64_t expiration_ts) const {
    return renewed_page_.render(expiration_values(expiration_ts));
}

std::string Notices::renewed_before_page(std::int64_t expiration_ts) const {
    return renewed_before_page_.render(expiration_values(expiration_ts));
}

std::string Notices::invalid_token_page() const { return invalid_token_page_.render(callbacks::JsonDict()); }

}  // namespace account_validity
