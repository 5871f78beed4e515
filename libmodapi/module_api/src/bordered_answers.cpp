#include "bordered_answers.h"

#include <async/cancellation.h>
#include <async/context_manager.h>
#include <async/task.h>

#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace modapi {

namespace {

/// Whose code it is, and what judges what leaves it.
class Origin {
public:
    Origin(const std::string& module, std::string_view callback, async::failure_border& border)
        : identity_(std::make_shared<async::callback_identity>(module, callback)), border_(&border) {}

    /// Of the exception that is being handled. The end of the operation passes as it is.
    [[noreturn]] void rethrow_outside() const {
        try {
            throw;
        } catch (const async::operation_cancelled&) {
            throw;
        } catch (...) {
            std::rethrow_exception(border_->outside(*identity_, std::current_exception()));
        }
    }

private:
    std::shared_ptr<async::callback_identity> identity_;
    async::failure_border* border_;
};

/// What runs with a login's response.
class BorderedResponse {
public:
    BorderedResponse(callbacks::ResponseCallback inside, Origin origin)
        : inside_(std::move(inside)), origin_(std::move(origin)) {}

    async::task<void> operator()(callbacks::LoginResponse& response) const {
        try {
            co_await inside_.get()(response);
        } catch (...) {
            origin_.rethrow_outside();
        }
    }

private:
    callbacks::ResponseCallback inside_;
    Origin origin_;
};

/// A checker whose answer may hold a response callback.
template <class Slot>
class BorderedChecker {
public:
    BorderedChecker(Slot inside, Origin origin) : inside_(std::move(inside)), origin_(std::move(origin)) {}

    template <class Given>
    async::task<std::optional<callbacks::AuthResult>> operator()(const std::string& first, const std::string& second,
                                                                 const Given& third) const {
        std::optional<callbacks::AuthResult> answer = co_await inside_.get()(first, second, third);
        if (answer && answer->on_response)
            answer->on_response = callbacks::ResponseCallback(BorderedResponse(std::move(answer->on_response), origin_));
        co_return answer;
    }

private:
    Slot inside_;
    Origin origin_;
};

/// What surrounds an iteration.
class BorderedManager {
public:
    BorderedManager(async::context_manager<int> inside, Origin origin)
        : inside_(std::move(inside)), origin_(std::move(origin)) {}

    async::task<int> enter() {
        try {
            co_return co_await inside_.enter();
        } catch (...) {
            origin_.rethrow_outside();
        }
    }
    /// What left the iteration is the manager's too if that lets it pass.
    async::task<bool> exit(std::exception_ptr failure) {
        try {
            co_return co_await inside_.exit(std::move(failure));
        } catch (...) {
            origin_.rethrow_outside();
        }
    }

private:
    async::context_manager<int> inside_;
    Origin origin_;
};

template <class Slot>
class BorderedController {
public:
    BorderedController(Slot inside, Origin origin) : inside_(std::move(inside)), origin_(std::move(origin)) {}

    async::task<async::context_manager<int>> operator()(const std::string& update_name, const std::string& database_name,
                                                        bool one_shot) const {
        async::context_manager<int> manager = co_await inside_.get()(update_name, database_name, one_shot);
        co_return async::context_manager<int>(BorderedManager(std::move(manager), origin_));
    }

private:
    Slot inside_;
    Origin origin_;
};

template <class Slot>
Slot with_bordered_response(const Slot& given, std::string_view callback, const std::string& module,
                            async::failure_border& border) {
    return Slot(BorderedChecker<Slot>(given, Origin(module, callback, border)));
}

}  // namespace

callbacks::PasswordAuthProvider with_bordered_answers(callbacks::PasswordAuthProvider given, const std::string& module,
                                                      async::failure_border* border) {
    if (border == nullptr) return given;
    using Checkers = decltype(given.auth_checkers);
    std::vector<std::pair<callbacks::LoginType, Checkers::one>> checkers;
    for (const auto& [type, checker] : given.auth_checkers.entries()) {
        if (!checker) return given;  // registering it is refused
        checkers.emplace_back(type, with_bordered_response(checker, Checkers::callback_name, module, *border));
    }
    given.auth_checkers = Checkers(std::move(checkers));
    using ByAddress = decltype(given.check_3pid_auth);
    if (given.check_3pid_auth)
        given.check_3pid_auth = with_bordered_response(given.check_3pid_auth, ByAddress::callback_name, module, *border);
    return given;
}

callbacks::BackgroundUpdateController with_bordered_answers(callbacks::BackgroundUpdateController given,
                                                            const std::string& module, async::failure_border* border) {
    if (border == nullptr || !given.on_update) return given;
    using Slot = decltype(given.on_update);
    given.on_update = Slot(BorderedController<Slot>(given.on_update, Origin(module, Slot::callback_name, *border)));
    return given;
}

}  // namespace modapi
