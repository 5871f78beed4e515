#include <modapi/hosting/new_event.h>

#include <boost/asio/post.hpp>

namespace modapi {

NewEvent::NewEvent(callbacks::Event event, std::shared_ptr<const callbacks::StateMap> state, Cause cause)
    : event_(std::move(event)), state_(std::move(state)), cause_(std::move(cause)) {
    if (cause_.budget != nullptr) cause_.budget->share_out();
}

const callbacks::StateMap& NewEvent::state() const noexcept {
    static const callbacks::StateMap nothing;
    return state_ ? *state_ : nothing;
}

bool NewEvent::begin(boost::asio::any_io_executor executor, std::function<void()> again) {
    const std::scoped_lock lock(mutex_);
    if (is_taken_) {
        waiting_.push_back({std::move(executor), std::move(again)});
        return false;
    }
    is_taken_ = true;
    return true;
}

void NewEvent::end() {
    std::vector<Waiting> waiting;
    {
        const std::scoped_lock lock(mutex_);
        is_taken_ = false;
        waiting.swap(waiting_);
    }
    for (Waiting& each : waiting) boost::asio::post(each.executor, std::move(each.again));
}

}  // namespace modapi
