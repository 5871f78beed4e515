#include <modapi/hosting/module_environment.h>
#include <modapi/module_api.h>

#include <callbacks/errors.h>

#include <filesystem>
#include <stdexcept>
#include <utility>

namespace modapi {

async::task<void> ModuleApi::send_mail(std::string recipient, std::string subject, std::string html, std::string text) {
    modapi::refuse_in_shadow(co_await async::this_context, "send_mail");
    if (!parse_mail_address(recipient)) throw std::runtime_error("this is no mail address: " + recipient);
    async::task<void> sending =
        environment_.server.mail().send_mail(std::move(recipient), std::move(subject), std::move(html), std::move(text));
    co_await std::move(sending);
}

std::vector<Template> ModuleApi::read_templates(const std::vector<std::string>& filenames,
                                                std::optional<std::string> custom_template_directory) const {
    std::vector<std::filesystem::path> folders;
    const auto add = [&](const std::optional<std::string>& folder) {
        if (!folder) return;
        if (!std::filesystem::is_directory(*folder))
            throw callbacks::ConfigError("the folder of templates " + *folder + " is not there");
        folders.emplace_back(*folder);
    };
    add(custom_template_dir());
    add(custom_template_directory);
    add(environment_.server.template_dir());
    return modapi::read_templates(filenames, folders);
}

}  // namespace modapi
