#include "api_caller.h"

namespace api_caller {

namespace {

task<JsonValue> send_mail(Call call) {
    co_await call.api.send_mail(call.text(0), call.text(1), call.text(2), call.text(3));
    co_return nullptr;
}

/// The files rendered with the same values.
task<JsonValue> read_templates(Call call) {
    JsonArray rendered;
    const JsonDict values = call.object(2);
    for (const modapi::Template& file : call.api.read_templates(call.texts(0), call.optional_text(1)))
        rendered.emplace_back(file.render(values));
    co_return rendered;
}

constexpr Method mail_method_table[] = {
    {"send_mail", &send_mail},
    {"read_templates", &read_templates},
};

}  // namespace

std::span<const Method> mail_methods() { return mail_method_table; }

}  // namespace api_caller
