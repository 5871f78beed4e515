#include "python_module.h"

#include "python_cached_function.h"
#include "python_callbacks.h"
#include "python_web_resource.h"

#include <modapi/hosting/log.h>
#include <modapi/hosting/module_environment.h>

#include <async/notification.h>

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace modapi {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

const JsonArray* list_of(const JsonDict& described, std::string_view member) {
    const JsonValue* const value = described.if_contains(member);
    return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

std::string texts(const JsonArray& list) {
    std::string text;
    for (const JsonValue& each : list) {
        if (each.is_string()) text.append(text.empty() ? "" : ", ").append(each.get_string().data(), each.get_string().size());
    }
    return text;
}

}  // namespace

/// That a module is in its process; outlives the instance by what waits for its end.
struct PythonModule::Presence {
    std::shared_ptr<PythonProcess> process;
    std::shared_ptr<PythonEntry> entry;
    async::notification never;
    bool was_started = false;
    bool has_left = false;
};

async::task<std::shared_ptr<const PythonModule::Prepared>> PythonModule::prepare(std::shared_ptr<PythonProcess> process,
                                                                                std::shared_ptr<const PythonSource> source,
                                                                                JsonDict config, ModuleApi& api) {
    auto prepared = std::make_shared<Prepared>();
    prepared->presence = std::make_shared<Presence>();
    Presence& presence = *prepared->presence;
    presence.process = std::move(process);
    presence.entry = std::make_shared<PythonEntry>(presence.process, std::move(source), std::move(config), api);
    async::task<JsonDict> building = PythonProcess::build(presence.process, presence.entry);
    prepared->described = co_await std::move(building);
    // stop() is for those that are started. Others end with their background calls.
    registrations_of(api).background_calls.spawn("a Python module", keep(prepared->presence));
    co_return prepared;
}

PythonModule::PythonModule(const Prepared& prepared, ModuleApi& api) : presence_(prepared.presence) {
    register_all(api, prepared.described);
}

PythonModule::~PythonModule() {
    if (!presence_->has_left) presence_->process->abandon(*presence_->entry);
}

void PythonModule::start() { presence_->was_started = true; }

async::task<void> PythonModule::stop() {
    presence_->has_left = true;
    async::task<void> leaving = PythonProcess::leave(presence_->process, presence_->entry);
    co_await std::move(leaving);
}

async::task<void> PythonModule::keep(std::shared_ptr<Presence> presence) {
    try {
        co_await presence->never.wait();
    } catch (const async::operation_cancelled&) {
        if (presence->was_started || presence->has_left) throw;
    }
    presence->has_left = true;
    const async::context& here = co_await async::this_context;
    async::context uncut = here;
    uncut.cancellation = nullptr;
    async::task<void> leaving = PythonProcess::leave(presence->process, presence->entry);
    co_await std::move(leaving).in(uncut);
}

void PythonModule::register_all(ModuleApi& api, const JsonDict& described) {
    const std::shared_ptr<PythonEntry>& entry = presence_->entry;
    if (const JsonArray* const registered = list_of(described, "callbacks")) register_python_callbacks(api, *registered, entry);
    if (const JsonArray* const paths = list_of(described, "web")) {
        for (const JsonValue& path : *paths) {
            const auto directory = [process = std::weak_ptr<PythonProcess>(presence_->process)] {
                const std::shared_ptr<PythonProcess> running = process.lock();
                return running != nullptr ? running->directory() : std::nullopt;
            };
            const auto answered = [process = std::weak_ptr<PythonProcess>(presence_->process)] {
                const std::shared_ptr<PythonProcess> running = process.lock();
                if (running != nullptr) running->answered_well();
            };
            const auto begun = [process = std::weak_ptr<PythonProcess>(presence_->process)](const std::string& page) {
                const std::shared_ptr<PythonProcess> running = process.lock();
                return running != nullptr ? PythonProcess::page_begins(running, page) : nullptr;
            };
            api.register_web_resource(std::string(path.as_string()),
                                      std::make_shared<PythonWebResource>(directory, answered, begun, entry->name()));
        }
    }
    if (const JsonArray* const functions = list_of(described, "cached")) {
        for (const JsonValue& function : *functions) {
            const JsonDict& of = function.as_object();
            cached_.push_back(std::make_unique<PythonCachedFunction>(
                std::string(of.at("name").as_string()), static_cast<std::size_t>(of.at("parts").as_int64()), entry));
            api.register_cached_function(*cached_.back());
        }
    }
    if (const JsonArray* const names = list_of(described, "placeholders"); names != nullptr && !names->empty())
        framework_log().warn("module {}: its package imports what isn't offered here, and fails where it uses it: {}",
                             entry->module(), texts(*names));
    if (const JsonArray* const names = list_of(described, "ignored"); names != nullptr && !names->empty())
        framework_log().warn("module {}: it registers what isn't called here: {}", entry->module(), texts(*names));
}

}  // namespace modapi
