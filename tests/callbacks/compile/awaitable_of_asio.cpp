// expect-error: an operation of Asio is awaited with the completion token async::use_task
#include <callbacks/spam_checker.h>

#include <boost/asio/awaitable.hpp>

boost::asio::awaitable<void> look_up();

async::task<callbacks::Verdict> may_create(const std::string&) {
    co_await look_up();
    co_return callbacks::NOT_SPAM;
}
