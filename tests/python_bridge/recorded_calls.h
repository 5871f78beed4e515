#pragma once

#include "python_callbacks.h"
#include "python_calls.h"

#include <modapi/config_section.h>
#include <modapi/module_api.h>
#include <modapi/testing/json.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A process that isn't there: it notes what it is asked, and answers what a test has said.
class RecordedCalls final : public modapi::PythonCalls {
public:
    struct Call {
        std::size_t callback;
        callbacks::JsonArray arguments;
    };

    /// Every call answers this from now on, in the words of the protocol.
    void answer(std::string_view json) { answer_.result = modapi::testing::json(json); }
    void fail(std::exception_ptr with) { failure = std::move(with); }

    async::task<modapi::PythonAnswer> call(std::size_t callback, callbacks::JsonArray arguments) override {
        states_during_call = states.size();
        calls.push_back({callback, std::move(arguments)});
        if (failure) std::rethrow_exception(failure);
        modapi::PythonAnswer given = answer_;
        given.life = life;
        given.soft_failed = soft_failed;
        given.changed = changed;
        co_return given;
    }
    async::task<callbacks::JsonArray> batch(std::size_t callback, callbacks::JsonArray lists) override {
        batches.push_back({callback, std::move(lists)});
        co_return batch_answer;
    }
    async::task<callbacks::JsonValue> enter(modapi::PythonHandle manager) override {
        entered.push_back(manager.number);
        if (enter_failure) std::rethrow_exception(enter_failure);
        co_return entered_value;
    }
    async::task<bool> exit(modapi::PythonHandle manager, std::exception_ptr with) override {
        exited.emplace_back(manager.number, with != nullptr);
        co_return swallows;
    }
    async::task<callbacks::JsonValue> respond(modapi::PythonHandle callback, callbacks::JsonValue response) override {
        responded.emplace_back(callback.number, std::move(response));
        co_return response_answer;
    }
    void release(modapi::PythonHandle handle) noexcept override { released.push_back(handle.number); }
    void invalidate(std::string function, callbacks::JsonValue key) noexcept override {
        invalidated.emplace_back(std::move(function), std::move(key));
    }
    std::int64_t keep_state(std::shared_ptr<const callbacks::StateMap> state) override {
        states[++last_state] = std::move(state);
        return last_state;
    }
    void drop_state(std::int64_t handle) noexcept override { states.erase(handle); }

    /// The last call's argument at a place.
    [[nodiscard]] const callbacks::JsonValue& argument(std::size_t place) const { return calls.back().arguments.at(place); }

    std::uint64_t life = 1;
    std::vector<std::string> soft_failed;
    callbacks::JsonDict changed;
    callbacks::JsonArray batch_answer;
    callbacks::JsonValue entered_value;
    callbacks::JsonValue response_answer;
    bool swallows = false;
    std::exception_ptr failure;
    std::exception_ptr enter_failure;

    std::vector<Call> calls;
    std::vector<Call> batches;
    std::vector<std::int64_t> entered;
    std::vector<std::pair<std::int64_t, bool>> exited;
    std::vector<std::pair<std::int64_t, callbacks::JsonValue>> responded;
    std::vector<std::int64_t> released;
    std::vector<std::pair<std::string, callbacks::JsonValue>> invalidated;
    std::map<std::int64_t, std::shared_ptr<const callbacks::StateMap>> states;
    std::int64_t last_state = 0;
    std::size_t states_during_call = 0;

private:
    modapi::PythonAnswer answer_{};
};

/// A module that registers what a test wants its process to have registered.
class BridgedModule {
public:
    BridgedModule(modapi::ConfigSection, modapi::ModuleApi& given) : api(given) {
        modapi::register_python_callbacks(api, registered, calls);
    }

    static inline std::shared_ptr<RecordedCalls> calls;
    static inline callbacks::JsonArray registered;

    modapi::ModuleApi& api;
};

/// construct's list for callbacks of one category, in this order.
[[nodiscard]] inline callbacks::JsonArray registrations(const std::string& category, const std::vector<std::string>& names) {
    callbacks::JsonArray list;
    for (const std::string& name : names) {
        callbacks::JsonDict one;
        one["category"] = category;
        one["name"] = name;
        one["key"] = nullptr;
        one["handle"] = 1;
        one["parameters"] = 9;
        list.push_back(std::move(one));
    }
    return list;
}
