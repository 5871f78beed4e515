#include <modapi/module_api.h>

#include <async/cached.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

/// Asks a service for a user's department, and remembers what it said (contract: "Writing a module", "Caching").
///
///     GET  /_synapse/client/my_module/department?user_id=@alice:example.com   {"department": "engineering"}
///     POST /_synapse/client/my_module/forget {"user_id": "@alice:example.com"}   asks anew from then on, on every worker
class MyModule {
public:
    struct Config {
        std::string endpoint;
        std::optional<std::string> unsigned_field;  ///< where clients see the sender's department; none: nowhere
    };
    static Config parse_config(const modapi::ConfigSection& config) {
        config.refuse_unknown_keys({"endpoint", "unsigned_field"});
        Config parsed;
        parsed.endpoint = config.value_or<std::string>("endpoint", "https://int.example.com/users");
        parsed.unsigned_field = config.optional<std::string>("unsigned_field");
        return parsed;
    }

    MyModule(Config config, modapi::ModuleApi& api) : config_(std::move(config)), api_(api) {
        api.http_client().allow(config_.endpoint);
        // So that an invalidation on one worker reaches the same function on the others.
        api.register_cached_function(get_department_for_user_);
        api.register_web_resource("/_synapse/client/my_module/department", std::make_shared<DepartmentResource>(*this));
        api.register_web_resource("/_synapse/client/my_module/forget", std::make_shared<ForgetResource>(*this));
        if (config_.unsigned_field) {
            api.register_add_extra_fields_to_unsigned_client_event_callbacks(
                {.add_field_to_unsigned_callback = async::bind<&MyModule::add_departments>(this)});
        }
    }

private:
    class DepartmentResource final : public modapi::DirectServeJsonResource {
    public:
        explicit DepartmentResource(MyModule& module) : module_(module) {}

    protected:
        async::task<modapi::JsonResponse> async_render_GET(const modapi::Request& request) override {
            const std::string user_id = request.required_argument("user_id");
            const std::string department = co_await module_.get_department_for_user_(user_id);
            callbacks::JsonDict answer;
            answer["department"] = department;
            co_return modapi::JsonResponse(200, std::move(answer));
        }

    private:
        MyModule& module_;
    };

    class ForgetResource final : public modapi::DirectServeJsonResource {
    public:
        explicit ForgetResource(MyModule& module) : module_(module) {}

    protected:
        async::task<modapi::JsonResponse> async_render_POST(const modapi::Request& request) override {
            const callbacks::JsonDict body = request.json_object();
            const callbacks::JsonValue* const user_id = body.if_contains("user_id");
            if (user_id == nullptr || !user_id->is_string()) {
                throw callbacks::SynapseError(400, "Missing key 'user_id'", callbacks::Codes::MISSING_PARAM);
            }
            const std::string forgotten(user_id->get_string());
            co_await module_.api_.invalidate_cache(module_.get_department_for_user_, forgotten);
            co_return modapi::JsonResponse(200, callbacks::JsonDict());
        }

    private:
        MyModule& module_;
    };

    /// In the batch form, since it waits: once for all events of a response, which have few senders.
    async::task<void> add_departments(std::span<const callbacks::EventRef> events, callbacks::UnsignedBatch& out) {
        for (std::size_t at = 0; at < events.size(); ++at) {
            const std::string sender(events[at]->sender());
            const std::string department = co_await get_department_for_user_(sender);
            out[at].add(*config_.unsigned_field, department);
        }
    }

    async::task<std::string> fetch_department(const std::string& user_id) {
        modapi::QueryArguments arguments;
        arguments.emplace_back("user_id", user_id);
        const callbacks::JsonValue answer = co_await api_.http_client().get_json(config_.endpoint, arguments);
        co_return std::string(answer.at("department").as_string());
    }

    Config config_;
    modapi::ModuleApi& api_;
    async::cached<std::string(const std::string&)> get_department_for_user_{"get_department_for_user",
                                                                            async::bind<&MyModule::fetch_department>(this)};
};

MODAPI_MODULE(MyModule)
