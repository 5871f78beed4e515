#include <modapi/hosting/request_trace.h>

#include <async/callback_frame.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>

namespace modapi {

namespace {

constexpr std::size_t id_digits = 16;
constexpr std::size_t trace_digits = 32;
constexpr std::size_t flag_digits = 2;
/// `00-TRACE-PARENT-FLAGS`, which later versions may go on after.
constexpr std::size_t trace_at = 3;
constexpr std::size_t parent_at = trace_at + trace_digits + 1;
constexpr std::size_t flags_at = parent_at + id_digits + 1;
constexpr std::size_t header_size = flags_at + flag_digits;
constexpr std::size_t max_tracestate = 512;

void append_hexadecimal(std::string& text, std::uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr int bits = 4;
    for (std::size_t at = id_digits; at-- > 0;) text += digits[number >> (at * bits) & (digits.size() - 1)];
}

/// Of 64 bits, not for secrets. A thread's first one is random, and the following ones are as far from it as from each other.
std::uint64_t next_id() {
    thread_local std::mt19937_64 numbers([] {
        std::random_device device;
        std::seed_seq seed{device(), device(), device(), device()};
        return std::mt19937_64(seed);
    }());
    std::uint64_t id = 0;
    while (id == 0) id = numbers();  // a trace has no id of zeros
    return id;
}

bool is_hexadecimal(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char digit) { return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'); });
}
bool is_id(std::string_view text) {
    return is_hexadecimal(text) && std::any_of(text.begin(), text.end(), [](char digit) { return digit != '0'; });
}

struct ReceivedTrace {
    std::string_view trace_id;
    std::string_view flags;
};

/// The one flag that this version of the standard has; others aren't passed on.
bool is_sampled(std::string_view flags) {
    constexpr std::string_view odd = "13579bdf";
    return odd.find(flags.back()) != std::string_view::npos;
}

/// None: it isn't what the standard says.
std::optional<ReceivedTrace> received(std::string_view header) {
    if (header.size() < header_size || header[trace_at - 1] != '-' || header[parent_at - 1] != '-' || header[flags_at - 1] != '-')
        return std::nullopt;
    const std::string_view version = header.substr(0, trace_at - 1);
    if (!is_hexadecimal(version) || version == "ff") return std::nullopt;
    if (header.size() > header_size && (version == "00" || header[header_size] != '-')) return std::nullopt;
    const ReceivedTrace trace{header.substr(trace_at, trace_digits), header.substr(flags_at, flag_digits)};
    if (!is_id(trace.trace_id) || !is_id(header.substr(parent_at, id_digits)) || !is_hexadecimal(trace.flags)) return std::nullopt;
    return trace;
}

/// What is passed on as it came must be one line of a header.
bool is_passed_on(std::string_view tracestate) {
    return tracestate.size() <= max_tracestate &&
           std::all_of(tracestate.begin(), tracestate.end(), [](char letter) { return letter >= ' ' && letter <= '~'; });
}

}  // namespace

RequestTrace::RequestTrace(std::string client_address, std::string_view traceparent, std::string_view tracestate)
    : client_address_(std::move(client_address)) {
    append_hexadecimal(request_id_, next_id());
    if (const std::optional<ReceivedTrace> trace = received(traceparent)) {
        trace_id_ = trace->trace_id;
        flags_ = is_sampled(trace->flags) ? "01" : "00";
        if (is_passed_on(tracestate)) tracestate_ = tracestate;
    } else {
        append_hexadecimal(trace_id_, next_id());
        append_hexadecimal(trace_id_, next_id());
        flags_ = "00";
    }
}

std::string RequestTrace::traceparent() const { return "00-" + trace_id_ + "-" + request_id_ + "-" + flags_; }

std::shared_ptr<const RequestTrace> trace_of(const async::context& here) noexcept {
    const TracedWork* const around = async::innermost<TracedWork>(here);
    return around != nullptr ? around->trace() : nullptr;
}

std::shared_ptr<const RequestTrace> trace_on_this_thread() noexcept {
    const async::callback_place* const running = async::running_callback_mark::on_this_thread();
    return running != nullptr ? trace_of(running->here()) : nullptr;
}

std::string request_in_log(const RequestTrace* request) {
    return request != nullptr ? " request_id=" + request->request_id() : std::string();
}

}  // namespace modapi
