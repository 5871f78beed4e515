#include <modapi/hosting/decisions.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <utility>

namespace modapi {

namespace {

constexpr std::size_t number_digits = 16;

void write_hexadecimal(char* into, std::uint64_t number, std::size_t count) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr int bits = 4;
    for (std::size_t at = count; at-- > 0; number >>= bits) into[at] = digits[number & (digits.size() - 1)];
}

std::string random_suffix() {
    constexpr std::size_t digits = 8;
    std::random_device device;
    std::string suffix(digits, '0');
    write_hexadecimal(suffix.data(), device(), digits);
    return suffix;
}

constexpr std::size_t max_id = 255;
constexpr std::size_t max_text = 1000;

/// Copies as much of what a stranger says as a list shows, to where a character ends. No database keeps a NUL character.
void assign(std::string& into, std::string_view text, std::size_t most = max_id) {
    if (text.size() > most) {
        constexpr unsigned char mark_of_continuation = 0x80;
        constexpr unsigned char bits_of_continuation = 0xC0;
        while (most > 0 && (static_cast<unsigned char>(text[most]) & bits_of_continuation) == mark_of_continuation) --most;
        into = text.substr(0, most);
        into += "...";
    } else {
        into = text;
    }
    if (into.find('\0') != std::string::npos) [[unlikely]]
        std::replace(into.begin(), into.end(), '\0', ' ');
}

std::uint64_t microseconds_now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace

Decisions::Decisions(std::size_t in_memory, std::string process)
    : capacity_(std::max<std::size_t>(in_memory, 1)),
      process_(std::move(process)),
      first_id_(microseconds_now()),
      suffix_(random_suffix()) {}

std::string Decisions::note(const NewDecision& decision) {
    const std::scoped_lock lock(mutex_);
    if (slots_.size() < capacity_) slots_.emplace_back().process = process_;
    const std::uint64_t number = next_++;
    if (next_to_take_ < oldest()) {
        lost_ += oldest() - next_to_take_;
        next_to_take_ = oldest();
    }
    last_time_ms_ = std::max(last_time_ms_, decision.time_ms);
    Decision& noted = slots_[number % capacity_];
    write_id(noted.id, number);
    noted.time_ms = last_time_ms_;
    noted.worker = decision.worker;
    noted.request_id = decision.request_id;
    noted.module = decision.module;
    noted.callback = decision.callback;
    noted.outcome = decision.outcome;
    assign(noted.errcode, decision.errcode);
    assign(noted.text, decision.text, max_text);
    assign(noted.user_id, decision.user_id);
    assign(noted.room_id, decision.room_id);
    assign(noted.event_id, decision.event_id);
    noted.address = decision.address;
    noted.duration_ms = decision.duration_ms;
    count(decision);
    return noted.id;
}

void Decisions::count(const NewDecision& decision) {
    const auto key = std::tie(decision.module, decision.callback, decision.worker, decision.outcome);
    // Most are like the one before them.
    if (last_counted_ == counts_.end() || !(last_counted_->first == key)) {
        last_counted_ = counts_.find(key);
        if (last_counted_ == counts_.end()) {
            last_counted_ = counts_.emplace(std::make_tuple(std::string(decision.module), std::string(decision.callback),
                                                            std::string(decision.worker), decision.outcome), 0).first;
        }
    }
    ++last_counted_->second;
}

void Decisions::write_id(std::string& into, std::uint64_t number) const {
    if (into.empty()) into = std::string(number_digits, '0') + suffix_;  // once for each place
    write_hexadecimal(into.data(), first_id_ + number, number_digits);
}

std::optional<std::uint64_t> Decisions::number_of(std::string_view id) const noexcept {
    if (id.size() != number_digits + suffix_.size() || !id.ends_with(suffix_)) return std::nullopt;
    std::uint64_t number = 0;
    constexpr int hexadecimal = 16;
    const std::from_chars_result read = std::from_chars(id.data(), id.data() + number_digits, number, hexadecimal);
    if (read.ec != std::errc() || read.ptr != id.data() + number_digits) return std::nullopt;
    number -= first_id_;
    if (number < oldest() || number >= next_) return std::nullopt;
    return number;
}

void Decisions::complete(std::string_view id, std::string_view errcode, std::string_view text) {
    const std::scoped_lock lock(mutex_);
    const std::optional<std::uint64_t> number = number_of(id);
    if (!number) return;
    Decision& decision = slots_[*number % capacity_];
    const bool is_denial = decision.outcome == DecisionOutcome::denied;
    if (!errcode.empty() && (is_denial || decision.errcode.empty())) assign(decision.errcode, errcode);
    if (!text.empty() && (is_denial || decision.text.empty())) assign(decision.text, text, max_text);
    const bool was_taken = next_to_take_ != nobody_takes && *number < next_to_take_;
    if (was_taken) completed_.push_back(*number);
}

DecisionPage Decisions::find(const DecisionFilter& filter, const DecisionPlace* from, std::size_t limit) const {
    DecisionPage page;
    const std::scoped_lock lock(mutex_);
    for (std::uint64_t number = next_; number-- > oldest();) {
        const Decision& decision = at(number);
        if (filter.since_ms && decision.time_ms < *filter.since_ms) break;
        if ((from != nullptr && !from->is_before(decision)) || !filter.lets_pass(decision)) continue;
        if (page.decisions.size() == limit) {
            page.has_more = true;
            break;
        }
        page.decisions.push_back(decision);
    }
    return page;
}

std::vector<Decisions::Count> Decisions::counts() const {
    const std::scoped_lock lock(mutex_);
    std::vector<Count> all;
    all.reserve(counts_.size());
    for (const auto& [key, decisions] : counts_) {
        const auto& [module, callback, worker, outcome] = key;
        all.push_back({module, callback, worker, outcome, decisions});
    }
    return all;
}

std::vector<Decision> Decisions::take(std::size_t most) {
    const std::scoped_lock lock(mutex_);
    if (next_to_take_ == nobody_takes) next_to_take_ = oldest();
    std::vector<Decision> taken;
    for (; !given_back_.empty() && taken.size() < most; given_back_.pop_back()) {
        if (given_back_.back() >= oldest()) {
            taken.push_back(at(given_back_.back()));
        } else {
            ++lost_;
        }
    }
    for (; !completed_.empty() && taken.size() < most; completed_.pop_back()) {
        if (completed_.back() >= oldest()) taken.push_back(at(completed_.back()));
    }
    while (next_to_take_ < next_ && taken.size() < most) taken.push_back(at(next_to_take_++));
    return taken;
}

void Decisions::give_back(const std::vector<Decision>& decisions) {
    const std::scoped_lock lock(mutex_);
    for (const Decision& decision : decisions) {
        if (const std::optional<std::uint64_t> number = number_of(decision.id)) {
            given_back_.push_back(*number);
        } else {
            ++lost_;
        }
    }
}

std::size_t Decisions::waiting() const {
    const std::scoped_lock lock(mutex_);
    const std::uint64_t taken = next_to_take_ != nobody_takes ? next_to_take_ : oldest();
    return given_back_.size() + static_cast<std::size_t>(next_ - taken);
}

std::uint64_t Decisions::lost() const {
    const std::scoped_lock lock(mutex_);
    return lost_;
}

}  // namespace modapi
