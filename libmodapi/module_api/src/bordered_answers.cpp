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
    Origin(std::string_view callback, async::failure_border* border, const ModuleRegistrations& of)
        : identity_(std::make_shared<async::callback_identity>(of.module, callback)), border_(border), uses_(of.uses) {}

    /// Of the exception that is being handled. The end of the operation passes as it is.
    [[noreturn]] void rethrow_outside() const {
        try {
            throw;
        } catch (const async::operation_cancelled&) {
            throw;
        } catch (...) {
            if (border_ == nullptr) throw;
            std::rethrow_exception(border_->outside(*identity_, std::current_exception()));
        }
    }
    /// Somebody has an answer of the module's in hand.
    [[nodiscard]] ModuleUses::Use use() const noexcept { return uses_.use(); }

private:
    std::shared_ptr<async::callback_identity> identity_;
    async::failure_border* border_;
    ModuleUses uses_;
};

/// What runs with a login's response.
class BorderedResponse {
public:
    BorderedResponse(callbacks::ResponseCallback inside, Origin origin)
        : use_(origin.use()), inside_(std::move(inside)), origin_(std::move(origin)) {}

    async::task<void> operator()(callbacks::LoginResponse& response) const {
        try {
            co_await inside_.get()(response);
        } catch (...) {
            origin_.rethrow_outside();
        }
    }

private:
    ModuleUses::Use use_;  // ends after the module's code
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
        : use_(origin.use()), inside_(std::move(inside)), origin_(std::move(origin)) {}

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
    ModuleUses::Use use_;  // ends after the module's code
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
Slot with_bordered_response(const Slot& given, async::failure_border* border, const ModuleRegistrations& of) {
    return Slot(BorderedChecker<Slot>(given, Origin(Slot::callback_name, border, of)));
}

}  // namespace

callbacks::PasswordAuthProvider with_bordered_answers(callbacks::PasswordAuthProvider given, async::failure_border* border,
                                                      const ModuleRegistrations& of) {
    using Checkers = decltype(given.auth_checkers);
    std::vector<std::pair<callbacks::LoginType, Checkers::one>> checkers;
    for (const auto& [type, checker] : given.auth_checkers.entries()) {
        if (!checker) return given;  // registering it is refused
        checkers.emplace_back(type, with_bordered_response(checker, border, of));
    }
    given.auth_checkers = Checkers(std::move(checkers));
    if (given.check_3pid_auth) given.check_3pid_auth = with_bordered_response(given.check_3pid_auth, border, of);
    return given;
}

callbacks::BackgroundUpdateController with_bordered_answers(callbacks::BackgroundUpdateController given,
                                                            async::failure_border* border, const ModuleRegistrations& of) {
    if (!given.on_update) return given;
    using Slot = decltype(given.on_update);
    given.on_update = Slot(BorderedController<Slot>(given.on_update, Origin(Slot::callback_name, border, of)));
    return given;
}

}  // namespace modapi
