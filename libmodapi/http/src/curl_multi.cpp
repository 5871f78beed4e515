#include "curl_multi.h"

#include "curl_error.h"

#include <chrono>
#include <new>
#include <utility>

namespace modapi {

namespace asio = boost::asio;

/// Is with the multi from its beginning to its end, whatever ends it.
class CurlMulti::Transfer {
public:
    Transfer(std::shared_ptr<CurlMulti> multi, CURL* easy) : multi_(std::move(multi)), easy_(easy) {
        curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
        if (curl_multi_add_handle(multi_->multi_.get(), easy_) != CURLM_OK)
            throw boost::system::system_error(curl_error(CURLE_FAILED_INIT));
    }
    ~Transfer() {
        curl_multi_remove_handle(multi_->multi_.get(), easy_);
        curl_easy_setopt(easy_, CURLOPT_PRIVATE, nullptr);
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Null: of a handle of libcurl's own.
    static Transfer* of(CURL* easy) {
        Transfer* transfer = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        return transfer;
    }
    void end(CURLcode code) {
        if (outcome_) return;
        outcome_ = code;
        ended_.notify_all();
    }
    [[nodiscard]] async::task<CURLcode> outcome() {
        while (!outcome_) co_await ended_.wait();
        co_return *outcome_;
    }

private:
    std::shared_ptr<CurlMulti> multi_;
    CURL* easy_;
    std::optional<CURLcode> outcome_;
    async::notification ended_;
};

CurlMulti::CurlMulti(asio::any_io_executor executor, long max_kept) : executor_(std::move(executor)), timer_(executor_) {
    initialize_curl();
    multi_.reset(curl_multi_init());
    if (!multi_) throw std::bad_alloc();
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, max_kept);
}

CurlMulti::~CurlMulti() {
    multi_.reset();
    for (const auto& [socket, watch] : watches_) static_cast<void>(watch->descriptor.release());
}

async::task<CURLcode> CurlMulti::perform(std::shared_ptr<CurlMulti> multi, CURL* easy) {
    Transfer transfer(std::move(multi), easy);
    async::task<CURLcode> ending = transfer.outcome();
    co_return co_await std::move(ending);
}

int CurlMulti::on_socket(CURL* easy, curl_socket_t socket, int wanted, void* self, void*) noexcept {
    static_cast<CurlMulti*>(self)->watch(easy, socket, wanted);
    return 0;
}

void CurlMulti::watch(CURL* easy, curl_socket_t socket, int wanted) {
    const auto known = watches_.find(socket);
    if (wanted == CURL_POLL_REMOVE) {
        if (known == watches_.end()) return;
        static_cast<void>(known->second->descriptor.release());
        watches_.erase(known);
        return;
    }
    std::shared_ptr<Watch> watch;
    if (known != watches_.end()) {
        watch = known->second;
    } else {
        watch = std::make_shared<Watch>(executor_);
        boost::system::error_code error;
        watch->descriptor.assign(socket, error);
        if (error) {
            // Nobody would hear of this socket. An error returned from here would end every transfer of the multi for ever.
            if (Transfer* const transfer = Transfer::of(easy)) transfer->end(CURLE_OUT_OF_MEMORY);
            return;
        }
        watches_.emplace(socket, watch);
    }
    watch->wanted = wanted;
    arm(watch);
}

void CurlMulti::arm(const std::shared_ptr<Watch>& watch) {
    using Descriptor = asio::posix::stream_descriptor;
    const auto wait = [&](Descriptor::wait_type type, bool Watch::*waits, int event) {
        if ((*watch).*waits) return;
        (*watch).*waits = true;
        watch->descriptor.async_wait(type, [weak = weak_from_this(), watch, waits, event](boost::system::error_code error) {
            (*watch).*waits = false;
            if (const std::shared_ptr<CurlMulti> self = weak.lock()) self->on_ready(watch, event, error);
        });
    };
    if ((watch->wanted & CURL_POLL_IN) != 0) wait(Descriptor::wait_read, &Watch::waits_to_read, CURL_CSELECT_IN);
    if ((watch->wanted & CURL_POLL_OUT) != 0) wait(Descriptor::wait_write, &Watch::waits_to_write, CURL_CSELECT_OUT);
}

void CurlMulti::on_ready(const std::shared_ptr<Watch>& watch, int event, const boost::system::error_code& error) {
    if (!watch->descriptor.is_open()) return;  // it is libcurl's alone again
    // What isn't wanted any more was still waited for.
    if ((watch->wanted & event) != 0) act(watch->descriptor.native_handle(), error ? CURL_CSELECT_ERR : event);
    if (watch->descriptor.is_open()) arm(watch);
}

int CurlMulti::on_timer(CURLM*, long milliseconds, void* self) noexcept {
    auto& multi = *static_cast<CurlMulti*>(self);
    if (milliseconds < 0) {
        multi.timer_.cancel();
        return 0;
    }
    multi.timer_.expires_after(std::chrono::milliseconds(milliseconds));
    // Never from within: libcurl forbids it.
    multi.timer_.async_wait([weak = multi.weak_from_this()](const boost::system::error_code& error) {
        const std::shared_ptr<CurlMulti> still_there = weak.lock();
        if (!error && still_there) still_there->act(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
}

void CurlMulti::act(curl_socket_t socket, int events) {
    int running = 0;
    curl_multi_socket_action(multi_.get(), socket, events, &running);
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        if (Transfer* const transfer = Transfer::of(message->easy_handle)) transfer->end(message->data.result);
    }
}

}  // namespace modapi
