#include "bus_thread.h"

#include <modapi/hosting/bus_error.h>
#include <modapi/hosting/log.h>

#include <async/co_spawn.h>
#include <async/scope.h>
#include <async/sleep.h>

#include <spdlog/spdlog.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace modapi {

namespace {

constexpr std::size_t outbox_capacity = 4096;

std::string in_seconds(std::chrono::milliseconds time) {
    return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

}  // namespace

BusThread::BusThread(const MakeLine& make_line, const BusTimes& times)
    : times_(times), outbox_(outbox_capacity), line_(make_line(io_.get_executor())) {
    std::future<void> tried = first_try_.get_future();
    async::co_spawn(async::environment(io_.get_executor()), run(),
                    boost::asio::bind_cancellation_slot(ending_.slot(), [](const std::exception_ptr&) {}));
    thread_ = std::thread([this] { io_.run(); });
    try {
        tried.get();
    } catch (...) {
        stop();
        throw;
    }
}

BusThread::~BusThread() { stop(); }

void BusThread::stop() {
    boost::asio::post(io_, [this] { ending_.emit(boost::asio::cancellation_type::terminal); });
    thread_.join();
}

void BusThread::publish(std::size_t from, BusMessage message) {
    subscribers_.publish(from, message);
    if (outbox_.put(std::move(message))) boost::asio::post(io_, [this] { awake_.notify_all(); });
}

async::task<void> BusThread::run() {
    std::chrono::milliseconds wait = times_.first_wait;
    while (true) {
        std::exception_ptr error;
        try {
            co_await connect_and_carry();
        } catch (const async::operation_cancelled&) {
            line_->close();
            throw;
        } catch (...) {
            error = std::current_exception();
        }
        line_->close();
        outbox_.close();
        // One that is lost again at once is no better than one that can't be made.
        const auto now = std::chrono::steady_clock::now();
        if (carries_since_ && now - *carries_since_ > times_.longest_wait) wait = times_.first_wait;
        note_failure(failure_of(error, times_));
        if (!was_tried_) {
            was_tried_ = true;
            if (line_->is_needed() || failure_->is_refusal) {
                const std::string what = "can't open the bus over " + line_->name() + ": " + failure_->reason;
                first_try_.set_exception(std::make_exception_ptr(BusError(what)));
                co_return;
            }
            first_try_.set_value();
        }
        co_await async::sleep_for(wait);
        wait = std::min(wait * 2, times_.longest_wait);
    }
}

async::task<void> BusThread::connect_and_carry() {
    const async::context& here = co_await async::this_context;
    carries_since_.reset();
    co_await line_->open();
    async::task<void> beginning = begin_carrying();
    co_await async::with_deadline(times_.answer_within, std::move(beginning));
    note_connection();
    std::exception_ptr first;
    std::optional<async::scope> carrying;
    const auto note = [&](std::string_view, const std::exception_ptr& error) {
        if (!first) first = error;
        carrying->cancel();
    };
    carrying.emplace(*here.environment, note, here.cancellation);
    carrying->spawn("receive", receive_all());
    carrying->spawn("send", send_all());
    carrying->spawn("probe", ask_for_probes());
    co_await carrying->join();
    here.throw_if_cancelled();
    std::rethrow_exception(first);
}

async::task<void> BusThread::begin_carrying() {
    outbox_.open();
    // Also without a message: it is the own packet that says whether what is sent is heard.
    co_await send(outbox_.take());
    try {
        while (true) {
            const std::string packet = co_await line_->receive();
            if (deliver(packet)) co_return;
        }
    } catch (const async::deadline_exceeded&) {
        throw BusLost("what is sent to it doesn't come back within " + in_seconds(times_.answer_within));
    }
}

async::task<void> BusThread::send_all() {
    while (true) {
        while (outbox_.is_empty() && !probe_is_due_) co_await awake_.wait();
        if (!outbox_.is_empty()) {
            async::task<void> sending = send(outbox_.take());
            co_await async::with_deadline(times_.answer_within, std::move(sending));
            co_await async::sleep_for(times_.packets_apart);
        }
        if (!std::exchange(probe_is_due_, false)) continue;
        async::task<void> asking = line_->send(std::vector<std::string>());
        co_await async::with_deadline(times_.answer_within, std::move(asking));
    }
}

async::task<void> BusThread::send(BusOutbox::Batch batch) {
    BusPacket packet;
    packet.sender = number_;
    packet.after_gap = batch.after_gap;
    packet.messages = std::move(batch.messages);
    std::vector<std::string> packets = write_packets(packet, line_->longest_packet());
    try {
        co_await line_->send(std::move(packets));
    } catch (...) {
        // Nobody knows how much of it arrived.
        if (packet.after_gap || !packet.messages.empty()) outbox_.note_gap();
        throw;
    }
}

async::task<void> BusThread::receive_all() {
    while (true) {
        const std::string packet = co_await line_->receive();
        deliver(packet);
    }
}

async::task<void> BusThread::ask_for_probes() {
    while (true) {
        co_await async::sleep_for(times_.probe_every);
        probe_is_due_ = true;
        awake_.notify_all();
    }
}

bool BusThread::deliver(const std::string& packet) {
    std::optional<BusPacket> told = read_packet(packet);
    if (!told) return false;
    // Its subscribers heard it when it was published.
    if (told->sender == number_) return true;
    if (told->after_gap) subscribers_.tell_gap();
    for (BusMessage& message : told->messages) subscribers_.publish(0, std::move(message));
    return false;
}

void BusThread::note_connection() {
    carries_since_ = std::chrono::steady_clock::now();
    probe_is_due_ = false;
    subscribers_.tell_gap();
    if (failure_) framework_log().info("the bus over {} is there again", line_->name());
    failure_.reset();
    if (was_tried_) return;
    was_tried_ = true;
    first_try_.set_value();
}

void BusThread::note_failure(const Failure& failure) {
    // One line for all tries, unless the server is there and refuses, which somebody must change.
    const bool is_news = !failure_ || (failure.is_refusal && !failure_->is_refusal);
    if (is_news) failure_ = failure;
    if (!is_news || (!was_tried_ && (line_->is_needed() || failure.is_refusal))) return;
    framework_log().warn(
        "the bus over {} is lost: {}; it is tried until it answers, and what others say is seen later meanwhile", line_->name(),
        failure.reason);
}

BusThread::Failure BusThread::failure_of(const std::exception_ptr& error, const BusTimes& times) {
    try {
        std::rethrow_exception(error);
    } catch (const BusError& refusal) {
        return {refusal.what(), true};
    } catch (const async::deadline_exceeded&) {
        return {"no answer within " + in_seconds(times.answer_within), false};
    } catch (const boost::system::system_error& failure) {
        if (failure.code() == boost::asio::error::eof) return {"it has closed the connection", false};
        return {failure.code().message(), false};
    } catch (const std::exception& failure) {
        return {failure.what(), false};
    }
}

}  // namespace modapi
