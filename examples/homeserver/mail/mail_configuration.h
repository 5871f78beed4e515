#pragma once

#include "mail/mail_settings.h"

#include <modapi/config_section.h>

#include <filesystem>
#include <set>
#include <string_view>

namespace homeserver {

/// The keys of the configuration's `email` section that have an effect.
[[nodiscard]] const std::set<std::string_view>& mail_keys();

/// Reads the `email` section of `root`; paths become relative to `folder`. Errors: callbacks::ConfigError.
[[nodiscard]] MailSettings read_mail_settings(const modapi::ConfigSection& root, const std::filesystem::path& folder);

}  // namespace homeserver
