#pragma once

#include <modapi/module_api.h>

#include <cstdint>
#include <optional>
#include <string>

namespace account_validity {

/// What a notice tells.
struct Notice {
    std::string display_name;
    std::int64_t expiration_ts = 0;  ///< milliseconds since 1970
    std::optional<std::string> url;  ///< of the link; none: the token is to be typed
    std::string renewal_token;
};

/// The mails and pages, from the module's templates or the operator's of the same names.
///
/// Mustache has no filter `format_ts`: beside `expiration_ts` (milliseconds) each template gets `expiration`, the same as
/// `2026-11-25 07:06 UTC`. Mails also have `app_name`, `display_name`, `url` (null without links) and `renewal_token`.
class Notices {
public:
    /// In a module's constructor. `subject`: with `%(app)s` for the service's name. Errors: those of read_templates.
    Notices(const modapi::ModuleApi& api, const std::string& subject);

    [[nodiscard]] const std::string& subject() const noexcept { return subject_; }
    [[nodiscard]] std::string html_mail(const Notice& notice) const { return html_mail_.render(values_of(notice)); }
    [[nodiscard]] std::string text_mail(const Notice& notice) const { return text_mail_.render(values_of(notice)); }
    [[nodiscard]] std::string renewed_page(std::int64_t expiration_ts) const;
    [[nodiscard]] std::string renewed_before_page(std::int64_t expiration_ts) const;
    [[nodiscard]] std::string invalid_token_page() const;

private:
    Notices(const modapi::ModuleApi& api, const std::string& subject, std::vector<modapi::Template> templates);
    [[nodiscard]] callbacks::JsonDict values_of(const Notice& notice) const;

    std::string app_name_;
    std::string subject_;
    modapi::Template html_mail_;
    modapi::Template text_mail_;
    modapi::Template renewed_page_;
    modapi::Template renewed_before_page_;
    modapi::Template invalid_token_page_;
};

/// `format` with `app_name` in the place of each `%(app)s` and `%` in that of `%%`. With another `%` in it, it is left as it
/// is.
[[nodiscard]] std::string subject_of(const std::string& format, const std::string& app_name);

}  // namespace account_validity
