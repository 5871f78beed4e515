#include "push/push_gateway.h"

#include <callbacks/errors.h>

#include <async/cancellation.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace homeserver {

namespace {

using callbacks::JsonArray;
using callbacks::JsonDict;
using callbacks::JsonValue;

constexpr auto patience = std::chrono::seconds(10);
constexpr std::size_t max_answer = 64 * 1024;

modapi::HttpClientSettings with_limits(modapi::HttpClientSettings settings) {
    settings.timeout = patience;
    settings.largest_body = max_answer;
    return settings;
}

/// The pusher as a gateway is told of it.
JsonDict device_of(const Pusher& pusher, JsonDict tweaks, const JsonDict& default_payload) {
    JsonDict data = pusher.data;
    data.erase("url");
    if (!default_payload.empty()) {
        JsonValue& payload = data["default_payload"];
        if (!payload.is_object()) payload.emplace_object();
        for (const auto& [key, value] : default_payload) payload.get_object()[key] = value;
    }
    JsonDict device;
    device["app_id"] = pusher.app_id;
    device["pushkey"] = pusher.pushkey;
    device["pushkey_ts"] = pusher.pushkey_ts / 1000;  // in seconds
    device["data"] = std::move(data);
    device["tweaks"] = std::move(tweaks);
    return device;
}

bool is_rejected(const JsonValue& answer, const Pusher& pusher) {
    const JsonDict* const object = answer.if_object();
    const JsonValue* const rejected = object == nullptr ? nullptr : object->if_contains("rejected");
    const JsonArray* const keys = rejected == nullptr ? nullptr : rejected->if_array();
    return keys != nullptr && std::find(keys->begin(), keys->end(), JsonValue(pusher.pushkey)) != keys->end();
}

}  // namespace

PushGateway::PushGateway(modapi::Database& database, modapi::HttpClientSettings settings)
    : database_(database), client_(with_limits(std::move(settings))) {}

async::task<PushOutcome> PushGateway::notify(Pusher pusher, JsonDict notification, JsonDict tweaks, JsonDict default_payload) {
    JsonArray devices;
    devices.emplace_back(device_of(pusher, std::move(tweaks), default_payload));
    notification["devices"] = std::move(devices);
    const PushOutcome outcome = co_await post(pusher, std::move(notification));
    if (outcome == PushOutcome::rejected) {
        spdlog::info("a gateway rejected a pusher of {}, which is removed", pusher.user_id);
        co_await database_.run("delete_pusher", &delete_pusher, pusher);
    }
    co_return outcome;
}

async::task<PushOutcome> PushGateway::post(const Pusher& pusher, JsonDict notification) {
    const async::context& here = co_await async::this_context;
    const std::string url(pusher.data.at("url").as_string());
    JsonDict body;
    body["notification"] = std::move(notification);
    try {
        const JsonValue answer = co_await client_.post_json_get_json(url, std::move(body));
        if (is_rejected(answer, pusher)) co_return PushOutcome::rejected;
        co_return PushOutcome::accepted;
    } catch (...) {
        here.throw_if_cancelled();
        spdlog::warn("a push to {} failed: {}", pusher.user_id, callbacks::message_of(std::current_exception()));
        co_return PushOutcome::failed;
    }
}

}  // namespace homeserver
