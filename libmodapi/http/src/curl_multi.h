#pragma once

#include <modapi/curl_handles.h>

#include <async/notification.h>
#include <async/task.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <optional>

namespace modapi {

/// libcurl's transfers on an executor: Asio waits for its sockets and its timer, and nothing blocks. Connections are kept for
/// later transfers of the same multi.
///
/// Lifetime: shared by whom made it and by the transfers that run; the executor outlives it. Thread: that of the executor.
class CurlMulti : public std::enable_shared_from_this<CurlMulti> {
public:
    /// `max_kept`: connections that are kept at most.
    CurlMulti(boost::asio::any_io_executor executor, long max_kept);
    ~CurlMulti();
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;

    /// Runs a transfer that is set up. `easy` outlives the task; its private pointer is used meanwhile. Errors:
    /// boost::system::system_error if it can't be begun; how it ends is the result. Cancel: cuts it.
    [[nodiscard]] static async::task<CURLcode> perform(std::shared_ptr<CurlMulti> multi, CURL* easy);

    [[nodiscard]] const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

private:
    class Transfer;
    /// A socket that libcurl waits for.
    struct Watch {
        explicit Watch(const boost::asio::any_io_executor& executor) : descriptor(executor) {}

        boost::asio::posix::stream_descriptor descriptor;  ///< the socket stays libcurl's
        int wanted = CURL_POLL_NONE;
        bool waits_to_read = false;
        bool waits_to_write = false;
    };

    static int on_socket(CURL* easy, curl_socket_t socket, int wanted, void* self, void* unused) noexcept;
    static int on_timer(CURLM* multi, long milliseconds, void* self) noexcept;
    void watch(CURL* easy, curl_socket_t socket, int wanted);
    void arm(const std::shared_ptr<Watch>& watch);
    void on_ready(const std::shared_ptr<Watch>& watch, int event, const boost::system::error_code& error);
    void act(curl_socket_t socket, int events);

    boost::asio::any_io_executor executor_;
    boost::asio::steady_timer timer_;
    std::map<curl_socket_t, std::shared_ptr<Watch>> watches_;
    std::unique_ptr<CURLM, EndedByCurl<&curl_multi_cleanup>> multi_;  // its end still closes sockets that are watched
};

}  // namespace modapi
