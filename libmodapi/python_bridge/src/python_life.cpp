#include "python_life.h"

#include "python_errors.h"
#include "python_values.h"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace modapi {

namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::int64_t ping_id = 0;  // of no request

/// Readable once the process has ended.
int descriptor_of(pid_t process) {
    const auto descriptor = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));  // closed by an exec
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "can't watch a Python process");
    return descriptor;
}

int copy_of(int descriptor) {
    const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) throw std::system_error(errno, std::generic_category(), "can't copy a descriptor");
    return copy;
}

}  // namespace

PythonRequest::PythonRequest(PythonLife& life, const async::context& here, std::string_view asked) noexcept
    : life_(life), chain_(here), asked_(asked) {}

PythonRequest::~PythonRequest() {
    give_up();
    has_ended_ = true;
    note_turn();
}

void PythonRequest::begin(callbacks::JsonDict message) {
    id_ = life_.add(*this, message);
    is_known_ = true;
    life_.send(message);
    if (failure_) std::rethrow_exception(failure_);
    note_turn();
}

const async::context& PythonRequest::for_operations() {
    if (!operations_context_) operations_context_.emplace(chain_);
    return operations_context_->here();
}

void PythonRequest::operation_began() {
    ++operations_;
    note_turn();
}

void PythonRequest::operation_ended() noexcept {
    --operations_;
    note_turn();
    if (operations_ == 0) operations_end_.notify_all();
}

void PythonRequest::cancel_operations() {
    if (operations_context_) operations_context_->source().request(async::cancel_reason::stopping);
}

async::task<void> PythonRequest::operations_ended(PythonRequest& request) {
    while (request.operations_ > 0) co_await request.operations_end_.wait();
}

void PythonRequest::note_turn() noexcept {
    const bool is_away = is_known_ && !has_ended_ && operations_ == 0;
    if (is_away == is_away_) return;
    is_away_ = is_away;
    async::clock& time = chain_.clock();
    if (is_away) {
        time.offload_began();
    } else {
        time.offload_ended();
    }
}

void PythonRequest::answered(callbacks::JsonDict answer) {
    is_known_ = false;
    has_ended_ = true;
    answer_ = std::move(answer);
    note_turn();
    wake_inline();
}

void PythonRequest::failed(std::exception_ptr failure) noexcept {
    is_known_ = false;
    has_ended_ = true;
    failure_ = std::move(failure);
    note_turn();
    wake();
}

void PythonRequest::await_resume() {
    if (failure_) std::rethrow_exception(failure_);
    if (has_ended_) return;
    give_up();
    throw_if_woken_by_cancellation();
}

void PythonRequest::give_up() noexcept {
    if (!is_known_) return;
    is_known_ = false;
    note_turn();
    life_.forget(id_);
    try {
        callbacks::JsonDict notice;
        notice["do"] = "cancel";
        notice["of"] = id_;
        life_.send(notice);
    } catch (...) {
        // It goes on with what nobody waits for.
    }
}

PythonLife::PythonLife(const async::environment& where, std::unique_ptr<PythonProgram> program, std::uint64_t number,
                       Listener& listener)
    : where_(where),
      program_(std::move(program)),
      number_(number),
      listener_(&listener),
      connection_(program_->connection()),
      readable_(where.executor, copy_of(program_->connection())),
      output_(where.executor, copy_of(program_->output())),
      ended_(where.executor, descriptor_of(program_->process())),
      last_heard_(where.clock->now()) {}

PythonLife::~PythonLife() { fail_all("was ended"); }

std::int64_t PythonLife::add(PythonRequest& request, callbacks::JsonDict& message) {
    if (is_over_) throw PythonGone(end_of_it_);
    if (unsent() > most_unsent) throw PythonGone("its Python process doesn't read what it is asked");
    // What a run in shadow mode leaves running says its id later.
    const std::int64_t id = listener_->is_asked_in_shadow() ? ++last_id_ | shadow_bit : ++last_id_;
    message["id"] = id;
    requests_.emplace(id, &request);
    return id;
}

PythonRequest* PythonLife::request_of(std::int64_t id) const noexcept {
    const auto found = requests_.find(id);
    return found != requests_.end() ? found->second : nullptr;
}

std::vector<std::string_view> PythonLife::asked_now() const {
    std::map<std::int64_t, std::string_view> sorted;
    for (const auto& [id, request] : requests_) sorted.emplace(id & ~shadow_bit, request->asked());
    std::vector<std::string_view> asked;
    for (const auto& [id, what] : sorted) asked.push_back(what);
    return asked;
}

PythonRequest* PythonLife::request_with_operations(std::int64_t id) const noexcept {
    PythonRequest* const request = request_of(id);
    return request != nullptr && request->takes_operations() ? request : nullptr;
}

void PythonLife::send(const callbacks::JsonDict& message) {
    if (!is_over_) note_sending(connection_.send(message));
}

void PythonLife::send_text(std::string message) {
    if (!is_over_) note_sending(connection_.send_text(std::move(message)));
}

void PythonLife::note_sending(bool is_open) {
    if (!is_open) return lose(std::string(has_ended));
    if (connection_.has_unsent()) wait_for_room();
}

async::task<void> PythonLife::until_read(std::shared_ptr<PythonLife> self, std::size_t most) {
    while (!self->is_over_ && self->unsent() > most) co_await self->was_read_.wait();
}

void PythonLife::ping() {
    callbacks::JsonDict message;
    message["id"] = ping_id;
    message["do"] = "ping";
    send(message);
}

void PythonLife::listen() {
    if (is_over_) return;
    listens_ = true;
    wait_for_messages();
    wait_for_output();
    wait_for_end();
}

void PythonLife::wait_for_messages() {
    if (unsent() > most_unsent || std::exchange(waits_for_messages_, true)) return;
    readable_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                             self->waits_for_messages_ = false;
                             if (error || self->is_over_) return;
                             self->read();
                             if (!self->is_over_) self->wait_for_messages();
                         });
}

void PythonLife::wait_for_room() {
    if (std::exchange(waits_for_room_, true)) return;
    readable_.async_wait(boost::asio::posix::descriptor_base::wait_write,
                         [self = shared_from_this()](const boost::system::error_code& error) {
                             self->waits_for_room_ = false;
                             if (error || self->is_over_) return;
                             if (!self->connection_.flush()) return self->lose(std::string(has_ended));
                             if (self->connection_.has_unsent()) self->wait_for_room();
                             self->was_read_.notify_all();
                             if (self->listens_) self->wait_for_messages();
                         });
}

void PythonLife::wait_for_output() {
    output_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                           if (error || self->is_over_) return;
                           self->read_output();
                           if (!self->is_over_ && !self->output_has_ended_) self->wait_for_output();
                       });
}

void PythonLife::wait_for_end() {
    ended_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                          if (error || self->is_over_) return;
                          self->read();  // its last words
                          self->lose(std::string(has_ended));
                      });
}

void PythonLife::read() {
    const std::shared_ptr<PythonLife> stays = shared_from_this();
    if (is_over_) return;
    const bool is_open = connection_.receive();
    try {
        while (!is_over_) {
            std::optional<callbacks::JsonDict> message = connection_.next();
            if (!message) break;
            handle(*std::move(message), connection_.size_of_last());
        }
    } catch (const BadFrame& error) {
        lose(error.what());
    }
    if (!is_open) lose(std::string(has_ended));
}

void PythonLife::handle(callbacks::JsonDict message, std::size_t bytes) {
    last_heard_ = where_.clock->now();
    if (message.contains("do")) return listener_->said(*this, std::move(message), bytes);
    const callbacks::JsonValue* const of = message.if_contains("id");
    if (of == nullptr || !of->is_int64()) return;
    if (of->get_int64() == ping_id) return listener_->answered_ping();
    const auto found = requests_.find(of->get_int64());
    if (found == requests_.end()) {  // given up meanwhile
        std::vector<std::int64_t> handles;
        if (const callbacks::JsonValue* const result = message.if_contains("result")) collect_handles(*result, handles);
        for (const std::int64_t handle : handles) release(handle);
        return;
    }
    PythonRequest& request = *found->second;
    requests_.erase(found);
    request.answered(std::move(message));
}

void PythonLife::release(std::int64_t handle) {
    callbacks::JsonDict message;
    message["do"] = "release";
    message["handle"] = handle;
    send(message);
}

void PythonLife::read_output() {
    if (output_has_ended_) return;
    std::array<char, 4096> printed{};
    const ssize_t got = ::read(program_->output(), printed.data(), printed.size());
    if (got == 0) {
        output_has_ended_ = true;
        boost::system::error_code ignored;
        output_.close(ignored);
    }
    for (ssize_t at = 0; at < got; ++at) {
        if (printed[static_cast<std::size_t>(at)] != '\n' && line_.size() < longest_line) {
            line_.push_back(printed[static_cast<std::size_t>(at)]);
            continue;
        }
        if (!line_.empty()) listener_->printed(*this, line_);
        line_.clear();
    }
}

void PythonLife::fail_all(const std::string& reason) noexcept {
    if (!std::exchange(is_over_, true)) end_of_it_ = "its Python process " + reason;
    was_read_.notify_all();
    boost::system::error_code ignored;
    readable_.close(ignored);
    output_.close(ignored);
    ended_.close(ignored);
    const std::exception_ptr failure = std::make_exception_ptr(PythonGone(end_of_it_));
    for (const auto& [id, request] : std::exchange(requests_, {})) request->failed(failure);
}

void PythonLife::lose(std::string reason) {
    if (is_over_) return;
    const std::shared_ptr<PythonLife> stays = weak_from_this().lock();
    read_output();  // its last words
    fail_all(reason);
    listener_->lost(*this, std::move(reason));
}

std::unique_ptr<PythonProgram> PythonLife::end(const std::string& reason) noexcept {
    fail_all(reason);
    return std::move(program_);
}

async::task<callbacks::JsonDict> ask_python(std::shared_ptr<PythonLife> life, callbacks::JsonDict message,
                                            std::string_view asked) {
    const async::context& here = co_await async::this_context;
    PythonRequest request(*life, here, asked);
    request.refuse_operations();
    request.begin(std::move(message));
    co_await request;
    co_return std::move(request.answer());
}

}  // namespace modapi
