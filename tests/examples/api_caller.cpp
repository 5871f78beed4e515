#include "api_caller.h"

#include <modapi/module.h>

#include <callbacks/errors.h>

#include <memory>
#include <stdexcept>
#include <utility>

namespace api_caller {

namespace {

const Method& find_method(const std::string& name) {
    for (const std::span<const Method> methods :
         {user_methods(), room_methods(), push_methods(), mail_methods(), http_methods(), internal_methods()}) {
        for (const Method& method : methods) {
            if (method.name == name) return method;
        }
    }
    throw callbacks::SynapseError(404, "no method " + name);
}

/// What a method threw, with the name that authors know the exception by.
JsonDict described(const std::exception_ptr& failure) {
    JsonDict error;
    error["what"] = callbacks::message_of(failure);
    try {
        std::rethrow_exception(failure);
    } catch (const callbacks::SynapseError& refusal) {
        error["type"] = "SynapseError";
        error["status"] = refusal.status();
        error["errcode"] = refusal.errcode();
        error["is_foreign_user"] = dynamic_cast<const callbacks::ForeignUserError*>(&refusal) != nullptr;
    } catch (const callbacks::ExternalIDReuseException&) {
        error["type"] = "ExternalIDReuseException";
    } catch (const callbacks::InvalidRuleException&) {
        error["type"] = "InvalidRuleException";
    } catch (const callbacks::RuleNotFoundException&) {
        error["type"] = "RuleNotFoundException";
    } catch (const std::invalid_argument&) {
        error["type"] = "invalid_argument";
    } catch (const std::runtime_error&) {
        error["type"] = "runtime_error";
    } catch (...) {
        error["type"] = "other";
    }
    return error;
}

class CallResource final : public modapi::DirectServeJsonResource {
public:
    explicit CallResource(ModuleApi& api) : api_(api) {}

protected:
    task<modapi::JsonResponse> async_render_POST(const modapi::Request& request) override {
        const JsonDict body = request.json_object();
        const std::string name(body.at("call").as_string());
        const Method& method = find_method(name);
        Call call{api_, request, body.at("args").as_array()};
        JsonDict answer;
        try {
            JsonValue result = co_await method.call(std::move(call));
            answer["result"] = std::move(result);
        } catch (...) {
            answer["error"] = described(std::current_exception());
        }
        co_return modapi::JsonResponse(200, answer);
    }

private:
    ModuleApi& api_;
};

}  // namespace

class ApiCaller {
public:
    ApiCaller(callbacks::JsonDict, ModuleApi& api) {
        api.register_web_resource("/_synapse/client/api", std::make_shared<CallResource>(api));
    }
};

}  // namespace api_caller

using api_caller::ApiCaller;
MODAPI_MODULE(ApiCaller)
