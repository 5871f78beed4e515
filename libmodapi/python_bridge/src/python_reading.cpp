#include "python_reading.h"

#include "python_greeting.h"
#include "python_log.h"
#include "python_process.h"

#include <modapi/hosting/module_loader.h>

#include <unistd.h>

#include <array>
#include <exception>
#include <utility>

namespace modapi {

using callbacks::JsonDict;
using callbacks::JsonValue;

PythonReading::PythonReading(PythonSettings settings, PythonModules::Facts facts)
    : settings_(std::move(settings)), facts_(std::move(facts)) {}

PythonReading::~PythonReading() {
    if (watch_.joinable()) {
        watch_.request_stop();
        watch_.join();
    }
}

JsonDict PythonReading::ask(JsonDict message, std::string_view asked) {
    const std::scoped_lock lock(mutex_);
    last_use_ = std::chrono::steady_clock::now();
    const bool was_there = program_ != nullptr;
    std::optional<JsonDict> answer;
    if (was_there) {
        // It may have ended since: with the thread that has started it, for example.
        JsonDict copy = message;
        answer = ask_once(std::move(copy), asked);
        if (answer) return *std::move(answer);
    }
    start();
    answer = ask_once(std::move(message), asked);
    if (answer) return *std::move(answer);
    throw ModuleLoadError("its Python process " + why_it_ended() + " during " + std::string(asked));
}

void PythonReading::start() {
    drop_program();
    unfit_.clear();
    printed_.clear();
    try {
        program_ = std::make_unique<PythonProgram>(settings_);
    } catch (const std::exception& error) {
        throw ModuleLoadError(std::string("no Python process can be started: ") + error.what());
    }
    connection_ = std::make_unique<PythonConnection>(program_->connection());
    if (!watch_.joinable()) watch_ = std::jthread([this](const std::stop_token& stop) { end_when_idle(stop); });
    used_.notify_all();
    const std::optional<JsonDict> greeted = ask_once(greeting_of(settings_, program_->directory(), facts_), "its start");
    if (!unfit_.empty()) throw ModuleLoadError("needs what isn't installed: " + unfit_);
    if (!greeted) throw ModuleLoadError("its Python process " + why_it_ended());
    if (const JsonValue* const error = greeted->if_contains("error"))
        throw ModuleLoadError("its Python process doesn't start: " + std::string(text_of(error->as_object(), "text")));
}

std::optional<JsonDict> PythonReading::ask_once(JsonDict message, std::string_view asked) {
    const auto latest = std::chrono::steady_clock::now() + settings_.construction_limit;
    const std::int64_t id = ++last_id_;
    message["id"] = id;
    if (!connection_->send(message)) return std::nullopt;
    try {
        while (true) {
            while (std::optional<JsonDict> arrived = connection_->next()) {
                const JsonValue* const of = arrived->if_contains("id");
                if (!arrived->contains("do") && of != nullptr && *of == id) return arrived;
                if (text_of(*arrived, "do") == "unfit") unfit_ = text_of(*arrived, "text");
            }
            if (!connection_->wait_until(latest, program_->output())) break;
            std::array<char, 4096> printed{};
            const ssize_t got = ::read(program_->output(), printed.data(), printed.size());
            if (got > 0) printed_.assign(printed.data(), static_cast<std::size_t>(got));
            if (!connection_->flush() || !connection_->receive()) return std::nullopt;
        }
    } catch (const BadFrame& error) {
        drop_program();
        throw ModuleLoadError(std::string("its Python process ") + error.what());
    }
    drop_program();
    throw ModuleLoadError("its Python process hasn't ended " + std::string(asked) + " within " +
                          std::to_string(settings_.construction_limit.count()) + " ms (python.construction_limit)");
}

std::string PythonReading::why_it_ended() {
    std::string why = "has ended";
    if (program_ != nullptr) {
        const std::string end = end_and_describe(*program_);
        if (!end.empty()) why = end;
    }
    while (!printed_.empty() && printed_.back() == '\n') printed_.pop_back();
    const std::string last = printed_.substr(printed_.rfind('\n') + 1);
    if (!last.empty()) why += " (" + last + ")";
    drop_program();
    return why;
}

void PythonReading::begin_anew() noexcept {
    const std::scoped_lock lock(mutex_);
    drop_program();
}

void PythonReading::drop_program() noexcept {
    connection_.reset();
    program_.reset();
}

void PythonReading::end_when_idle(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (program_ == nullptr) {
            used_.wait(lock, stop, [this] { return program_ != nullptr; });
            continue;
        }
        const auto end_of_it = last_use_ + idle_limit;
        if (std::chrono::steady_clock::now() >= end_of_it) {
            drop_program();
        } else {
            used_.wait_until(lock, stop, end_of_it, [] { return false; });
        }
    }
}

}  // namespace modapi
